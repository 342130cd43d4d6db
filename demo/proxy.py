"""The pod's proxy, a real Envoy or a fake, and what it reports about its connections."""

import json
import os
import subprocess
import sys
import time

from envoy_config import ADMIN_PORT, LISTENERS, REDIRECT, config
from lab import PROXY, LabError

HERE = os.path.dirname(os.path.abspath(__file__))
ENVOY_OPTIONS = ("--concurrency", "1", "--disable-hot-restart", "--log-level", "error")
ENVOY_OPTIONS += ("--file-flush-interval-msec", "20")
# Generous, for a machine under load; nothing waits that long when all is well.
PATIENCE = 30.0


def until(what, attempt):
    """Repeats `attempt` until it gives something, and gives that; says `what` when patience is out."""
    deadline = time.monotonic() + PATIENCE
    while (found := attempt()) is None:
        if time.monotonic() > deadline:
            raise LabError(f"{what}: not within {PATIENCE:.0f} seconds")
        time.sleep(0.01)
    return found


class Account:
    """What a proxy says of itself: its access log, its statistics."""

    def __init__(self, pod, folder, owner):
        self.pod = pod
        self.owner = owner
        self.folder = f"{folder}/proxy"
        self.log_path = f"{self.folder}/access.log"
        self.seen = {}
        self._offset = 0
        os.mkdir(self.folder, 0o755)
        open(self.log_path, "x").close()
        os.chown(self.folder, owner.uid, owner.gid)
        os.chown(self.log_path, owner.uid, owner.gid)

    def check_alive(self):
        """Raises `LabError` when the proxy has ended."""

    def _totals(self):
        self.check_alive()
        url = f"http://127.0.0.1:{ADMIN_PORT}/stats?format=json&filter=^tcp"
        asked = subprocess.run(
            self.pod.inside(["curl", "--silent", "--max-time", "5", url]),
            capture_output=True,
            text=True,
            check=False,
        )
        if asked.returncode != 0:
            return None
        stats = {entry["name"]: entry["value"] for entry in json.loads(asked.stdout)["stats"] if "name" in entry}
        counts = {name: stats.get(f"tcp.{name}.downstream_cx_total") for name in LISTENERS}
        return None if None in counts.values() else counts

    def totals(self):
        """How many connections each listener took so far."""
        return until("the proxy's statistics", self._totals)

    def _read_log(self):
        with open(self.log_path, encoding="utf-8") as log:
            log.seek(self._offset)
            # What is half written stays for the next time.
            while (line := log.readline()).endswith("\n"):
                self._offset = log.tell()
                entry = json.loads(line)
                self.seen[entry["client"]] = entry

    def entry(self, client):
        """The access log's entry of the connection that came from `client`, if there is one."""
        self._read_log()
        return self.seen.get(client)

    def awaited_entry(self, client):
        """The same, when the connection cannot but have passed through."""
        return until(f"an access log entry for {client}", lambda: self.entry(client))

    def entry_to_server(self, source):
        """The entry of the connection that a server saw coming from `source`, if there is one."""
        return next((entry for entry in self.entries() if entry["upstream_source"] == source), None)

    def entries(self):
        """All entries so far."""
        self._read_log()
        return list(self.seen.values())

    def awaited_entries(self, count):
        """All entries, of which there must be so many."""
        return until(f"{count} access log entries", lambda: found if len(found := self.entries()) >= count else None)


class Proxy(Account):
    """A proxy that runs in the pod's namespace."""

    def __init__(self, pod, folder, envoy, mode=REDIRECT, owner=PROXY):
        super().__init__(pod, folder, owner)
        self.process = self._start_envoy(envoy, mode) if envoy else self._start_fake()
        until("the proxy's statistics", self._totals)

    def _start_envoy(self, envoy, mode):
        # A bind mount, for the checkout may lie where another user may not look.
        binary, config_path = f"{self.folder}/envoy", f"{self.folder}/envoy.json"
        open(binary, "x").close()
        subprocess.run(["mount", "--bind", envoy, binary], check=True)
        with open(config_path, "x", encoding="utf-8") as file:
            json.dump(config(self.log_path, mode), file)
        return self.pod.start([binary, "--config-path", config_path, *ENVOY_OPTIONS], self.owner)

    def _start_fake(self):
        # It drops to its user itself, for Python may lie where another user may not look.
        program = [sys.executable, f"{HERE}/fake_proxy.py", self.log_path, str(self.owner.uid)]
        process = self.pod.start(program, stdout=subprocess.PIPE, text=True)
        if process.stdout.readline() != "ready\n":
            raise LabError("the fake proxy does not start")
        return process

    def check_alive(self):
        if self.process.poll() is not None:
            raise LabError(f"the proxy ended with exit code {self.process.returncode}")
