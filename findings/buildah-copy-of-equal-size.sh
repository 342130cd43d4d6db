#!/usr/bin/env bash
# Expected: a file that an image build copies over a file of its base image is in the new image.
#
# Seen: not with the storage driver vfs, where the two files have the same size and were changed in the same second, once
# times are rounded. The build succeeds, and the new image has the base image's file: the new layer is what differs from the
# layer below, and contents are not compared. A size or a second that differs by one is enough for the right file.
#
# Versions: buildah 1.28.2+ds1-3+deb12u1+b3 of Debian 12. Base and copy are one image each, without a shell.
#
# Needs: root, Debian 12's package lists.
set -euo pipefail

folder=$(mktemp --directory)
trap 'rm -rf "$folder"' EXIT
(
    cd "$folder"
    apt-get -o APT::Sandbox::User=root download -qq buildah=1.28.2+ds1-3+deb12u1+b3 libassuan0=2.5.5-5 \
        libdevmapper1.02.1=2:1.02.185-2 libgpg-error0=1.46-1 libgpgme11=1.18.0-3+deb12u1 libseccomp2=2.5.4-1+deb12u1 >/dev/null
    for package in ./*.deb; do dpkg-deb --extract "$package" .; done
)
export LD_LIBRARY_PATH=$folder/usr/lib/x86_64-linux-gnu:$folder/lib/x86_64-linux-gnu
store=(--root "$folder/store" --runroot "$folder/run" --storage-driver vfs)
buildah() { "$folder/usr/bin/buildah" "${store[@]}" "$@"; }
buildah --version

image() { # NAME BASE CONTENT TIME: an image in which the file was copied over the base's
    local context=$folder/$1
    mkdir "$context"
    printf %s "$3" >"$context/file"
    touch --date "$4" "$context/file"
    printf 'FROM %s\nCOPY file /file\n' "$2" >"$context/Containerfile"
    buildah build --quiet --tag "localhost/$1" "$context" >/dev/null
}

content() { # NAME: what the image has in the file
    local container
    container=$(buildah from "localhost/$1")
    cat "$(buildah mount "$container")/file"
}

image base scratch before '2026-01-01 00:00:00.1'
image same localhost/base behind '2026-01-01 00:00:00.2'
image later localhost/base behind '2026-01-01 00:00:02'
image longer localhost/base afterwards '2026-01-01 00:00:00.2'
seen=$(for name in same later longer; do echo "$name: $(content "$name")"; done)
echo "$seen"
diff - <(echo "$seen") <<'EXPECTED'
same: before
later: behind
longer: afterwards
EXPECTED
echo "as described"
