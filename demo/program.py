"""How netweir is run in the pod: the program itself, or its image by podman, as an init container is."""

import contextlib
import glob
import os
import re
import secrets
import subprocess

from lab import checked


def image_name():
    """The name that script/image gives the image: the project's version is its tag."""
    path = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "Cargo.toml")
    with open(path, encoding="utf-8") as file:
        version = re.search(r'^version = "(.*)"$', file.read(), re.MULTILINE)[1]
    return f"localhost/netweir:{version}"


IMAGE = image_name()

# What a pod's security context says: drop ALL, no way to more, nothing to write to; and NET_ADMIN.
CONFINED = ("--cap-drop=all", "--security-opt=no-new-privileges", "--read-only", "--read-only-tmpfs=false")
GRANTED = "--cap-add=net_admin"

# runc and cgroupfs work on every layout of cgroups, and these limits need no raising.
CONTAINERS_CONF = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""

# What podman ends with when it fails itself, not the program in the container.
PODMAN_FAILED = 125


class CannotRun(Exception):
    """Podman does not work on this machine: why."""


class Binary:
    """The program, run in the pod's namespace."""

    label = "the program"

    def __init__(self, path):
        self.path = path

    def command(self, pod, arguments):
        return pod.inside([self.path, *arguments])

    def close(self):
        """Nothing to take down."""


class Image:
    """The image, run confined in the pod's network namespace as the user `uid`.

    Podman's own store and state lie in the sandbox's memory: the machine's are not touched.
    """

    def __init__(self, archive, folder, uid):
        self.uid = uid
        self.label = f"the image, confined, as uid {uid}"
        self.cgroup = f"netweir-test-{secrets.token_hex(4)}"
        conf = f"{folder}/containers.conf"
        with open(conf, "x", encoding="utf-8") as file:
            file.write(CONTAINERS_CONF)
        os.environ["CONTAINERS_CONF"] = conf
        for state in ("/run", "/var/lib"):
            checked(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", state])
        self.podman = ["podman", "--root", f"{folder}/store", "--runroot", "/run/containers"]
        self.podman += ["--storage-driver", "vfs"]
        checked([*self.podman, "load", "--quiet", "--input", archive])

    def command(self, pod, arguments, granted=True):
        network = f"--network=ns:{pod.path}"
        run = [*self.podman, "run", "--rm", "--pull=never", f"--user={self.uid}", network, *CONFINED]
        if granted:
            run.append(GRANTED)
        return [*run, f"--cgroup-parent=/{self.cgroup}", IMAGE, *arguments]

    def try_out(self, pod):
        """Raises `CannotRun` when no container can be started here at all."""
        trial = subprocess.run(self.command(pod, ["--version"]), capture_output=True, text=True, check=False)
        if trial.returncode == PODMAN_FAILED:
            raise CannotRun(f"podman: {trial.stderr.strip()}")

    def close(self):
        # Podman leaves the parent of its cgroups.
        remove_cgroups(self.cgroup)


def remove_cgroups(name):
    """Removes the cgroup and those below it, in each of version 1's hierarchies, unless they have processes."""
    for pattern in (f"/sys/fs/cgroup/{name}", f"/sys/fs/cgroup/*/{name}"):
        for folder in glob.glob(pattern):
            for path, _, _ in os.walk(folder, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(path)
