"""What was expected, and what came."""

import subprocess

from connections import endpoint, made
from lab import LabError


class Checks:
    """Counts what was as expected, and complains of the rest."""

    def __init__(self):
        self.passed = self.failed = 0

    def equal(self, what, got, want):
        ok = got == want
        self.passed += ok
        self.failed += not ok
        print(f"  {'ok' if ok else 'WRONG'}: {what}" + ("" if ok else f": expected {want}, got {got}"), flush=True)


def netweir(program, namespace, arguments):
    """Runs netweir in the namespace and shows it with what it says."""
    print(f"$ netweir {' '.join(arguments)}", flush=True)
    command = namespace.inside([program, *arguments])
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    print("".join(f"  {line}\n" for line in done.stdout.splitlines()), end="", flush=True)
    if done.returncode != 0:
        raise LabError(f"netweir {arguments[0]} ended with exit code {done.returncode}")


DIRECT = "direct"


def way(namespaces, proxy, connection, family):
    """Which of the proxy's listeners the connection went through, `DIRECT`, or what is wrong with it; and the
    address that the server saw.

    Direct: the server saw the client's own endpoint, and the proxy logged nothing of it. Through the proxy: the
    proxy logged a connection from that endpoint to the very destination that was dialled.
    """
    client, answer, trouble = made(namespaces, connection, family)
    if trouble is not None:
        return f"failed ({trouble})", None
    address, port = answer["client"]
    saw = endpoint(address, port)
    if saw == client:
        return (DIRECT if proxy.entry(client) is None else "direct, and yet logged"), address
    entry = proxy.awaited_entry(client)
    dialled = endpoint(connection.addresses[family], connection.port)
    if entry["original_destination"] != dialled:
        return f"original destination {entry['original_destination']}", address
    if entry["upstream_source"] != saw:
        return f"the server saw {saw}, the proxy says {entry['upstream_source']}", address
    return entry["listener"].rstrip("46"), address
