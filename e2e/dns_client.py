"""Asks a name server: python3 dns_client.py UID udp|tcp SERVER COUNT SUFFIX

Each query is for a name of its own under SUFFIX and comes from a fresh socket. Prints how often each address was the
answer, as JSON; `lost` and `wrong` stand for what came too late or was no answer to the query.
"""

import collections
import json
import os
import signal
import socket
import sys

from dns_message import LONGEST, address, family_of, over_tcp, query

PATIENCE = 2
# When so many are lost, the others need not be tried.
ENOUGH = 3


def ask(transport, server, message):
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    with socket.socket(family_of(server), kind) as client:
        client.settimeout(PATIENCE)
        # Connected, it takes answers from the very server alone.
        client.connect((server, 53))
        if transport == "tcp":
            return over_tcp(client, message)
        client.send(message)
        return client.recv(LONGEST)


def main():
    uid, transport, server, count, suffix = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5]
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    seen = collections.Counter()
    for number in range(count):
        message = query(number, f"q{number}{suffix}")
        try:
            found = address(message, ask(transport, server, message)) or "wrong"
        except (OSError, EOFError):
            found = "lost"
        seen[found] += 1
        if seen["lost"] == ENOUGH:
            break
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
