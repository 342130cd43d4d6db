"""A fake for the DNS side of a mesh's proxy: python3 dns_proxy.py UID UPSTREAM

It answers for the mesh's own names, and asks the upstream server about all others, each time from a fresh socket. How
many it asked is itself the address of a name. It prints `ready` once it listens.
"""

import contextlib
import ipaddress
import os
import signal
import socket
import struct
import sys
import threading

from dns_message import LONGEST, answer, asked, family_of, over_tcp, read_tcp

PORT = 15053
LOOPBACK = ("127.0.0.1", "::1")
MESH = ".mesh.test"
MESH_ADDRESS = "240.240.0.1"
COUNT = "count.mesh.test"
PATIENCE = 5


class Proxy:
    def __init__(self, upstream):
        self.upstream = upstream
        self.forwarded = 0

    def _upstream(self, kind):
        upstream = socket.socket(family_of(self.upstream), kind)
        upstream.settimeout(PATIENCE)
        upstream.connect((self.upstream, 53))
        return upstream

    def own(self, query):
        """The proxy's own answer, or None when the upstream server has to be asked."""
        name = asked(query)
        if name == COUNT:
            return answer(query, str(ipaddress.IPv4Address(self.forwarded)))
        if name.endswith(MESH):
            return answer(query, MESH_ADDRESS)
        self.forwarded += 1
        return None

    def serve_udp(self, listener):
        while True:
            query, client = listener.recvfrom(LONGEST)
            reply = self.own(query)
            # A lost answer is the client's to notice.
            with contextlib.suppress(OSError):
                if reply is None:
                    with self._upstream(socket.SOCK_DGRAM) as upstream:
                        upstream.send(query)
                        reply = upstream.recv(LONGEST)
                listener.sendto(reply, client)

    def serve_tcp(self, listener):
        while True:
            connection, _ = listener.accept()
            with contextlib.suppress(OSError, EOFError), connection:
                connection.settimeout(PATIENCE)
                query = read_tcp(connection)
                reply = self.own(query)
                if reply is None:
                    with self._upstream(socket.SOCK_STREAM) as upstream:
                        reply = over_tcp(upstream, query)
                connection.sendall(struct.pack("!H", len(reply)) + reply)


def main():
    uid, upstream = int(sys.argv[1]), sys.argv[2]
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    proxy = Proxy(upstream)
    threads = []
    for address in LOOPBACK:
        for kind, serve in ((socket.SOCK_DGRAM, proxy.serve_udp), (socket.SOCK_STREAM, proxy.serve_tcp)):
            listener = socket.socket(family_of(address), kind)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((address, PORT))
            if kind == socket.SOCK_STREAM:
                listener.listen(64)
            threads.append(threading.Thread(target=serve, args=(listener,)))
    for thread in threads:
        thread.start()
    print("ready", flush=True)


if __name__ == "__main__":
    main()
