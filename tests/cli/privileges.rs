//! What a user without any privilege can do, and what not.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::unistd::geteuid;

use snapbox::{assert_data_eq, str};

use crate::program::{Run, netweir, run};

/// A user that has nothing (the kernel's overflow id).
const NOBODY: u32 = 65534;

/// Runs the program as a user without capabilities. Through its open file the program can be reached, whoever may
/// search the directories above it.
fn as_nobody(arguments: &[&str]) -> Run {
    let program = File::open(env!("CARGO_BIN_EXE_netweir")).unwrap();
    let mut command = Command::new(format!("/proc/self/fd/{}", program.as_raw_fd()));
    command.args(arguments).env_clear();
    // Whoever is not root has no capabilities to begin with.
    if geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    run(&mut command)
}

#[test]
fn nobody_can_print_the_rules() {
    let nobody = as_nobody(&["apply", "--dry-run", "--exclude-outbound-uids=root"]);
    assert_eq!((nobody.code, nobody.stderr.as_str()), (Some(0), ""));
    let anyone = run(&mut netweir(&[
        "apply",
        "--dry-run",
        "--exclude-outbound-uids=root",
    ]));
    assert_eq!(nobody.stdout, anyone.stdout);
    assert!(nobody.stdout.contains("table inet netweir {"));
}

#[test]
fn changing_rules_takes_a_capability_that_is_named() {
    let message = "error: CAP_NET_ADMIN is missing; use sudo; in a container, add the capability NET_ADMIN, and run \
                   as user 0 or give the program the file capability cap_net_admin+p\n";
    for verb in ["apply", "diff", "remove", "status", "trace"] {
        let run = as_nobody(&[verb]);
        assert_eq!(
            (run.code, run.stderr.as_str()),
            (Some(4), message),
            "{verb}"
        );
    }
}

#[test]
fn mistakes_come_before_missing_capabilities() {
    let run = as_nobody(&["apply", "--inbound-port=0"]);
    assert_eq!(run.code, Some(2));
    assert_data_eq!(
        run.stderr,
        str![[r#"
error: --inbound-port: expected a port (1-65535), found "0"

"#]]
    );
}
