#!/usr/bin/env bash
# Expected: nft reads what iptables-translate prints.
#
# Seen: not where --tcp-flags has a mask of one flag. The translation, `tcp flags rst / rst`, is refused by nft, whose
# grammar wants at least two flags behind the slash. With two flags in the mask it is accepted.
#
# Versions: iptables 1.8.9-2 and nftables 1.0.6-2+deb12u2, both of Debian 12.
#
# Needs: Debian 12's package lists. nft only checks, in a network namespace of its own.
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
iptables-translate --version
nft --version

accepted() { # MASK FLAGS: what becomes of the translation
    local translated
    translated=$(iptables-translate -A OUTPUT -p tcp --tcp-flags "$1" "$2" -j ACCEPT | sed "s/^nft '\(.*\)'$/\1/; s/^nft //")
    if printf 'add table ip filter\nadd chain ip filter OUTPUT\n%s\n' "$translated" |
        unshare --net nft --check --file - 2>/dev/null; then
        echo "accepted: $translated"
    else
        echo "refused: $translated"
    fi
}

seen=$(accepted RST RST; accepted SYN,RST RST)
echo "$seen"
diff - <(echo "$seen") <<'EXPECTED'
refused: add rule ip filter OUTPUT tcp flags rst / rst counter accept
accepted: add rule ip filter OUTPUT tcp flags rst / syn,rst counter accept
EXPECTED
echo "as described"
