//! Commands run by a user without privileges.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::unistd::geteuid;

use snapbox::{assert_data_eq, str};

use crate::program::{Run, netweir, run};

/// A user without files and privileges (the kernel's overflow id).
const OVERFLOW_ID: u32 = 65534;

/// Runs the program as a user without capabilities. It runs through an open file, since that user may not be able to
/// search the directories above the program.
fn unprivileged(arguments: &[&str]) -> Run {
    let program = File::open(env!("CARGO_BIN_EXE_netweir")).unwrap();
    let mut command = Command::new(format!("/proc/self/fd/{}", program.as_raw_fd()));
    command.args(arguments).env_clear();
    // Other users have no capabilities.
    if geteuid().is_root() {
        command.uid(OVERFLOW_ID).gid(OVERFLOW_ID);
    }
    run(&mut command)
}

#[test]
fn dry_run_needs_no_privilege() {
    let unprivileged_run = unprivileged(&["apply", "--dry-run", "--exclude-outbound-uids=root"]);
    assert_eq!(
        (unprivileged_run.code, unprivileged_run.stderr.as_str()),
        (Some(0), "")
    );
    let privileged_run = run(&mut netweir(&[
        "apply",
        "--dry-run",
        "--exclude-outbound-uids=root",
    ]));
    assert_eq!(unprivileged_run.stdout, privileged_run.stdout);
    assert!(unprivileged_run.stdout.contains("table inet netweir {"));
}

#[test]
fn missing_capability_is_reported_by_name() {
    let message = "error: CAP_NET_ADMIN is missing; use sudo; in a container, add the capability NET_ADMIN, and run \
                   as user 0 or give the program the file capability cap_net_admin+p\n";
    for command in ["apply", "diff", "remove", "status", "trace"] {
        let run = unprivileged(&[command]);
        assert_eq!(
            (run.code, run.stderr.as_str()),
            (Some(4), message),
            "{command}"
        );
    }
}

#[test]
fn option_errors_are_reported_before_missing_capabilities() {
    let run = unprivileged(&["apply", "--inbound-port=0"]);
    assert_eq!(run.code, Some(2));
    assert_data_eq!(
        run.stderr,
        str![[r#"
error: --inbound-port: expected a port (1-65535), found "0"

"#]]
    );
}
