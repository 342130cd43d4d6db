# shellcheck shell=bash
# What the scripts that build, pack and check share. They source it from the project's folder.

# The version, which Cargo.toml has.
version() {
    sed -n '/^\[package\]$/,/^$/ s/^version = "\(.*\)"$/\1/p' Cargo.toml
}

# The image's name in README, manifests and charts. A registry is never asked for "localhost/...".
image_name() {
    echo "localhost/netweir:$(version)"
}

# The commit that is built. A release is built outside of the repository: there the variable has it.
revision() {
    echo "${NETWEIR_REVISION:-$(git rev-parse HEAD)}"
}

# The time that everything made of the commit has, whenever it is made: that of the commit.
epoch() {
    echo "${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}"
}

# The machine that Rust's target triple is for, in the words of Debian, Go and the OCI.
debian_arch() { # TARGET
    case $1 in
        x86_64-*) echo amd64 ;;
        aarch64-*) echo arm64 ;;
        *)
            echo "netweir is built for x86_64 and aarch64, not for $1" >&2
            return 1
            ;;
    esac
}

# The target that the compiler itself runs on.
host_target() {
    rustc -vV | sed -n 's/^host: //p'
}

# The paths of the compatibility commands in the image.
links() {
    grep -v '^#' packaging/links
}

# A tar of what is in the folder that has the same bytes whenever, wherever and by whomever it is made.
reproducible_tar() { # TAR FOLDER [OPTION...]
    tar --create --file "$1" --directory "$2" --format ustar --sort name --owner 0 --group 0 --numeric-owner \
        --mode u+rw,go-w --mtime "@$(epoch)" "${@:3}" .
}

# The newest Helm of script/kubernetes' folder.
newest_helm() { # FOLDER
    printf '%s\n' "$1"/v*/helm | sort --version-sort | tail -n 1
}

# The machines that a release is for.
# shellcheck disable=SC2034 # other scripts use it
readonly targets=(x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu)

# What the changelog says of this version.
changes() {
    awk -v heading="## [$(version)]" 'index($0, "## ") == 1 { shown = index($0, heading) == 1; next } shown' CHANGELOG.md |
        sed '/./,$!d'
}

# Sees to a virtual environment in the folder with what the file names: wheels of PyPI, pinned by their checksums. Where they
# are not available it says why, and fails.
wheels() { # WHO FOLDER REQUIREMENTS
    local log
    if ! cmp -s "$3" "$2/requirements.txt"; then
        rm -rf "$2"
        if ! log=$(python3 -m venv "$2" 2>&1 &&
            "$2/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r "$3" 2>&1); then
            echo "$1: the wheels are not available: ${log##*$'\n'}" >&2
            return 1
        fi
        cp "$3" "$2/requirements.txt"
    fi
}
