"""Shows, and checks, the main job: a pod's connections before `netweir apply`, after it, and after `remove`.

Everything happens in throwaway namespaces. The exit code is 0 only when every connection went where it should.
"""

import argparse
import os
import subprocess
import sys

from connections import CONNECTIONS, DIRECT, OPTIONS, PEER_PORTS, POD_PORTS, outcome
from lab import LabError, enter_sandbox, pod_and_peer, sandboxed, scratch_folder, start_web
from program import Binary, CannotRun, Image
from proxy import Proxy

FAMILIES = (4, 6)
# The exit code of a test that could not run, as automake and meson read it.
SKIPPED = 77
# netweir's exit code for a missing capability.
NOT_PERMITTED = 4


def arguments():
    parser = argparse.ArgumentParser(prog="demo", description=__doc__.splitlines()[0])
    program = parser.add_mutually_exclusive_group(required=True)
    program.add_argument("--netweir", metavar="FILE", help="the program to show")
    program.add_argument("--image", metavar="ARCHIVE", help="its image instead, run confined by podman, as root alone")
    parser.add_argument("--uid", type=int, default=0, help="the user in the image's container (default 0)")
    parser.add_argument("--envoy", metavar="FILE", help="a real Envoy; without it a fake proxy is used")
    return parser.parse_args()


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
        """Makes every connection once and returns the outcomes, by connection and family."""
        outcomes = {}
        for connection in CONNECTIONS:
            for family in FAMILIES:
                seen = outcome(namespaces, self.proxy, connection, family)
                if seen.listener:
                    self.through[seen.listener] += 1
                outcomes[connection, family] = seen
                want = expected(connection)
                label = f"{connection.who} to {connection.where} over IPv{family}"
                self.count(seen.went == want, f"{label}: expected {want}, went {seen.went}")
        return outcomes

    def statistics(self):
        """The proxy's own totals must be those of the access log."""
        totals = self.proxy.totals()
        for listener, total in totals.items():
            want = self.through[listener]
            self.count(total == want, f"{listener} took {total} connections by its own statistics, {want} by its log")
        return totals


def table(outcomes):
    head = ("who", "where to", "expected", "IPv4 went", "IPv6 went")
    rows = [head] + [
        (c.who, c.where, c.expected, *(outcomes[c, family].went for family in FAMILIES)) for c in CONNECTIONS
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    for index, row in enumerate(rows):
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
        if index == 0:
            print("  " + "  ".join("-" * width for width in widths))


def run_shown(program, pod, arguments):
    """Runs netweir in the pod, prints the command with its output, and returns the output."""
    print(f"$ netweir {' '.join(arguments)}", flush=True)
    command = program.command(pod, arguments)
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    print("".join(f"  {line}\n" for line in done.stdout.splitlines()), end="", flush=True)
    if done.returncode != 0:
        raise LabError(f"netweir {arguments[0]} ended with exit code {done.returncode}")
    return done.stdout


def verified(program, pod):
    """As in an init container, before there is a proxy: netweir itself verifies capture."""
    print("Before the proxy starts, as an init container does:")
    said = run_shown(program, pod, ["apply", *OPTIONS, "--verify"])
    if said.count(": verified: ") != len(FAMILIES) * len(("outbound", "inbound")):
        raise LabError("netweir did not verify both directions of both families")
    run_shown(program, pod, ["remove"])
    print()


def refused(tally, image, pod):
    """A container without the capability reports it, and captures nothing."""
    command = image.command(pod, ["apply"], granted=False)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = done.stderr.strip()
    tally.count(
        done.returncode == NOT_PERMITTED and "NET_ADMIN" in said,
        f"without the capability: exit code {done.returncode}, and it said: {said}",
    )


def show(options, program, namespaces, proxy):
    """Shows the connections before, during and after capture."""
    pod = namespaces["pod"]
    tally = Tally(proxy)
    tally.round(namespaces, lambda connection: DIRECT)
    print(f"Before: {tally.passed} of {len(CONNECTIONS) * 2} connections went directly.\n")
    if options.image:
        refused(tally, program, pod)

    run_shown(program, pod, ["apply", *OPTIONS])
    outcomes = tally.round(namespaces, lambda connection: connection.expected)
    print("\nAfter, by the proxy's access log, the original destination it saw, and whom the server saw:\n")
    table(outcomes)
    totals = ", ".join(f"{listener} {total}" for listener, total in tally.statistics().items())
    print(f"\nConnections by the proxy's own statistics: {totals}.\n")

    run_shown(program, pod, ["remove"])
    tally.round(namespaces, lambda connection: DIRECT)
    tally.statistics()
    print("Removed: every connection went directly again.\n" if not tally.failed else "")
    return tally


def staged(options):
    """Sets everything up, and tears it down again."""
    pod, peer = pod_and_peer()
    folder = scratch_folder()
    program = Image(options.image, folder, options.uid) if options.image else Binary(options.netweir)
    try:
        if options.image:
            program.try_out(pod)
        start_web(pod, POD_PORTS)
        start_web(peer, PEER_PORTS)
        name = "Envoy" if options.envoy else "a fake proxy (no Envoy)"
        print(f"A pod and a peer, joined by a veth pair, IPv4 and IPv6; in the pod {name} as uid 1337;")
        print(f"netweir is {program.label}.\n")
        verified(program, pod)
        proxy = Proxy(pod, folder, options.envoy)
        return show(options, program, {"pod": pod, "peer": peer}, proxy)
    finally:
        for namespace in (pod, peer):
            namespace.close()
        program.close()


def main():
    options = arguments()
    if not sandboxed():
        if options.image and os.geteuid() != 0:
            raise CannotRun("podman needs root here")
        enter_sandbox([sys.executable, os.path.dirname(os.path.abspath(__file__)), *sys.argv[1:]])
    tally = staged(options)
    print(f"demo: {tally.passed} passed, {tally.failed} failed")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LabError as error:
        print(f"demo: {error}", file=sys.stderr)
        sys.exit(1)
    except CannotRun as reason:
        print(f"demo: skipped: {reason}", file=sys.stderr)
        sys.exit(SKIPPED)
    except KeyboardInterrupt:
        sys.exit(130)
