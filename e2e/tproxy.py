"""A real Envoy in tproxy mode: the app sees the client's address."""

from checks import DIRECT, netweir, way
from connections import HTTP, TUNNEL, Connection
from envoy_config import TPROXY
from lab import APP, PEER, POD, ROOT, LabError, Owner, joined, start_web
from proxy import Proxy

EXCLUDED = 9090
# It needs a capability to have the addresses of others. By its group it is the proxy; as another user than
# --proxy-uid its calls to its own app bypass capture (docs/capture-semantics.md, "Outbound", line 4b).
ENVOY = Owner("proxy", 0, 1337)

# Whom the server sees: the client itself, or the proxy by the pod's own address or the passthrough source.
CONNECTIONS = (
    (Connection("peer", APP, f"pod:{HTTP}", POD, HTTP, "inbound"), PEER),
    (Connection("peer", APP, f"pod:{EXCLUDED}, port excluded", POD, EXCLUDED, DIRECT), PEER),
    (Connection("peer", APP, f"pod:{TUNNEL}, the tunnel port", POD, TUNNEL, "inbound"), PEER),
    (Connection("pod", APP, f"its own pod:{HTTP}", POD, HTTP, DIRECT), POD),
    (Connection("pod", ENVOY, f"its own pod:{HTTP}", POD, HTTP, "inbound"), POD),
    (Connection("pod", APP, f"peer:{HTTP}", PEER, HTTP, "outbound"), POD),
    (Connection("pod", ROOT, f"peer:{HTTP}", PEER, HTTP, "outbound"), POD),
    (Connection("pod", ENVOY, f"peer:{HTTP}", PEER, HTTP, DIRECT), POD),
)


def run(options, checks, folder):
    with joined() as (pod, peer):
        play(options, checks, pod, peer, folder)


def play(options, checks, pod, peer, folder):
    if not options.envoy:
        raise LabError("tproxy: needs --envoy")
    start_web(pod, (HTTP, EXCLUDED, TUNNEL))
    start_web(peer, (HTTP,))
    proxy = Proxy(pod, folder, options.envoy, TPROXY, ENVOY)
    namespaces = {"pod": pod, "peer": peer}

    def every(expected):
        for connection, seen in CONNECTIONS:
            for family in (4, 6):
                got = way(namespaces, proxy, connection, family)
                label = f"{connection.who} to {connection.where} over IPv{family}"
                want = (expected(connection), seen[family])
                checks.equal(f"{label}: {want[0]}, and the server sees {want[1]}", got, want)

    netweir(options.netweir, pod, ["apply", "--inbound-mode=tproxy", f"--exclude-inbound-ports={EXCLUDED}"])
    every(lambda connection: connection.expected)
    netweir(options.netweir, pod, ["remove"])
    every(lambda connection: DIRECT)
    for family in (4, 6):
        rules = pod.run(["ip", f"-{family}", "rule"])
        checks.equal(f"no policy rule of IPv{family} is left", "fwmark" in rules, False)
