#!/usr/bin/env bash
# Expected: deleting the rule that redirected a connection leaves the established connection alone as long as another NAT
# chain is registered, because conntrack keeps its translation and NAT chains only see first packets.
#
# Seen: the connection stops. A NAT chain does not keep connection tracking on: only expressions do (ct, redirect, dnat ...).
# When the last rule with one of them goes, the kernel unregisters the tracking hooks of the namespace, and established
# connections are no longer translated. One `ct` rule beside the empty NAT chain keeps them. That rule alone, without a
# NAT chain, does not: the NAT hooks then go.
#
# Versions: nftables 1.0.6-2+deb12u2 of Debian 12; Linux 6.18. In the kernel, the redirect expression takes the tracking
# reference (nft_redir_init, nf_ct_netns_get); the registration of a NAT chain does not (nf_nat_register_fn).
#
# Needs: root, Debian 12's package lists, python3. Works in a network namespace of its own.
set -euo pipefail

folder=$(mktemp --directory)
trap 'rm -rf "$folder"' EXIT
(
    cd "$folder"
    apt-get -o APT::Sandbox::User=root download -qq nftables=1.0.6-2+deb12u2 libnftables1=1.0.6-2+deb12u2 libnftnl11=1.2.4-2 >/dev/null
    for package in ./*.deb; do dpkg-deb --extract "$package" .; done
)
export NFT=$folder/usr/sbin/nft
LD_LIBRARY_PATH=$(dirname "$(find "$folder" -name 'libnftables.so.1')")
export LD_LIBRARY_PATH
"$NFT" --version

seen=$(unshare --net python3 - <<'PYTHON'
import fcntl
import os
import socket
import struct
import subprocess


def nft(*lines):
    subprocess.run([os.environ["NFT"], "-f", "-"], input="\n".join(lines), text=True, check=True)


def survives(*others):
    """Whether a redirected connection still carries data when the table that redirected it is gone."""
    nft(
        "add table ip redirecting",
        "add chain ip redirecting output { type nat hook output priority -100; }",
        "add rule ip redirecting output tcp dport 80 redirect to :15001",
        *others,
    )
    with socket.create_server(("", 15001)) as listener, socket.socket() as client:
        client.settimeout(3)
        client.connect(("127.0.0.2", 80))
        server, _ = listener.accept()
        with server:
            server.settimeout(3)
            client.sendall(b"1")
            assert server.recv(1) == b"1"
            nft("delete table ip redirecting")
            client.sendall(b"2")
            try:
                arrived = server.recv(1) == b"2"
            except TimeoutError:
                arrived = False
    nft("flush ruleset")
    return arrived


with socket.socket() as any_socket:
    up_and_running = struct.pack("16sH22x", b"lo", 0x41)
    fcntl.ioctl(any_socket, 0x8914, up_and_running)  # SIOCSIFFLAGS

nat = ["add table ip other", "add chain ip other output { type nat hook output priority 0; }"]
tracking = [
    "add table ip tracking",
    "add chain ip tracking output { type filter hook output priority 0; }",
    "add rule ip tracking output ct state invalid counter",
]
print(f"nothing else: {survives()}")
print(f"an empty NAT chain: {survives(*nat)}")
print(f"a ct rule: {survives(*tracking)}")
print(f"an empty NAT chain and a ct rule: {survives(*nat, *tracking)}")
PYTHON
)
echo "$seen"
diff - <(echo "$seen") <<'EXPECTED'
nothing else: False
an empty NAT chain: False
a ct rule: False
an empty NAT chain and a ct rule: True
EXPECTED
echo "as described"
