"""A real MariaDB, whose server speaks first, and a real Redis, as destinations of a pod with an Envoy."""

import os
import shutil

from checks import netweir
from lab import APP, PEER, LabError, joined
from proxy import Proxy, until

MARIADB = 3306
REDIS = 6379
# More than fits a socket's buffer.
LONG = 3_000_000
# How many an application's day makes over one family: one for each statement or command.
CONNECTIONS = 8


def program(*names):
    """The path of a program, by the first of its names that is installed."""
    # Ordinary users' PATH lacks the folders of the administrator's programs.
    path = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
    for name in names:
        if found := shutil.which(name, path=path):
            return found
    raise LabError(f"not installed: {names[0]}")


def private_folder(folder, name):
    path = f"{folder}/{name}"
    os.mkdir(path)
    os.chown(path, APP.uid, APP.gid)
    return path


def start(namespace, command, folder):
    with open(f"{folder}/log", "x", encoding="utf-8") as log:
        return namespace.start(command, APP, stdout=log, stderr=log, cwd=folder)


def until_it_answers(what, server, folder, ask):
    """Waits until the server does, or says why it has ended."""

    def attempt():
        if server.poll() is not None:
            with open(f"{folder}/log", encoding="utf-8") as log:
                raise LabError(f"{what} ended with exit code {server.returncode}: {log.read()}")
        try:
            return ask()
        except LabError:
            return None

    until(what, attempt)


def start_mariadb(peer, folder):
    folder = private_folder(folder, "mariadb")
    options = ["--no-defaults", f"--datadir={folder}", f"--socket={folder}/socket", f"--pid-file={folder}/pid"]
    options += [f"--port={MARIADB}", "--bind-address=*", "--skip-grant-tables", "--skip-name-resolve"]
    # In memory alone, and ready at once.
    options += ["--skip-innodb", "--default-storage-engine=Aria", "--skip-log-bin", "--performance-schema=OFF"]
    server = start(peer, [program("mariadbd", "mysqld"), *options], folder)
    until_it_answers("MariaDB", server, folder, lambda: sql(peer, PEER[4], "SELECT 1"))


def start_redis(peer, folder):
    folder = private_folder(folder, "redis")
    # One program with many names, of which Debian's redis-tools installs another.
    server_program = f"{folder}/redis-server"
    os.symlink(program("redis-server", "redis-check-rdb"), server_program)
    options = ["--port", str(REDIS), "--bind", "0.0.0.0", "::", "--protected-mode", "no", "--save", "", "--dir", folder]
    server = start(peer, [server_program, *options], folder)
    until_it_answers("Redis", server, folder, lambda: redis(peer, PEER[4], "PING"))


def sql(namespace, host, statements):
    """What the server says to the app's statements."""
    options = ["--no-defaults", "--protocol=tcp", f"--host={host}", f"--port={MARIADB}", "--user=app"]
    options += ["--connect-timeout=5", "--batch", "--skip-column-names", f"--execute={statements}"]
    return namespace.run([program("mariadb", "mysql"), *options], APP).split()


def redis(namespace, host, *command):
    """What the server says to the app's command."""
    return namespace.run([program("redis-cli"), "-h", host, "-p", str(REDIS), *command], APP).strip()


def run(options, checks, folder):
    with joined() as (pod, peer):
        play(options, checks, pod, peer, folder)


def play(options, checks, pod, peer, folder):
    start_mariadb(peer, folder)
    start_redis(peer, folder)
    proxy = Proxy(pod, folder, options.envoy)

    def work(family, label):
        """An application's day with both servers."""
        host, table = PEER[family], "app.numbers"
        sql(pod, host, f"CREATE DATABASE IF NOT EXISTS app; CREATE OR REPLACE TABLE {table} (n INT)")
        sql(pod, host, f"INSERT INTO {table} VALUES (40), (2)")
        checks.equal(f"MariaDB over IPv{family}, {label}: its rows", sql(pod, host, f"SELECT SUM(n) FROM {table}"), ["42"])
        long = sql(pod, host, f"SELECT REPEAT('x', {LONG})")
        checks.equal(f"MariaDB over IPv{family}, {label}: {LONG} bytes", len(long[0]), LONG)
        redis(pod, host, "SET", "key", label)
        checks.equal(f"Redis over IPv{family}, {label}: its value", redis(pod, host, "GET", "key"), label)
        redis(pod, host, "SETRANGE", "long", str(LONG - 1), "x")
        checks.equal(f"Redis over IPv{family}, {label}: {LONG} bytes", len(redis(pod, host, "GET", "long")), LONG)

    def day(label, through_proxy):
        for family in (4, 6):
            before = proxy.totals()
            work(family, label)
            want = {**before, f"outbound{family}": before[f"outbound{family}"] + CONNECTIONS * through_proxy}
            checks.equal(f"over IPv{family}, {label}: connections by the proxy's own statistics", proxy.totals(), want)

    day("not captured", False)
    netweir(options.netweir, pod, ["apply"])
    day("through the proxy", True)
    destinations = {(entry["listener"], entry["original_destination"]) for entry in proxy.awaited_entries(CONNECTIONS * 2)}
    want = {
        (f"outbound{family}", f"{host}:{port}")
        for family, host in ((4, PEER[4]), (6, f"[{PEER[6]}]"))
        for port in (MARIADB, REDIS)
    }
    checks.equal("the original destinations that the proxy saw", destinations, want)
    netweir(options.netweir, pod, ["apply", f"--exclude-outbound-ports={MARIADB},{REDIS}"])
    day("excluded by port", False)
    netweir(options.netweir, pod, ["remove"])
