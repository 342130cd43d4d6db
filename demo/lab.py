"""Throwaway network namespaces: a pod and a peer that a veth pair joins.

Nothing is named and nothing is left: the processes that hold the namespaces die with this one, at the
latest by the end of the PID namespace around them all.
"""

import contextlib
import os
import subprocess
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Owner:
    """Who makes a connection: the user id of the client's process, and its group id where that is another."""

    name: str
    uid: int
    group: int | None = None

    @property
    def gid(self):
        return self.uid if self.group is None else self.group


ROOT = Owner("root", 0)
APP = Owner("app", 1000)
PROXY = Owner("proxy", 1337)

POD = {4: "10.77.0.2", 6: "fd77::2"}
PEER = {4: "10.77.0.1", 6: "fd77::1"}
# A second network of the peer's, to be excluded.
OUTSIDE = {4: "10.78.0.1", 6: "fd78::1"}
OUTSIDE_RANGES = {4: "10.78.0.0/24", 6: "fd78::/64"}
LOOPBACK = {4: "127.0.0.1", 6: "::1"}


class LabError(Exception):
    """A command of the lab failed: what, and what it said."""


def checked(command, **options):
    """Runs `command` and gives its output; a failure says what the command said."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise LabError(f"{' '.join(command)}: exit code {done.returncode}: {said}")
    return done.stdout


class Place:
    """A network namespace that a process is in."""

    def __init__(self, name, pid):
        self.name = name
        self.pid = pid
        self.children = []

    @property
    def path(self):
        return f"/proc/{self.pid}/ns/net"

    def inside(self, command, owner=ROOT):
        """`command` as it has to be run to run in here as `owner`."""
        prefix = ["nsenter", f"--net={self.path}"]
        if owner is not ROOT:
            prefix += ["setpriv", f"--reuid={owner.uid}", f"--regid={owner.gid}", "--clear-groups"]
        return [*prefix, *command]

    def run(self, command, owner=ROOT):
        return checked(self.inside(command, owner))

    def start(self, command, owner=ROOT, **options):
        child = subprocess.Popen(self.inside(command, owner), **options)
        self.children.append(child)
        return child

    def close(self):
        for child in self.children:
            child.kill()
            child.wait()


class Namespace(Place):
    """A network namespace of its own, alive as long as the process that holds it."""

    def __init__(self, name):
        holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "echo ready; exec cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if holder.stdout.readline() != "ready\n":
            raise LabError(f"no network namespace for the {name}: unshare failed")
        super().__init__(name, holder.pid)
        self.children.append(holder)
        # A machine may give new namespaces no IPv6.
        self.run(["sh", "-c", "echo 0 >/proc/sys/net/ipv6/conf/all/disable_ipv6"])
        self.run(["ip", "link", "set", "lo", "up"])


def pod_and_peer():
    """The two namespaces, joined, with addresses of both families."""
    pod, peer = Namespace("pod"), Namespace("peer")
    pod.run(["ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", str(peer.pid)])
    for namespace, addresses in ((pod, [POD]), (peer, [PEER, OUTSIDE])):
        for address in addresses:
            namespace.run(["ip", "address", "add", f"{address[4]}/24", "dev", "eth0"])
            # Without duplicate address detection the address serves at once.
            namespace.run(["ip", "address", "add", f"{address[6]}/64", "dev", "eth0", "nodad"])
        namespace.run(["ip", "link", "set", "eth0", "up"])
    for family in (4, 6):
        pod.run(["ip", f"-{family}", "route", "add", "default", "via", PEER[family]])
    return pod, peer


@contextlib.contextmanager
def joined():
    """The two, for as long as they are needed."""
    pod, peer = pod_and_peer()
    try:
        yield pod, peer
    finally:
        for namespace in (pod, peer):
            namespace.close()


def start_web(namespace, ports):
    """Starts the HTTP server that says whom it saw, as the app."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "web.py")
    program = [sys.executable, script, namespace.name, str(APP.uid), *map(str, ports)]
    server = namespace.start(program, stdout=subprocess.PIPE, text=True)
    if server.stdout.readline() != "ready\n":
        raise LabError(f"the {namespace.name}'s HTTP server does not start")


def sandboxed():
    """Whether this process is the first of its own PID namespace, and so may make a mess."""
    return os.getpid() == 1


def enter_sandbox(command):
    """Replaces this process by `command` in namespaces of its own, for the network, mounts and processes.

    An ordinary user gets a user namespace around them, with the ids of /etc/subuid.
    """
    unshare = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if os.geteuid() != 0:
        unshare += ["--user", "--map-root-user", "--map-auto"]
        trial = subprocess.run([*unshare, "true"], capture_output=True, text=True, check=False)
        if trial.returncode != 0:
            raise LabError(f"run this as root: user namespaces are not available ({trial.stderr.strip()})")
    os.execvp(unshare[0], [*unshare, *command])


def scratch_folder():
    """A folder in memory that only this sandbox sees: it leaves nothing behind."""
    folder = "/mnt"
    checked(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", folder])
    return folder
