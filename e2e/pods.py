"""Pods as the meshes' injectors write them, and where their connections go once a runtime has set them up."""

import json
import subprocess
import sys

from lab import LabError, checked

# Where the proxies listen: Istio and Kuma, Linkerd, Consul.
PROXY_PORTS = (15001, 15006, 4140, 4143, 20000)
APP_PORT = 8080
SERVER_PORT = 8000
API_SERVER_PORT = 443
# The first address of the network in containerd.py, which the bridge has.
NODE = "10.79.0.1"
APP = 1000

LISTENER = """
import socket, sys, threading
def serve(listener):
    while True:
        connection, _ = listener.accept()
        connection.sendall(str(listener.getsockname()[1]).encode())
        connection.close()
listeners = [socket.create_server(("0.0.0.0", int(port)), backlog=16) for port in sys.argv[1:]]
for listener in listeners:
    threading.Thread(target=serve, args=[listener], daemon=True).start()
print("ready", flush=True)
sys.stdin.read()
"""
CLIENT = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=5) as connection:
    print(connection.recv(16).decode(), end="")
"""


def istio(init, containers):
    return {"sidecar.istio.io/status": json.dumps({"initContainers": init, "containers": containers, "revision": "default"})}


LINKERD = {"linkerd.io/proxy-version": "edge-26.8.3"}
CONTROL_PLANE = {"linkerd.io/created-by": "linkerd/helm edge-26.8.3", "config.linkerd.io/default-inbound-policy": "all-unauthenticated"}
KUMA = {"kuma.io/sidecar-injected": "true"}
KUMA_NETWORK = {"k8s.v1.cni.cncf.io/networks": "kuma-cni"}
KUMA_CONFIG = "traffic.kuma.io/transparent-proxy-config"
CONSUL = {
    "consul.hashicorp.com/connect-inject-status": "injected",
    "consul.hashicorp.com/transparent-proxy-status": "enabled",
}
CONSUL_CONFIG = "consul.hashicorp.com/redirect-traffic-config"
CONSUL_VALUES = json.dumps({"ProxyUserID": "5995", "ProxyInboundPort": 20000, "ExcludeUIDs": ["5996"]})
ISTIO_CNI = istio(["istio-validation", "istio-proxy"], None)
DIRECT = (SERVER_PORT, APP_PORT)

# What a pod has, the reason of the decision, and the ports that outbound and inbound connections reach.
DECIDED = {
    "not-injected": ({}, "no-mesh", DIRECT),
    "istio-native": (ISTIO_CNI, "istio-validation", (15001, 15006)),
    "istio-classic": (istio(["istio-validation"], ["istio-proxy"]), "istio-validation", (15001, 15006)),
    "istio-native-init": (istio(["istio-init", "istio-proxy"], None), "istio-init", DIRECT),
    "istio-classic-init": (istio(["istio-init"], ["istio-proxy"]), "istio-init", DIRECT),
    "istio-native-none": (istio(["istio-proxy"], None), "istio-no-sidecar", DIRECT),
    "istio-gateway": (istio(None, ["istio-proxy"]), "istio-no-sidecar", DIRECT),
    "istio-grpc-agent": (istio(None, ["istio-proxy", "app"]), "istio-no-sidecar", DIRECT),
    "istio-grpc": (istio(["grpc-bootstrap-init"], ["app"]), "istio-no-sidecar", DIRECT),
    "istio-custom": (istio(None, ["app"]), "istio-no-sidecar", DIRECT),
    "istio-none": (ISTIO_CNI | {"sidecar.istio.io/interceptionMode": "NONE"}, "istio-interception-none", DIRECT),
    "istio-unreadable": ({"sidecar.istio.io/status": "{}"}, "istio-status-unreadable", (15001, 15006)),
    "istio-ambient": ({"ambient.istio.io/redirection": "enabled"}, "istio-ambient", DIRECT),
    "linkerd": (LINKERD, "linkerd-proxy", (4140, 4143)),
    "linkerd-ingress": (LINKERD | {"linkerd.io/inject": "ingress"}, "linkerd-proxy", (4140, 4143)),
    "linkerd-control-plane": (LINKERD | CONTROL_PLANE, "linkerd-proxy", (4140, 4143)),
    "linkerd-leftover": (LINKERD | {"sidecar.istio.io/inject": "false"}, "linkerd-proxy", (4140, 4143)),
    "kuma-config": (KUMA | {KUMA_CONFIG: "cniMode: true\n"}, "kuma-cni-mode", (15001, 15006)),
    "kuma-network": (KUMA | KUMA_NETWORK, "kuma-network", (15001, 15006)),
    "kuma-init": (KUMA, "kuma-init", DIRECT),
    "kuma-config-init": (KUMA | {KUMA_CONFIG: "kumaDPUser: '5678'\n"}, "kuma-init", DIRECT),
    "kuma-builtin": ({"kuma.io/gateway": "builtin"}, "no-mesh", DIRECT),
    "kuma-delegated": (KUMA | KUMA_NETWORK | {"kuma.io/gateway": "enabled"}, "kuma-network", (15001, APP_PORT)),
    "kuma-off": (
        KUMA | {KUMA_CONFIG: "cniMode: true\nredirect: {inbound: {enabled: false}, outbound: {enabled: false}}\n"},
        "kuma-cni-mode",
        DIRECT,
    ),
    "consul": (CONSUL | {CONSUL_CONFIG: CONSUL_VALUES}, "consul-config", (15001, 20000)),
    "consul-init": (CONSUL, "consul-no-config", DIRECT),
    "netweir-init": (ISTIO_CNI | {"netweir.io/injected": "init"}, "injected-init", DIRECT),
    "netweir-node": ({"netweir.io/injected": "node"}, "injected-node", (15001, 15006)),
    "enabled": (istio(None, ["istio-proxy"]) | {"netweir.io/capture": "enabled"}, "capture-enabled", (15001, 15006)),
    "two-meshes-disabled": (LINKERD | ISTIO_CNI | {"netweir.io/capture": "disabled"}, "capture-disabled", DIRECT),
}

# What a pod has that does not start, and what its events say.
FAILING = {
    "two-meshes": (LINKERD | ISTIO_CNI, "contradicts sidecar.istio.io/status"),
    "istio-ports": (ISTIO_CNI | {"traffic.sidecar.istio.io/excludeOutboundPorts": "http"}, 'expected a port'),
    "linkerd-ports": (LINKERD | {"config.linkerd.io/skip-inbound-ports": "http"}, 'expected a port'),
    "kuma-unreadable": (KUMA | {KUMA_CONFIG: "redirect: ["}, "cannot be read"),
    "kuma-ports": (KUMA | {KUMA_CONFIG: "cniMode: true\nredirect: {inbound: {port: 0}}\n"}, 'expected a port'),
    "consul-unreadable": (CONSUL | {CONSUL_CONFIG: "{"}, "cannot be read"),
    "consul-ports": (CONSUL | {CONSUL_CONFIG: CONSUL_VALUES[:-1] + ', "ExcludeInboundPorts": ["nonsense"]}'}, 'expected a port'),
}


class Listener:
    """Answers connections to each port with the port's number, inside a network namespace or here."""

    def __init__(self, prefix, ports):
        command = [*prefix, sys.executable, "-c", LISTENER, *map(str, ports)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise LabError("a listener did not start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.communicate()


def reached(prefix, address, port):
    """The port that a connection reaches."""
    return int(checked([*prefix, sys.executable, "-c", CLIENT, address, str(port)]))


def address_of(inside):
    (link,) = json.loads(checked([*inside, "ip", "-json", "-4", "address", "show", "dev", "eth0"]))
    return link["addr_info"][0]["local"]


def reason_of(containerd, name):
    """What the plugin's log gives as the reason for its decision at ADD."""
    with open(f"{containerd.folder}/netweir.log", encoding="utf-8") as file:
        entries = [json.loads(line) for line in file]
    reasons = [entry["reason"] for entry in entries if entry["pod"] == name and entry["command"] == "ADD" and "reason" in entry]
    return reasons[0] if reasons else "none"


def decided(checks, containerd, make_pod):
    """Every kind of pod, with a connection in each direction."""
    with Listener([], [SERVER_PORT, API_SERVER_PORT]):
        for name, (annotations, reason, ports) in DECIDED.items():
            pod = make_pod(containerd, name, annotations)
            pod.run()
            inside = ["nsenter", f"--net={pod.namespace}"]
            as_app = [*inside, "setpriv", f"--reuid={APP}", f"--regid={APP}", "--clear-groups"]
            with Listener(inside, [*PROXY_PORTS, APP_PORT]):
                outbound = reached(as_app, NODE, SERVER_PORT)
                inbound = reached([], address_of(inside), APP_PORT)
                if "control-plane" in name:
                    api_server = reached(as_app, NODE, API_SERVER_PORT)
                    checks.equal(f"{name}: reaches the API server", api_server, API_SERVER_PORT)
            checks.equal(f"{name}: outbound and inbound", (outbound, inbound), ports)
            checks.equal(f"{name}: the reason", reason_of(containerd, name), reason)
            pod.stop_and_remove()


def failing(checks, containerd, make_pod):
    for name, (annotations, reason) in FAILING.items():
        try:
            make_pod(containerd, name, annotations).run()
            said = "nothing"
        except LabError as error:
            said = str(error)
        checks.equal(f"{name}: does not start", reason if reason in said else said, reason)
