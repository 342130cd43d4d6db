#!/usr/bin/env bash
# Expected: what iptables-translate prints for a rule matches the same packets as the rule.
#
# Seen: not for negated owners. `-m owner ! --uid-owner N` also matches packets that have no owner, such as the resets
# that the kernel sends for closed ports; the translation, `skuid != N`, does not: nf_tables ends the rule when there is
# no owner to compare. A drop or bypass rule that is translated so changes what happens to these packets.
#
# Versions: iptables 1.8.9-2 and nftables 1.0.6-2+deb12u2 of Debian 12; Linux 6.18. In the kernel: owner_mt
# (net/netfilter/xt_owner.c) returns the negated result without a socket file, nft_meta_get_eval_skugid
# (net/netfilter/nft_meta.c) breaks off.
#
# Needs: root, Debian 12's package lists, python3. Works in a network namespace of its own.
set -euo pipefail

folder=$(mktemp --directory)
trap 'rm -rf "$folder"' EXIT
(
    cd "$folder"
    apt-get -o APT::Sandbox::User=root download -qq iptables=1.8.9-2 libxtables12=1.8.9-2 libip4tc2=1.8.9-2 libip6tc2=1.8.9-2 \
        nftables=1.0.6-2+deb12u2 libnftables1=1.0.6-2+deb12u2 libnftnl11=1.2.4-2 >/dev/null
    for package in ./*.deb; do dpkg-deb --extract "$package" .; done
)
LD_LIBRARY_PATH=$(dirname "$(find "$folder" -name 'libnftables.so.1')")
XTABLES_LIBDIR=$(find "$folder" -type d -name xtables)
export LD_LIBRARY_PATH XTABLES_LIBDIR
PATH=$folder/usr/sbin:$PATH
readonly rule=(OUTPUT -p tcp --sport 9 -m owner ! --uid-owner 1337)

iptables-nft --version
nft --version
translated=$(iptables-translate -A "${rule[@]}" | sed "s/^nft '\(.*\)'$/\1/; s/^nft //")
echo "translated: $translated"

export translated
seen=$(unshare --net bash -euo pipefail -s -- "${rule[@]}" <<'BASH'
python3 - <<'PYTHON'
import fcntl
import socket
import struct

with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH22x", b"lo", 0x41))  # SIOCSIFFLAGS: up
PYTHON
iptables-nft -A "$@"
nft add table ip translated
nft add chain ip translated OUTPUT '{ type filter hook output priority 0; }'
nft "${translated/ip filter/ip translated}"
python3 - <<'PYTHON'
import socket

# No process listens on port 9: the kernel answers each of these with a reset from port 9.
for _ in range(5):
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", 9)) != 0
PYTHON
echo "iptables: $(iptables-nft -nvxL OUTPUT | awk 'END { print $1 }') packets"
echo "its translation: $(nft list chain ip translated OUTPUT | sed -n 's/.*packets \([0-9]*\).*/\1/p') packets"
BASH
)
echo "$seen"
diff - <(echo "$seen") <<'EXPECTED'
iptables: 5 packets
its translation: 0 packets
EXPECTED
echo "as described"
