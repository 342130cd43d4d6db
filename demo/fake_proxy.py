"""A fake for Envoy if its wheel is not available: python3 fake_proxy.py LOG UID

It listens where Envoy would, passes each connection on to its original destination, writes the same
access log and answers the same question about its statistics. It prints `ready` once it listens.
"""

import collections
import encodings.idna  # noqa: F401 - what connecting needs, loaded while Python's files can be read
import http.server
import json
import os
import signal
import socket
import struct
import sys
import threading

from envoy_config import ADMIN_PORT, ANY, LISTENERS, PASSTHROUGH_SOURCE

# linux/netfilter_ipv4.h and linux/netfilter_ipv6/ip6_tables.h
SO_ORIGINAL_DST = 80
IP6T_SO_ORIGINAL_DST = 80

FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}


def original_destination(connection, family):
    if family == 4:
        raw = connection.getsockopt(socket.SOL_IP, SO_ORIGINAL_DST, 16)
        port, address = struct.unpack_from("!2xH4s", raw)
    else:
        raw = connection.getsockopt(socket.IPPROTO_IPV6, IP6T_SO_ORIGINAL_DST, 28)
        port, address = struct.unpack_from("!2xH4x16s", raw)
    return socket.inet_ntop(FAMILY[family], address), port


def text(address):
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class Listener:
    """One of the four listeners: accepts, passes on, logs."""

    def __init__(self, name, log, totals):
        self.name, self.log, self.totals = name, log, totals
        self.direction, self.family, port = LISTENERS[name]
        self.socket = socket.socket(FAMILY[self.family], socket.SOCK_STREAM)
        if self.family == 6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((ANY[self.family], port))
        self.socket.listen(128)

    def serve(self):
        while True:
            connection, client = self.socket.accept()
            self.totals[self.name] += 1
            threading.Thread(target=self.pass_on, args=(connection, client), daemon=True).start()

    def pass_on(self, connection, client):
        destination = original_destination(connection, self.family)
        source = (PASSTHROUGH_SOURCE[self.family], 0) if self.direction == "inbound" else None
        with connection, socket.create_connection(destination, timeout=5, source_address=source) as upstream:
            upstream.settimeout(None)
            upstream_source = upstream.getsockname()
            back = threading.Thread(target=pump, args=(upstream, connection))
            back.start()
            pump(connection, upstream)
            back.join()
        line = {
            "listener": self.name,
            "client": text(client),
            "original_destination": text(destination),
            "upstream": text(destination),
            "upstream_source": text(upstream_source),
        }
        self.log.write(json.dumps(line) + "\n")
        self.log.flush()


def admin(totals):
    class Statistics(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            stats = [{"name": f"tcp.{name}.downstream_cx_total", "value": totals[name]} for name in LISTENERS]
            body = json.dumps({"stats": stats}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format, *args):
            """Nothing: the access log is of connections."""

    return http.server.ThreadingHTTPServer(("127.0.0.1", ADMIN_PORT), Statistics)


def main():
    path, uid = sys.argv[1], int(sys.argv[2])
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
    totals = collections.Counter()
    with open(path, "a", encoding="utf-8") as log:
        servers = [Listener(name, log, totals).serve for name in LISTENERS]
        servers.append(admin(totals).serve_forever)
        threads = [threading.Thread(target=serve) for serve in servers]
        for thread in threads:
            thread.start()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        print("ready", flush=True)
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main()
