"""The manifests in real life: podman plays the pod of the DaemonSet, which puts the plugin on what is a node for it, and the
init container of the component.

It plays no DaemonSet, so the pod is taken out of one: with the node's folders and the image replaced, and not started again when it
ends, which is looked at.
"""

import copy
import json
import os
import re
import subprocess
import urllib.error
import urllib.request

from connections import EXCLUDED_INBOUND, EXCLUDED_OUTBOUND
from envoy_config import PASSTHROUGH_SOURCE, REDIRECT
from kube_play import NETWORK, TOOLS, Life, born, connect, network, playing
from lab import PROXY, LabError, checked
from program import IMAGE
from proxy import until

NODE = "netweir-node"
INSTALLER = f"{NODE}-installer"
BIN, CONF = "/opt/cni/bin", "/etc/cni/net.d"
CONFLIST = f"{NETWORK}.conflist"


class Node:
    """What is a node for the installer: two folders, in the second of which the network's own agent has left its configuration."""

    def __init__(self, played, folders):
        self.played = played
        self.bin, self.conf = folders[BIN], folders[CONF]
        self.folders = folders

    @classmethod
    def bare(cls, played, name):
        """One on which the network's own agent has not been yet."""
        folders = {place: f"{played.folder}/{name}{place}" for place in (BIN, CONF)}
        for path in folders.values():
            os.makedirs(path)
        return cls(played, folders)

    @classmethod
    def new(cls, played, name):
        node = cls.bare(played, name)
        node.write_network()
        return node

    def write_network(self):
        with open(f"{self.conf}/{CONFLIST}", "w", encoding="utf-8") as file:
            json.dump(network(self.played.folder), file)

    def entry(self):
        """The plugin's entry, if the last of the list is one."""
        with open(f"{self.conf}/{CONFLIST}", encoding="utf-8") as file:
            last = json.load(file)["plugins"][-1]
        return last if last["type"] == "netweir" else None

    def files(self):
        """By folder, without what podman itself has there."""
        own = ("cni.lock", "podman-default-kube-network.conflist")
        return {place: sorted(set(os.listdir(path)).difference(own)) for place, path in self.folders.items()}

    def start(self, objects):
        """Plays the pod of the DaemonSet, with its configuration."""
        documents = [one(objects, "ConfigMap"), pod_of(objects, self.folders)]
        with open(self.played.manifest, "w", encoding="utf-8") as file:
            file.write("\n---\n".join(json.dumps(document) for document in documents))
        self.played.podman("kube", "play", "--quiet", self.played.manifest)

    def inspect(self, what):
        return self.played.podman("inspect", "--format", what, INSTALLER).strip()

    def log(self):
        command = [*self.played.image.podman, "logs", INSTALLER]
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True).stdout

    def answer(self, objects):
        """What the kubelet's probe is answered: the status, or nothing without a listener."""
        asked = container_of(objects)["readinessProbe"]["httpGet"]
        try:
            get(asked, asked["path"])
        except urllib.error.HTTPError as refusal:
            return refusal.code
        except OSError:
            if self.inspect("{{.State.Running}}") != "true":
                raise LabError(f"the installer ended: {self.log()}") from None
            return None
        return 200

    def ready(self, objects):
        """Asks as the kubelet does, until the answer is yes."""
        until("the installer's readiness", lambda: self.answer(objects) == 200 or None)

    def stop(self):
        """As the kubelet does; the exit code."""
        self.played.podman("stop", "--time", "10", INSTALLER)
        return int(self.inspect("{{.State.ExitCode}}"))

    def down(self):
        """The pod, and what was its ConfigMap."""
        self.played.podman("pod", "rm", "--force", "--time", "0", NODE)
        self.played.podman("volume", "rm", "--all", "--force")


def one(objects, kind):
    (found,) = [found for found in objects if found["kind"] == kind]
    return found


def container_of(objects):
    return one(objects, "DaemonSet")["spec"]["template"]["spec"]["containers"][0]


def pod_of(objects, folders):
    template = copy.deepcopy(one(objects, "DaemonSet")["spec"]["template"])
    template["spec"]["restartPolicy"] = "Never"
    for container in template["spec"]["containers"]:
        container |= {"image": IMAGE, "imagePullPolicy": "Never"}
    for volume in template["spec"]["volumes"]:
        if "hostPath" in volume:
            volume["hostPath"]["path"] = folders[volume["hostPath"]["path"]]
    return {"apiVersion": "v1", "kind": "Pod", **template, "metadata": {**template["metadata"], "name": NODE}}


def get(listener, path):
    with urllib.request.urlopen(f"http://{listener['host']}:{listener['port']}{path}", timeout=5) as answer:
        return answer.read().decode()


def run(options, checks, folder):
    if not options.envoy or not options.image or not options.manifests:
        raise LabError("deploy: needs --envoy, --image and --manifests")

    def manifests(name):
        with open(f"{options.manifests}/{name}.json", encoding="utf-8") as file:
            return json.load(file)

    with playing(options, folder) as played:
        for way in ("helm", "kustomize"):
            print(f"The pod of the DaemonSet, by {way}:", flush=True)
            installs(checks, Node.new(played, way), manifests(way))
        print("A new node:", flush=True)
        waits(checks, Node.bare(played, "new"), manifests("helm"))
        print("A node's pods:", flush=True)
        captures(checks, Node(played, {BIN: played.plugins, CONF: played.networks}), manifests("all"))
        print("The way out:", flush=True)
        leaves(checks, Node.new(played, "uninstall"), manifests("uninstall"))
        print("An invalid configuration:", flush=True)
        refuses(checks, Node.new(played, "invalid"), manifests("invalid"))
        print("The init container:", flush=True)
        initializes(checks, played, manifests("shop"), options.envoy)
        print("The first run of the README:", flush=True)
        runs_first(checks, played, manifests("first-run"))


def installs(checks, node, objects):
    node.start(objects)
    try:
        node.ready(objects)
        confined(checks, int(node.inspect("{{.State.Pid}}")))
        config = json.loads(one(objects, "ConfigMap")["data"]["plugin.json"])
        entry = node.entry()
        checks.equal("its entry is the last of the list, as configured", {**entry, **config}, entry)
        mode = os.stat(f"{node.bin}/netweir").st_mode & 0o7777
        checks.equal("the plugin's mode", oct(mode), oct(0o755))
        versions = subprocess.run([f"{node.bin}/netweir"], env={"CNI_COMMAND": "VERSION"}, input="{}", capture_output=True, text=True, check=True)
        checks.equal("the plugin runs", "1.1.0" in json.loads(versions.stdout)["supportedVersions"], True)
        probe = container_of(objects)["readinessProbe"]["httpGet"]
        checks.equal("figures for Prometheus", "# TYPE netweir_" in get(probe, "/metrics"), True)
        node.write_network()
        checks.equal("an entry that another program removed comes back", until("a repair", node.entry), entry)
        files = node.files()
        checks.equal("SIGTERM ends it well", node.stop(), 0)
        checks.equal("and leaves everything as it is", (node.files(), node.entry()), (files, entry))
        checks.equal("nothing half-written is among it", files, {BIN: ["netweir"], CONF: [CONFLIST]})
    finally:
        node.down()


def confined(checks, pid):
    """What the kernel says of the installer."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        status = dict(line.split(":\t", 1) for line in file.read().splitlines() if ":\t" in line)
    sets = {name: int(value, 16) for name, value in status.items() if name.startswith("Cap")}
    checks.equal("no capability, in no set", (len(sets), any(sets.values())), (5, False))
    checks.equal("no new privileges, and a seccomp filter", (status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))
    with open(f"/proc/{pid}/mountinfo", encoding="utf-8") as file:
        mounts = {fields[4]: fields[5].split(",") for fields in map(str.split, file)}
    checks.equal("a read-only root", "ro" in mounts["/"], True)
    checks.equal("a read-only configuration", "ro" in mounts["/etc/netweir"], True)
    checks.equal("the folders of the node", [path for path in (BIN, CONF) if "rw" in mounts[path]], [BIN, CONF])


def waits(checks, node, objects):
    """It comes before the network does, and is not ready until that is there."""
    node.start(objects)
    try:
        checks.equal("not ready without a network", until("an answer", lambda: node.answer(objects)), 503)
        node.write_network()
        node.ready(objects)
        checks.equal("ready with it, and in it", node.entry() is not None, True)
        node.stop()
    finally:
        node.down()


def captures(checks, node, objects):
    """Who comes to the node is captured while the installer runs, and when it is gone: an update leaves no gap."""
    played = node.played

    def captured():
        confined = (f"--cgroup-parent=/{played.image.cgroup}", "--pull=never", f"--network={NETWORK}")
        name = played.podman("run", "--detach", *confined, TOOLS).strip()
        try:
            pid = played.podman("inspect", "--format", "{{.State.Pid}}", name).strip()
            return "outbound/redirect" in checked(["nsenter", f"--net=/proc/{pid}/ns/net", "nft", "list", "ruleset"])
        finally:
            played.podman("rm", "--force", "--time", "0", name)

    checks.equal("captured without an installer", captured(), False)
    for installer in ("the first", "the next"):
        node.start(objects)
        try:
            node.ready(objects)
            checks.equal(f"captured by {installer}", captured(), True)
            checks.equal("SIGTERM ends it well", node.stop(), 0)
        finally:
            node.down()
        checks.equal("captured still, with no installer there", captured(), True)


def leaves(checks, node, objects):
    node.start(objects)
    try:
        node.ready(objects)
        checks.equal("installed", node.entry() is not None, True)
        checks.equal("SIGTERM ends it well", node.stop(), 0)
        checks.equal("and nothing is left", (node.files(), node.entry()), ({BIN: [], CONF: [CONFLIST]}, None))
    finally:
        node.down()


def refuses(checks, node, objects):
    node.start(objects)
    try:
        code = int(node.played.podman("wait", INSTALLER).strip())
        log = node.log()
        checks.equal("it does not start", code, 2)
        checks.equal("and says why", "exclude-outbound-port" in log or log, True)
        checks.equal("nothing is installed", (node.files(), node.entry()), ({BIN: [], CONF: [CONFLIST]}, None))
    finally:
        node.down()


def initializes(checks, played, objects, envoy):
    """The component's init container, which leaves one more port alone here."""
    played.write(f"networks/{CONFLIST}", network(played.folder))
    container = one(objects, "Deployment")["spec"]["template"]["spec"]["initContainers"][0]
    arguments = (*container["args"], f"--exclude-inbound-ports={EXCLUDED_INBOUND}")
    checks.equal("it leaves a port alone", f"--exclude-outbound-ports={EXCLUDED_OUTBOUND}" in arguments, True)
    container |= {"image": IMAGE, "imagePullPolicy": "Never", "args": list(arguments)}
    user = container["securityContext"]["runAsUser"]
    life = Life("shop", arguments, user, REDIRECT, PROXY, PASSTHROUGH_SOURCE, PASSTHROUGH_SOURCE)
    with born(played, envoy, life, [container]) as proxy:
        connect(checks, played, proxy, life)


def runs_first(checks, played, objects):
    """The pod without a proxy: capture is verified, and `trace` shows where a connection goes."""
    (pod,) = objects
    for container in pod["spec"]["initContainers"] + pod["spec"]["containers"]:
        container["imagePullPolicy"] = "Never"
    # Podman would start an init container again and again under another policy.
    pod["spec"]["restartPolicy"] = "Never"
    # The init container stays when it is done, so that its log can be read.
    pod["metadata"]["annotations"] = {"io.podman.annotations.init.container.type": "always"}
    name = pod["metadata"]["name"]

    def log(container):
        command = [*played.image.podman, "logs", f"{name}-{container}"]
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True).stdout

    played.play(pod)
    try:
        verified = [line for line in log("netweir").splitlines() if line.startswith("info: verified: ")]
        checks.equal("verified in both directions, for both families", len(verified), 4)
        until("the trace to begin", lambda: log("trace") or None)
        pid = played.podman("inspect", "--format", "{{.State.Pid}}", f"{name}-trace").strip()
        target = ["nsenter", f"--net=/proc/{pid}/ns/net", "curl", "--silent", "http://192.0.2.1:8080"]
        refused = subprocess.run(target, check=False).returncode
        checks.equal("an application's connection is refused without a proxy (curl's code 7)", refused, 7)
        shown = until("the connection in the trace", lambda: re.search("out tcp 192.0.2.1:8080 .*redirected to port (\\d+)", log("trace")))
        checks.equal("and shown with the proxy's port", shown[1], "15001")
    finally:
        played.podman("pod", "rm", "--force", "--time", "0", name)
