"""Just enough of RFC 1035 to ask for an address and to answer."""

import socket
import struct

A = 1
AAAA = 28
IN = 1
QUERY_FLAGS = 0x0100  # recursion desired
ANSWER_FLAGS = 0x8180  # a response, recursion desired and available
LONGEST = 4096


def query(number, name, kind=A):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!6H", number, QUERY_FLAGS, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", kind, IN)


def _question(message):
    """The name that is asked for, and where the question ends."""
    labels, at = [], 12
    while length := message[at]:
        labels.append(message[at + 1 : at + 1 + length].decode())
        at += 1 + length
    return ".".join(labels), at + 5


def asked(message):
    """The name that a query is about."""
    return _question(message)[0]


def answer(message, address):
    """The answer to a query for an IPv4 address."""
    _, end = _question(message)
    header = message[:2] + struct.pack("!5H", ANSWER_FLAGS, 1, 1, 0, 0)
    record = struct.pack("!3HIH", 0xC00C, A, IN, 1, 4) + socket.inet_aton(address)
    return header + message[12:end] + record


def address(query_message, message):
    """The one address in an answer, or None when it is no answer to the query."""
    _, end = _question(message)
    head = struct.unpack_from("!6H", message)
    if message[:2] != query_message[:2] or message[12:end] != query_message[12:] or head[3] != 1:
        return None
    kind, _, _, length = struct.unpack_from("!2HIH", message, end + 2)
    data = message[end + 12 : end + 12 + length]
    return socket.inet_ntop(socket.AF_INET if kind == A else socket.AF_INET6, data)


def over_tcp(connection, message):
    """Sends a message over a stream and reads one (RFC 1035, 4.2.2)."""
    connection.sendall(struct.pack("!H", len(message)) + message)
    return read_tcp(connection)


def read_tcp(connection):
    (length,) = struct.unpack("!H", _exactly(connection, 2))
    return _exactly(connection, length)


def _exactly(connection, count):
    data = b""
    while len(data) < count:
        if not (more := connection.recv(count - len(data))):
            raise EOFError("the connection ended early")
        data += more
    return data


def family_of(text):
    return socket.AF_INET6 if ":" in text else socket.AF_INET
