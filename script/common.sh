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
reproducible_tar() { # TAR FOLDER [NAME...]
    local tar=$1 folder=$2
    shift 2
    tar --create --file "$tar" --directory "$folder" --format ustar --sort name --owner 0 --group 0 --numeric-owner \
        --mode go-w --mtime "@$(epoch)" -- "${@:-.}"
}

# The newest Helm of script/kubernetes' folder.
newest_helm() { # FOLDER
    printf '%s\n' "$1"/v*/helm | sort --version-sort | tail -n 1
}
