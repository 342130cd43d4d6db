"""The plugin under containerd: the annotations of a pod arrive without an API server, and whatever containerd calls is fine.

A client of its interface asks for pods as a kubelet does, and the namespaces of the pods are looked into.
"""

import hashlib
import io
import json
import os
import secrets
import shutil
import subprocess
import tarfile

import pods
from connections import EXCLUDED_OUTBOUND
from lab import LabError, checked
from program import IMAGE, CannotRun, remove_cgroups
from proxy import until

PAUSE = "localhost/pause:latest"
NAMESPACES = "/run/netns"
SOCKET = "/run/containerd.sock"
CAPABILITY = "io.kubernetes.cri.pod-annotations"
CAPTURE = {"netweir.io/capture": "enabled"}
TRANSPARENT = {"sidecar.istio.io/status": "{}", "sidecar.istio.io/interceptionMode": "TPROXY"}
EXCLUDES = {"netweir.io/exclude-outbound-ports": str(EXCLUDED_OUTBOUND)}

CONFIG = """\
version = 2
root = "{folder}/root"
state = "/run/containerd-state"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
address = "{socket}"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{pause}"
# In this namespace no process may lower an OOM score.
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{folder}/plugins"
conf_dir = "{folder}/networks"
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "native"
"""


def network(folder):
    ranges = [[{"subnet": "10.79.0.0/24"}], [{"subnet": "fd79::/64"}]]
    addresses = {"type": "host-local", "dataDir": f"{folder}/addresses", "ranges": ranges}
    bridge = {"type": "bridge", "bridge": "pods0", "isGateway": True, "ipam": addresses}
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    ours = {"type": "netweir", "capabilities": {CAPABILITY: True}, "logFile": f"{folder}/netweir.log", "logLevel": "debug"}
    return {"cniVersion": "1.0.0", "name": "pods", "plugins": [bridge, ports, ours]}


def archive(path, name):
    """An image with busybox alone, which waits: what a sandbox is made of. Docker's form, which `ctr` imports."""

    def entry(tar, name, content, mode=0o644):
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(content), mode
        tar.addfile(info, io.BytesIO(content))

    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar, open(shutil.which("busybox"), "rb") as busybox:
        entry(tar, "bin/busybox", busybox.read(), 0o755)
    layer = layer.getvalue()
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]}
    machine = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    run = {"Cmd": ["/bin/busybox", "sleep", "86400"]}
    config = {"architecture": machine, "os": "linux", "rootfs": rootfs, "config": run}
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    with tarfile.open(path, "w") as tar:
        entry(tar, "config.json", json.dumps(config).encode())
        entry(tar, "layer.tar", layer)
        entry(tar, "manifest.json", json.dumps(manifest).encode())


class Containerd:
    """It, with folders of its own, and the client."""

    def __init__(self, options, folder):
        self.folder = folder
        self.client = options.cri
        self.cgroup = f"netweir-test-{secrets.token_hex(4)}"
        for place in ("/run", "/dev/shm", "/var/lib/cni"):
            os.makedirs(place, exist_ok=True)
            checked(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", place])
        for name in ("plugins", "networks", "logs"):
            os.mkdir(f"{folder}/{name}")
        for plugin in ("bridge", "host-local", "portmap", "loopback"):
            os.symlink(f"/usr/lib/cni/{plugin}", f"{folder}/plugins/{plugin}")
        shutil.copy(options.netweir, f"{folder}/plugins/netweir")
        with open(f"{folder}/networks/10-pods.conflist", "x", encoding="utf-8") as file:
            json.dump(network(folder), file)
        with open(f"{folder}/config.toml", "x", encoding="utf-8") as file:
            file.write(CONFIG.format(folder=folder, socket=SOCKET, pause=PAUSE))
        self.log_path = f"{folder}/containerd.log"
        with open(self.log_path, "x", encoding="utf-8") as log:
            command = ["containerd", "--config", f"{folder}/config.toml"]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        self.ctr = ["ctr", "--address", SOCKET, "--namespace", "k8s.io"]
        until("an answer of containerd", self._answer)
        archive(f"{folder}/pause.tar", PAUSE)
        for image in (f"{folder}/pause.tar", options.image):
            checked([*self.ctr, "images", "import", "--snapshotter", "native", image])

    def _answer(self):
        if self.process.poll() is not None:
            with open(self.log_path, encoding="utf-8") as log:
                raise LabError(f"containerd ended: {log.read()[-2000:]}")
        asked = subprocess.run([*self.ctr, "version"], capture_output=True, check=False)
        return True if asked.returncode == 0 else None

    def call(self, *words):
        return checked([self.client, SOCKET, *words]).strip()

    def close(self):
        self.process.kill()
        self.process.wait()
        remove_cgroups(self.cgroup)


class Pod:
    """A pod that a kubelet would want."""

    def __init__(self, containerd, name, annotations, init=None):
        self.containerd = containerd
        self.name = name
        logs = f"{containerd.folder}/logs/{name}"
        os.mkdir(logs)
        self.wanted = json.dumps(
            {
                "name": name,
                "namespace": "shop",
                "annotations": annotations,
                "cgroup": f"/{containerd.cgroup}",
                "logs": logs,
                "init": init,
            }
        )

    def run(self):
        before = set(namespaces())
        self.id = self.containerd.call("run", self.wanted)
        (new,) = set(namespaces()) - before
        self.namespace = f"{NAMESPACES}/{new}"

    def rules(self):
        """What nft lists in the pod."""
        return checked(["nsenter", f"--net={self.namespace}", "nft", "list", "ruleset"])

    def stop_and_remove(self):
        self.containerd.call("stop", self.id)
        self.containerd.call("remove", self.id)

    def logged(self):
        """The plugin's log entries for this pod: commands and messages."""
        with open(f"{self.containerd.folder}/netweir.log", encoding="utf-8") as file:
            entries = [json.loads(line) for line in file]
        levels = ("info", "warning", "error")
        own = [entry for entry in entries if entry["pod"] == self.name and entry["namespace"] == "shop"]
        return [(entry["command"], entry["message"]) for entry in own if entry["level"] in levels]

    def calls(self):
        """Which commands the plugin was called with, each once in a row of messages."""
        with open(f"{self.containerd.folder}/netweir.log", encoding="utf-8") as file:
            entries = [json.loads(line) for line in file]
        return [entry["command"] for entry in entries if entry["pod"] == self.name]


def namespaces():
    return os.listdir(NAMESPACES) if os.path.isdir(NAMESPACES) else []


def run(options, checks, folder):
    if not options.image or not options.netweir or not options.cri:
        raise LabError("containerd: needs --netweir, --image and --cri")
    if not shutil.which("containerd"):
        raise CannotRun("containerd is not installed")
    checked(["ip", "link", "set", "lo", "up"])
    containerd = Containerd(options, folder)
    try:
        annotated(checks, containerd)
        transparent(checks, containerd)
        plain(checks, containerd)
        refused(checks, containerd)
        pods.decided(checks, containerd, Pod)
        pods.failing(checks, containerd, Pod)
        image(checks, containerd)
        if options.manifests:
            first_run(checks, containerd, options.manifests)
        checks.equal("no network namespace stays behind", namespaces(), [])
    finally:
        containerd.close()


def annotated(checks, containerd):
    pod = Pod(containerd, "annotated", CAPTURE | EXCLUDES)
    pod.run()
    rules = pod.rules()
    checks.equal("an annotated pod is captured", "outbound/redirect" in rules, True)
    checks.equal("as its other annotation says", f"elements = {{ {EXCLUDED_OUTBOUND} }}" in rules, True)
    pod.stop_and_remove()
    expected = [("ADD", "captured"), ("DEL", "no longer captured")]
    checks.equal("containerd's second DEL has nothing to take away", pod.logged(), expected)
    checks.equal("and comes", pod.calls().count("DEL") > 1, True)


def transparent(checks, containerd):
    """Its routes by `lo` are there, too."""
    pod = Pod(containerd, "transparent", TRANSPARENT)
    pod.run()
    checks.equal("a pod of Istio's is captured as its annotations say", "tproxy ip6 to :15006" in pod.rules(), True)
    for family in ("-4", "-6"):
        routes = checked(["nsenter", f"--net={pod.namespace}", "ip", family, "route", "show", "table", "133"])
        checks.equal(f"with its route (ip {family})", "local default dev lo" in routes, True)
    pod.stop_and_remove()


def plain(checks, containerd):
    for name, annotations in (("plain", {}), ("disabled", {"netweir.io/capture": "disabled"})):
        pod = Pod(containerd, name, annotations)
        pod.run()
        checks.equal(f"a pod that is {name} is not captured", pod.rules(), "")
        pod.stop_and_remove()
        checks.equal("and the log says so", pod.logged(), [("ADD", "not captured")])


def refused(checks, containerd):
    pod = Pod(containerd, "mistaken", CAPTURE | {"netweir.io/exclude-outbound-ports": "http"})
    try:
        pod.run()
        said = "nothing"
    except LabError as error:
        said = str(error)
    reasons = (
        "pod shop/mistaken cannot be captured: its annotations are wrong",
        'annotation netweir.io/exclude-outbound-ports: expected a port (1-65535), found "http"',
    )
    for reason in reasons:
        checks.equal(f"an invalid annotation is reported: {reason}", reason if reason in said else said, reason)
    calls = pod.calls()
    checks.equal("DEL after an ADD that failed", (calls[0], "DEL" in calls), ("ADD", True))


def image(checks, containerd):
    """The image as an init container, as a user who is not root, where the runtime hands no capability on."""
    arguments = ["apply", f"--exclude-outbound-ports={EXCLUDED_OUTBOUND}"]
    initializes(checks, containerd, "initialized", {"image": IMAGE, "args": arguments, "user": 65534})


def first_run(checks, containerd, manifests):
    """The init container of the README's first run."""
    with open(f"{manifests}/first-run.json", encoding="utf-8") as file:
        (manifest,) = json.load(file)
    (container,) = manifest["spec"]["initContainers"]
    user = container["securityContext"]["runAsUser"]
    initializes(checks, containerd, "first-run", {"image": container["image"], "args": container["args"], "user": user})


def initializes(checks, containerd, name, init):
    pod = Pod(containerd, name, {}, init)
    pod.run()
    checks.equal(f"{name}: nothing is captured before the init container", pod.rules(), "")
    checks.equal(f"{name}: the init container succeeds as uid {init['user']}", containerd.call("init", pod.wanted, pod.id), "0")
    checks.equal(f"{name}: the pod is captured", "outbound/redirect" in pod.rules(), True)
    pod.stop_and_remove()
