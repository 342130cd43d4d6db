"""Real DNS servers behind DNS capture, with a fake for the proxy's DNS side."""

import ipaddress
import json
import os
import subprocess
import sys

from checks import netweir
from dns_proxy import COUNT, MESH, MESH_ADDRESS
from lab import APP, OUTSIDE, PEER, PROXY, LabError, checked, joined
from proxy import until

HERE = os.path.dirname(os.path.abspath(__file__))
QUERIES = 2000
FEW = 20
SUFFIX = ".example.test"
# What the servers answer for every name.
UPSTREAM_ADDRESS = "192.0.2.7"
LOOPBACK_ADDRESS = "192.0.2.53"
# Where a host's own resolver listens (systemd-resolved).
ON_LOOPBACK = "127.0.0.53"


def start_dnsmasq(namespace, listen, address, folder):
    """A DNS server with one address for every name under `test`."""
    log = f"{folder}/dnsmasq-{namespace.name}.log"
    options = ["--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root"]
    options += [f"--pid-file={folder}/dnsmasq-{namespace.name}.pid", f"--log-facility={log}", "--bind-interfaces"]
    options += [f"--listen-address={own}" for own in listen] + [f"--address=/test/{address}"]
    server = namespace.start(["dnsmasq", *options])

    def listens():
        if server.poll() is not None:
            raise LabError(f"dnsmasq ended with exit code {server.returncode}: {open(log).read()}")
        sockets = namespace.run(["ss", "--udp", "--listening", "--numeric", "--no-header", "sport = :53"])
        return sockets or None

    until(f"dnsmasq in the {namespace.name}", listens)


def start_proxy(pod, upstream):
    program = [sys.executable, f"{HERE}/dns_proxy.py", str(PROXY.uid), upstream]
    proxy = pod.start(program, stdout=subprocess.PIPE, text=True)
    if proxy.stdout.readline() != "ready\n":
        raise LabError("the fake DNS proxy does not start")
    return proxy


def stop(process):
    process.kill()
    process.wait()


def ask(pod, transport, server, count, suffix=SUFFIX):
    """What the app got for answers, by address."""
    program = [sys.executable, f"{HERE}/dns_client.py", str(APP.uid), transport, server, str(count), suffix]
    return json.loads(pod.run(program))


def forwarded(pod, server):
    """How many queries the proxy has asked the upstream server."""
    address = pod.run(["python3", "-c", FORWARDED, HERE, server, COUNT]).strip()
    return int(ipaddress.IPv4Address(address))


FORWARDED = """
import socket, sys
sys.path.insert(0, sys.argv[1])
from dns_message import address, query
from dns_client import ask
message = query(1, sys.argv[3])
print(address(message, ask("udp", sys.argv[2], message)))
"""


def run(options, checks, folder):
    with joined() as (pod, peer):
        play(options, checks, pod, peer, folder)


def play(options, checks, pod, peer, folder):
    resolv_conf(folder, [PEER[4], PEER[6], ON_LOOPBACK])
    start_dnsmasq(peer, [PEER[4], PEER[6], OUTSIDE[4]], UPSTREAM_ADDRESS, folder)
    start_dnsmasq(pod, [ON_LOOPBACK], LOOPBACK_ADDRESS, folder)
    checks.equal("before, the C library asks the server", name_of_mesh(pod), UPSTREAM_ADDRESS)

    netweir(options.netweir, pod, ["apply", "--dns=resolvers"])
    proxy = start_proxy(pod, PEER[4])
    checks.equal("after, the C library asks the proxy", name_of_mesh(pod), MESH_ADDRESS)
    for server in (PEER[4], PEER[6], ON_LOOPBACK):
        got = ask(pod, "tcp", server, FEW, MESH)
        checks.equal(f"{FEW} queries to {server} over TCP go to the proxy", got, {MESH_ADDRESS: FEW})
    got = ask(pod, "udp", OUTSIDE[4], FEW, MESH)
    checks.equal("queries to a server that resolv.conf does not name do not", got, {UPSTREAM_ADDRESS: FEW})
    stop(proxy)

    # Soon, each query of one meets what connection tracking remembers of the other.
    pod.run(["sh", "-c", "echo 40000 40002 >/proc/sys/net/ipv4/ip_local_port_range"])
    for server, address in ((PEER[4], UPSTREAM_ADDRESS), (PEER[6], UPSTREAM_ADDRESS), (ON_LOOPBACK, LOOPBACK_ADDRESS)):
        proxy = start_proxy(pod, server)
        got = ask(pod, "udp", server, QUERIES)
        checks.equal(f"{QUERIES} queries to {server} from three ports: none is lost", got, {address: QUERIES})
        checks.equal("all of them through the proxy", forwarded(pod, server), QUERIES)
        stop(proxy)

    netweir(options.netweir, pod, ["apply", "--dns=all"])
    proxy = start_proxy(pod, PEER[4])
    got = ask(pod, "udp", OUTSIDE[4], QUERIES)
    checks.equal(f"{QUERIES} queries to any server: none is lost", got, {UPSTREAM_ADDRESS: QUERIES})
    checks.equal("all of them through the proxy", forwarded(pod, OUTSIDE[4]), QUERIES)

    netweir(options.netweir, pod, ["remove"])
    stop(proxy)
    checks.equal("removed, the C library asks the server again", name_of_mesh(pod), UPSTREAM_ADDRESS)


def resolv_conf(folder, servers):
    """Gives the sandbox a resolv.conf of its own, where everyone looks for it."""
    path = f"{folder}/resolv.conf"
    with open(path, "x", encoding="ascii") as file:
        file.writelines(f"nameserver {server}\n" for server in servers)
    checked(["mount", "--bind", path, os.path.realpath("/etc/resolv.conf")])


def name_of_mesh(pod):
    """What the C library says of a name of the mesh, to the app."""
    answer = pod.run(["getent", "ahostsv4", f"service{MESH}"], APP)
    return answer.split()[0]
