"""Shows, and checks, the main job: a pod's connections before `netweir apply`, after it, and after `remove`.

Everything happens in throwaway namespaces. The exit code is 0 only when every connection went where it should.
"""

import argparse
import os
import subprocess
import sys

from connections import CONNECTIONS, DIRECT, OPTIONS, PEER_PORTS, POD_PORTS, fate
from lab import APP, LabError, enter_sandbox, pod_and_peer, sandboxed, scratch_folder
from proxy import HERE, Proxy

FAMILIES = (4, 6)


def arguments():
    parser = argparse.ArgumentParser(prog="demo", description=__doc__.splitlines()[0])
    parser.add_argument("--netweir", required=True, metavar="FILE", help="the program to show")
    parser.add_argument("--envoy", metavar="FILE", help="a real Envoy; without it a stand-in serves")
    return parser.parse_args()


def start_web(namespace, ports):
    program = [sys.executable, f"{HERE}/web.py", namespace.name, str(APP.uid), *map(str, ports)]
    server = namespace.start(program, stdout=subprocess.PIPE, text=True)
    if server.stdout.readline() != "ready\n":
        raise LabError(f"the {namespace.name}'s HTTP server does not start")


class Tally:
    """Counts what was as expected, and what each of the proxy's listeners should have taken."""

    def __init__(self, proxy):
        self.proxy = proxy
        self.passed = self.failed = 0
        self.through = dict.fromkeys(proxy.totals(), 0)

    def count(self, ok, complaint):
        if ok:
            self.passed += 1
        else:
            self.failed += 1
            print(f"  WRONG: {complaint}", flush=True)

    def round(self, namespaces, expected):
        """Makes every connection once and gives their fates, by connection and family."""
        fates = {}
        for connection in CONNECTIONS:
            for family in FAMILIES:
                seen = fate(namespaces, self.proxy, connection, family)
                if seen.listener:
                    self.through[seen.listener] += 1
                fates[connection, family] = seen
                want = expected(connection)
                told = f"{connection.who} to {connection.where} over IPv{family}"
                self.count(seen.went == want, f"{told}: expected {want}, went {seen.went}")
        return fates

    def statistics(self):
        """The proxy's own totals must be what the access log told, no more and no less."""
        totals = self.proxy.totals()
        for listener, total in totals.items():
            want = self.through[listener]
            self.count(total == want, f"{listener} took {total} connections by its own statistics, {want} by its log")
        return totals


def table(fates):
    head = ("who", "where to", "expected", "IPv4 went", "IPv6 went")
    rows = [head] + [
        (c.who, c.where, c.expected, *(fates[c, family].went for family in FAMILIES)) for c in CONNECTIONS
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    for index, row in enumerate(rows):
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
        if index == 0:
            print("  " + "  ".join("-" * width for width in widths))


def told(namespace, command):
    """Runs `command` in the namespace and shows it with what it says."""
    print(f"$ netweir {' '.join(command[1:])}", flush=True)
    done = subprocess.run(namespace.inside(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print("".join(f"  {line}\n" for line in done.stdout.splitlines()), end="", flush=True)
    if done.returncode != 0:
        raise LabError(f"netweir {command[1]} ended with exit code {done.returncode}")


def show(options):
    pod, peer = pod_and_peer()
    namespaces = {"pod": pod, "peer": peer}
    start_web(pod, POD_PORTS)
    start_web(peer, PEER_PORTS)
    proxy = Proxy(pod, scratch_folder(), options.envoy)
    name = "Envoy" if options.envoy else "a stand-in proxy (no Envoy is to be had here)"
    print(f"A pod and a peer, joined by a veth pair, IPv4 and IPv6; in the pod {name} as uid 1337.\n")

    tally = Tally(proxy)
    tally.round(namespaces, lambda connection: DIRECT)
    print(f"Before: {tally.passed} of {len(CONNECTIONS) * 2} connections went directly.\n")

    told(pod, [options.netweir, "apply", *OPTIONS])
    fates = tally.round(namespaces, lambda connection: connection.expected)
    print("\nAfter, by the proxy's access log, the original destination it saw, and whom the server saw:\n")
    table(fates)
    totals = ", ".join(f"{listener} {total}" for listener, total in tally.statistics().items())
    print(f"\nConnections by the proxy's own statistics: {totals}.\n")

    told(pod, [options.netweir, "remove"])
    gone = tally.passed
    tally.round(namespaces, lambda connection: DIRECT)
    print(f"Removed: {tally.passed - gone} of {len(CONNECTIONS) * 2} connections went directly again.\n")
    tally.statistics()
    for namespace in (pod, peer):
        namespace.close()
    return tally


def main():
    options = arguments()
    if not sandboxed():
        enter_sandbox([sys.executable, os.path.dirname(os.path.abspath(__file__)), *sys.argv[1:]])
    tally = show(options)
    print(f"demo: {tally.passed} passed, {tally.failed} failed")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LabError as error:
        print(f"demo: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
