"""A pod in real life: podman plays a manifest with netweir's image as its init container, beside Envoy and an app."""

import contextlib
import glob
import json
import os
import shutil
import subprocess
from dataclasses import dataclass

from checks import DIRECT, way
from connections import EXCLUDED_INBOUND, EXCLUDED_OUTBOUND, HTTP, Connection, endpoint
from envoy_config import PASSTHROUGH_SOURCE, REDIRECT, TPROXY, config
from lab import APP, PEER, POD, PROXY, LabError, Owner, Place, checked, joined, start_web
from program import IMAGE, CannotRun, Image, remove_cgroups
from proxy import ENVOY_OPTIONS, Account, until
from tproxy import ENVOY as TRANSPARENT_PROXY

POD_NAME = "shop"
GRANTED = {"capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN"]}, "allowPrivilegeEscalation": False}
TOOLS = "localhost/tools:latest"
NETWORK = "mesh"


@dataclass(frozen=True)
class Life:
    """A pod: whose init container it has, started with what, and what its proxy does."""

    name: str
    arguments: tuple
    user: int
    mode: str
    proxy: Owner
    # Whom the app sees when the proxy passes on what the peer sent, and what the proxy itself did.
    seen_from_peer: dict
    seen_from_pod: dict

    @property
    def connections(self):
        """What is tried out, and whom the server sees: the client itself, or the proxy."""
        return (
            (Connection("peer", APP, f"pod:{HTTP}", POD, HTTP, "inbound"), self.seen_from_peer),
            (Connection("peer", APP, f"pod:{EXCLUDED_INBOUND}, excluded", POD, EXCLUDED_INBOUND, DIRECT), PEER),
            (Connection("pod", APP, f"peer:{HTTP}", PEER, HTTP, "outbound"), POD),
            (Connection("pod", APP, f"peer:{EXCLUDED_OUTBOUND}, excluded", PEER, EXCLUDED_OUTBOUND, DIRECT), POD),
            (Connection("pod", self.proxy, f"its own pod:{HTTP}", POD, HTTP, "inbound"), self.seen_from_pod),
        )


EXCLUDED = (f"--exclude-outbound-ports={EXCLUDED_OUTBOUND}", f"--exclude-inbound-ports={EXCLUDED_INBOUND}")
LIVES = (
    # The init container as meshes have theirs, as root.
    Life("redirect", ("apply", *EXCLUDED), 0, REDIRECT, PROXY, PASSTHROUGH_SOURCE, PASSTHROUGH_SOURCE),
    # As in deploy/; a transparent proxy is root itself.
    Life("tproxy", ("apply", *EXCLUDED, "--inbound-mode=tproxy"), 65534, TPROXY, TRANSPARENT_PROXY, PEER, POD),
)

# What the manifests of Istio say, with this pod's ports and both families.
ISTIO = (
    *"-p 15001 -z 15006 -u 1337 -m REDIRECT -i * -b * -d".split(),
    f"15090,15021,15020,{EXCLUDED_INBOUND}",
    *("-o", f"{EXCLUDED_OUTBOUND}", "-x", "", "--dual-stack", "--log_output_level=default:info"),
)
DROP_INS = (
    Life("istio-init", ("istio-iptables", *ISTIO), 0, REDIRECT, PROXY, PASSTHROUGH_SOURCE, PASSTHROUGH_SOURCE),
    Life("proxy_init", ISTIO, 0, REDIRECT, PROXY, PASSTHROUGH_SOURCE, PASSTHROUGH_SOURCE),
)

# Says whom it saw, as the demo's server does. An IPv4 address may come in the form of IPv6.
APP_ANSWER = """#!/bin/sh
address=${REMOTE_ADDR#[}
address=${address%]}
printf 'Content-Type: application/json\\r\\n\\r\\n'
echo "{\\"server\\": \\"pod\\", \\"client\\": [\\"${address#::ffff:}\\", $REMOTE_PORT]}"
"""
APP_START = f"httpd -p {HTTP} -h /www && exec httpd -f -p {EXCLUDED_INBOUND} -h /www"


class Played:
    """Podman with a network of its own, and what it plays."""

    def __init__(self, archive, folder, plugins=()):
        """`plugins` come behind the bridge on its network."""
        self.folder = folder
        self.image = Image(archive, folder, 0)
        self.manifest = f"{folder}/pod.json"
        self.networks = f"{folder}/networks"
        # Where netweir is, if it is to be a plugin.
        self.plugins = f"{folder}/plugins"
        for path in (self.networks, self.plugins):
            os.mkdir(path)
        with open(os.environ["CONTAINERS_CONF"], "a", encoding="utf-8") as file:
            # The pod's infra container runs what its image says: to wait.
            file.write(f'infra_image = "{TOOLS}"\n[network]\nnetwork_backend = "cni"\n')
            file.write(f'cni_plugin_dirs = ["/usr/lib/cni", "{self.plugins}"]\nnetwork_config_dir = "{self.networks}"\n')
        self.write(f"networks/{NETWORK}.conflist", network(folder, plugins))

    def write(self, name, document):
        with open(f"{self.folder}/{name}", "w", encoding="utf-8") as file:
            json.dump(document, file)

    def podman(self, *arguments):
        return checked([*self.image.podman, *arguments])

    def try_out(self):
        """Raises `CannotRun` when podman can start no container here, or does not know the network."""
        with joined() as (somewhere, _):
            self.image.try_out(somewhere)
        trial = subprocess.run(
            [*self.image.podman, "network", "inspect", NETWORK], capture_output=True, text=True, check=False
        )
        if trial.returncode != 0:
            raise CannotRun(f"podman without CNI: {trial.stderr.strip()}")

    def log(self, name):
        """All that the container wrote."""
        command = [*self.image.podman, "logs", f"{POD_NAME}-{name}"]
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True).stdout

    def build_tools(self, envoy):
        """An image with busybox, the app's pages and what Envoy is linked to."""
        root = f"{self.folder}/tools"
        for folder in ("bin", "tmp", "proc", "dev", "sys", "etc", "envoy", "proxy", "www/cgi-bin"):
            os.makedirs(f"{root}/{folder}")
        shutil.copy(shutil.which("busybox"), f"{root}/bin/busybox")
        for name in ("sh", "sleep", "wget"):
            os.symlink("busybox", f"{root}/bin/{name}")
        with open(f"{root}/www/cgi-bin/index.cgi", "x", encoding="ascii") as file:
            file.write(APP_ANSWER)
        os.chmod(f"{root}/www/cgi-bin/index.cgi", 0o755)
        for library in (word for word in checked(["ldd", envoy]).split() if word.startswith("/")):
            os.makedirs(root + os.path.dirname(library), exist_ok=True)
            shutil.copy(library, root + library)
        checked(["tar", "--create", f"--directory={root}", f"--file={self.folder}/tools.tar", "."])
        # The first process of a container passes SIGTERM by, and podman would wait for it as long as it may.
        changes = ['CMD ["/bin/sleep", "86400"]', "STOPSIGNAL SIGKILL"]
        options = [word for change in changes for word in ("--change", change)]
        self.podman("import", "--quiet", *options, f"{self.folder}/tools.tar", TOOLS)

    def play(self, pod, name=NETWORK):
        self.write("pod.json", pod)
        self.podman("kube", "play", "--quiet", "--network", name, self.manifest)

    def place(self):
        """The pod's network namespace."""
        pid = self.podman("inspect", "--format", "{{.State.Pid}}", f"{POD_NAME}-app").strip()
        return Place("pod", int(pid))

    def down(self):
        self.podman("pod", "rm", "--force", "--time", "0", POD_NAME)

    def close(self):
        self.image.close()
        # What podman leaves of its pods' cgroups; where there are others' pods, it is not empty.
        remove_cgroups("libpod_parent")


def network(folder, plugins=(), name=NETWORK):
    """A bridge on which the pod and this sandbox have the addresses of the demo's pod and peer."""
    ranges = [
        [{"subnet": subnet, "rangeStart": POD[family], "rangeEnd": POD[family], "gateway": PEER[family]}]
        for family, subnet in ((4, "10.77.0.0/24"), (6, "fd77::/64"))
    ]
    routes = [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]
    addresses = {"type": "host-local", "dataDir": f"{folder}/addresses", "ranges": ranges, "routes": routes}
    bridge = {"type": "bridge", "bridge": "mesh0", "isGateway": True, "ipam": addresses}
    return {"cniVersion": "0.4.0", "name": name, "plugins": [bridge, *plugins]}


def init_container(life):
    """Confined as in deploy/."""
    confined = {**GRANTED, "readOnlyRootFilesystem": True, "runAsUser": life.user}
    return container("netweir", IMAGE, confined, args=list(life.arguments))


def manifest(life, envoy, proxy_folder, init_containers):
    """The pod: an Envoy and an app."""
    run = ["/envoy/envoy", "--config-path", "/proxy/envoy.json", *ENVOY_OPTIONS]
    mounts = [{"name": "envoy", "mountPath": "/envoy", "readOnly": True}, {"name": "proxy", "mountPath": "/proxy"}]
    as_proxy = {"runAsUser": life.proxy.uid, "runAsGroup": life.proxy.gid}
    if life.mode == TPROXY:
        as_proxy |= GRANTED
    proxy = container("proxy", TOOLS, as_proxy, command=run, volumeMounts=mounts)
    app = container("app", TOOLS, {"runAsUser": APP.uid, "runAsGroup": APP.gid}, command=["/bin/sh", "-c", APP_START])
    folders = {"envoy": os.path.dirname(envoy), "proxy": proxy_folder}
    volumes = [{"name": name, "hostPath": {"path": path, "type": "Directory"}} for name, path in folders.items()]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        # The init container stays when it is done, so that its log can be read.
        "metadata": {"name": POD_NAME, "annotations": {"io.podman.annotations.init.container.type": "always"}},
        "spec": {"restartPolicy": "Never", "initContainers": init_containers, "containers": [proxy, app], "volumes": volumes},
    }


def container(name, image, context, **rest):
    return {"name": name, "image": image, "imagePullPolicy": "Never", "securityContext": context, **rest}


def binary_of(envoy):
    """The program itself: what the wheel puts on PATH is a script that starts it."""
    found = glob.glob(f"{os.path.dirname(os.path.dirname(envoy))}/lib/python3*/site-packages/envoy/_bin/envoy")
    return found[0] if found else envoy


def run(options, checks, folder):
    if not options.envoy or not options.image:
        raise LabError("kube-play: needs --envoy and --image")
    with playing(options, folder) as played:
        for life in (*LIVES, *DROP_INS):
            with born(played, options.envoy, life, [init_container(life)]) as proxy:
                print(f"The init container, as uid {life.user}, {life.name}, said:", flush=True)
                print(f"  {played.log('netweir').strip()}", flush=True)
                connect(checks, played, proxy, life)


@contextlib.contextmanager
def playing(options, folder, plugins=()):
    """Podman, ready to play pods."""
    played = Played(options.image, folder, plugins)
    try:
        played.try_out()
        played.build_tools(binary_of(options.envoy))
        checked(["ip", "link", "set", "lo", "up"])
        # The bridge to be made: without duplicate address detection its address serves at once.
        checked(["sh", "-c", "echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad"])
        yield played
    finally:
        played.close()


@contextlib.contextmanager
def born(played, envoy, life, init_containers):
    """A pod from its first to its last day: what its proxy says, once it is up."""
    here = f"{played.folder}/{life.name}"
    os.mkdir(here)
    proxy = Account(None, here, life.proxy)
    with open(f"{proxy.folder}/envoy.json", "x", encoding="utf-8") as file:
        json.dump(config(f"/proxy/{os.path.basename(proxy.log_path)}", life.mode), file)
    played.play(manifest(life, binary_of(envoy), proxy.folder, init_containers))
    try:
        proxy.pod = played.place()
        proxy.totals()
        yield proxy
    finally:
        played.down()


def connect(checks, played, proxy, life):
    """Makes the connections of the pod's life, from it and from here, its peer."""
    peer = Place("peer", os.getpid())
    try:
        try_out(checks, played, {"pod": proxy.pod, "peer": peer}, proxy, life)
    finally:
        peer.close()


def try_out(checks, played, namespaces, proxy, life):
    start_web(namespaces["peer"], (HTTP, EXCLUDED_OUTBOUND))
    for connection, seen in life.connections:
        for family in (4, 6):
            got = way(namespaces, proxy, connection, family)
            label = f"{connection.who} to {connection.where} over IPv{family}"
            want = (connection.expected, seen[family])
            checks.equal(f"{label}: {want[0]}, and the server sees {want[1]}", got, want)
    for family in (4, 6):
        url = f"http://{endpoint(PEER[family], HTTP)}/"
        answer = json.loads(played.podman("exec", f"{POD_NAME}-app", "/bin/wget", "-q", "-O", "-", url))
        saw = endpoint(*answer["client"])
        entry = until(f"an access log entry for a connection from {saw}", lambda: proxy.entry_to_server(saw))
        checks.equal(f"the app's own container to peer:{HTTP} over IPv{family}", entry["listener"], f"outbound{family}")
