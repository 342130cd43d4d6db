//! Runs the programs that judge the texts, each in a fresh network namespace.

use std::io::Write;
use std::process::{Command, Stdio};

/// What the shell script prints in a network namespace of its own. The inputs are the files `$1/0`, `$1/1`
/// and so on.
///
/// A program that is missing, or that refuses, fails the test with what it said. An ordinary user becomes root
/// of a user namespace.
pub(crate) fn in_fresh_namespace(script: &str, inputs: &[&str]) -> String {
    let directory = tempfile::tempdir().unwrap();
    for (nth, input) in inputs.iter().enumerate() {
        let mut file = std::fs::File::create(directory.path().join(nth.to_string())).unwrap();
        file.write_all(input.as_bytes()).unwrap();
    }
    // First the user namespace: a network namespace made together with it is before its map of users, and
    // leaves the files of iptables to the real root (`xt_proto_init`).
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
        // The usual one is for root alone, and one for all namespaces.
        .env("XTABLES_LOCKFILE", directory.path().join("lock"))
        .stdin(Stdio::null())
        .output()
        .expect("a shell is needed");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "`{script}` failed with {}: {complaint}\ninputs are left in {}",
        output.status,
        directory.keep().display(),
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Whether the namespaces know every user and group; an ordinary user's know one.
pub(crate) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// An ordinary user's path may lack where the judges are.
fn path() -> String {
    let own = std::env::var("PATH").unwrap_or_default();
    format!("{own}:/usr/sbin:/sbin")
}
