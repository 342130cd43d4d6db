//! Runs `nft` and `iptables-restore` in fresh network namespaces.

use std::io::Write;
use std::process::{Command, Stdio};

/// The output of the shell script in a network namespace of its own. The inputs are the files `$1/0`, `$1/1` and so on.
///
/// If a program is missing or fails, the test fails with its messages. An ordinary user becomes root of a user
/// namespace.
pub(crate) fn in_fresh_namespace(script: &str, inputs: &[&str]) -> String {
    let directory = tempfile::tempdir().unwrap();
    for (nth, input) in inputs.iter().enumerate() {
        let mut file = std::fs::File::create(directory.path().join(nth.to_string())).unwrap();
        file.write_all(input.as_bytes()).unwrap();
    }
    // The user namespace comes first: a network namespace created with it precedes its map of users, so that the
    // files of iptables belong to the real root (`xt_proto_init`).
    let own_namespace = if is_root() {
        "exec unshare -n"
    } else {
        "exec unshare -r unshare -n"
    };
    let output = Command::new("sh")
        .args([
            "-c",
            &format!("{own_namespace} sh -euc \"$@\""),
            "sh",
            script,
            "sh",
        ])
        .arg(directory.path())
        .env("PATH", path())
        // The default file can only be written by root, and all namespaces share it.
        .env("XTABLES_LOCKFILE", directory.path().join("lock"))
        .stdin(Stdio::null())
        .output()
        .expect("a shell is installed");
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "`{script}` failed with {}: {messages}\ninputs are left in {}",
        output.status,
        directory.keep().display(),
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Whether the namespaces map every user and group; an ordinary user's map one.
pub(crate) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// The search path, with the directories of system programs, which an ordinary user's path may lack.
fn path() -> String {
    let own = std::env::var("PATH").unwrap_or_default();
    format!("{own}:/usr/sbin:/sbin")
}
