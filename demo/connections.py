"""The connections that the demo makes, the expected outcome of each, and how it is proven."""

import json
from dataclasses import dataclass

from lab import APP, LOOPBACK, OUTSIDE, OUTSIDE_RANGES, PEER, POD, PROXY, ROOT, Owner

HTTP = 8080
EXCLUDED_OUTBOUND = 3306
EXCLUDED_INBOUND = 9090
TUNNEL = 15008
POD_PORTS = (HTTP, EXCLUDED_INBOUND, TUNNEL)
PEER_PORTS = (HTTP, EXCLUDED_OUTBOUND)

# Given to `netweir apply`; everything else is its default.
OPTIONS = (
    f"--exclude-outbound-ports={EXCLUDED_OUTBOUND}",
    f"--exclude-inbound-ports={EXCLUDED_INBOUND}",
    f"--exclude-outbound-ip-ranges={OUTSIDE_RANGES[4]},{OUTSIDE_RANGES[6]}",
)

DIRECT = "direct"
OUTBOUND = "proxy, outbound"
INBOUND = "proxy, inbound"


@dataclass(frozen=True, eq=False)
class Connection:
    """One line of the table, made over both families."""

    origin: str  # "pod" or "peer": the namespace it is made in
    owner: Owner
    where: str
    addresses: dict
    port: int
    expected: str

    @property
    def who(self):
        return f"{self.origin}: {self.owner.name}"


CONNECTIONS = (
    Connection("pod", APP, f"peer:{HTTP}", PEER, HTTP, OUTBOUND),
    Connection("pod", ROOT, f"peer:{HTTP}", PEER, HTTP, OUTBOUND),
    Connection("pod", PROXY, f"peer:{HTTP}", PEER, HTTP, DIRECT),
    Connection("pod", APP, f"peer:{EXCLUDED_OUTBOUND}, port excluded", PEER, EXCLUDED_OUTBOUND, DIRECT),
    Connection("pod", APP, f"outside:{HTTP}, range excluded", OUTSIDE, HTTP, DIRECT),
    Connection("pod", APP, f"loopback:{HTTP}", LOOPBACK, HTTP, DIRECT),
    Connection("pod", APP, f"its own pod:{HTTP}", POD, HTTP, DIRECT),
    Connection("pod", PROXY, f"loopback:{HTTP}", LOOPBACK, HTTP, DIRECT),
    Connection("pod", PROXY, f"its own pod:{HTTP}", POD, HTTP, INBOUND),
    Connection("peer", APP, f"pod:{HTTP}", POD, HTTP, INBOUND),
    Connection("peer", APP, f"pod:{EXCLUDED_INBOUND}, port excluded", POD, EXCLUDED_INBOUND, DIRECT),
    Connection("peer", APP, f"pod:{TUNNEL}, the tunnel port", POD, TUNNEL, DIRECT),
)


def endpoint(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


@dataclass(frozen=True)
class Outcome:
    """Where a connection went, and over which of the proxy's listeners, if any."""

    went: str
    listener: str | None = None


def made(namespaces, connection, family):
    """Makes the connection; gives the client's own endpoint and the server's answer, or why there is none."""
    url = f"http://{endpoint(connection.addresses[family], connection.port)}/"
    command = ["curl", "--silent", "--show-error", "--noproxy", "*", "--max-time", "10"]
    command += ["--write-out", "\n%{local_ip} %{local_port}", url]
    # A failure of curl is an outcome to report, not an error of the lab.
    quiet = ["sh", "-c", '"$@" 2>&1 || true', "sh", *command]
    output = namespaces[connection.origin].run(quiet, connection.owner)
    try:
        body, local = output.rsplit("\n", 1)
        address, port = local.split()
        return endpoint(address, port), json.loads(body), None
    except ValueError:
        return None, None, " ".join(output.split())


def outcome(namespaces, proxy, connection, family):
    """Makes the connection and proves where it went.

    Direct: the server saw the client's own endpoint. Through the proxy: the proxy logged a connection from that
    endpoint to the very destination that was dialled, and the server saw the proxy's endpoint instead.
    """
    client, answer, trouble = made(namespaces, connection, family)
    if trouble is not None:
        return Outcome(f"failed ({trouble})")
    server = "pod" if connection.addresses in (POD, LOOPBACK) else "peer"
    if answer["server"] != server:
        return Outcome(f"reached the {answer['server']}")
    saw = endpoint(*answer["client"])
    if saw == client:
        return Outcome(DIRECT)
    entry = proxy.awaited_entry(client)
    dialled = endpoint(connection.addresses[family], connection.port)
    if entry["original_destination"] != dialled:
        return Outcome(f"original destination {entry['original_destination']}", entry["listener"])
    if entry["upstream_source"] != saw:
        return Outcome(f"the server saw {saw}", entry["listener"])
    if entry["listener"] == f"outbound{family}":
        return Outcome(OUTBOUND, entry["listener"])
    if entry["listener"] == f"inbound{family}":
        return Outcome(INBOUND, entry["listener"])
    return Outcome(f"listener {entry['listener']}", entry["listener"])
