"""An ordinary HTTP server that says whom it saw: python3 web.py NAME UID PORT...

It prints `ready` once it listens on every port, over IPv4 and IPv6, and has become UID.
"""

import http.server
import json
import os
import signal
import socket
import sys
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        client, port = self.client_address[:2]
        body = json.dumps({"server": self.server.name, "client": [client, port]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        """Nothing: the answer tells it all."""


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, name, family, port):
        self.name = name
        self.address_family = family
        super().__init__(("::" if family == socket.AF_INET6 else "0.0.0.0", port), Handler)

    def server_bind(self):
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        # Not HTTPServer's, which looks up the host's name.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = self.name, self.server_address[1]


def main():
    name, uid, ports = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    servers = [Server(name, family, int(port)) for port in ports for family in (socket.AF_INET, socket.AF_INET6)]
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    print("ready", flush=True)
    threads = [threading.Thread(target=server.serve_forever) for server in servers]
    for thread in threads:
        thread.start()


if __name__ == "__main__":
    main()
