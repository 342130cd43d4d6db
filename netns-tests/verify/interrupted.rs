//! Verifications that are killed, or that cannot delete what they made.

use std::fs;
use std::path::Path;
use std::process::Command;

use netweir::intent::Family;
use netweir_testkit::tracer::{self, Ended, Next};
use nix::errno::Errno;
use nix::libc;

use super::pod::{assert_unchanged, set_up, state};
use crate::sandbox::{output_of, run};

const NETWEIR: &str = env!("CARGO_BIN_EXE_netweir");

fn links_exist() -> bool {
    let links = fs::read_to_string("/proc/thread-self/net/dev").unwrap();
    links.contains("netweir-probe0") || links.contains("probe0-netweir")
}

/// Runs `apply --verify`, and does something before each message that it sends while its links exist: they are numbered.
fn verified(mut before_message: impl FnMut(u32) -> Next) -> Ended {
    let command = [NETWEIR, "apply", "--verify"];
    let mut messages = 0;
    tracer::trace(Path::new(NETWEIR), &command, |stopped| {
        if ![libc::SYS_sendto, libc::SYS_sendmsg].contains(&stopped.call()) {
            return Next::Continue;
        }
        if !stopped.is_before() || !links_exist() {
            return Next::Continue;
        }
        messages += 1;
        before_message(messages)
    })
}

fn remove() -> String {
    let output = output_of(Command::new(NETWEIR).arg("remove"), "");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    said
}

/// How many messages a verification sends while its links exist.
fn messages() -> u32 {
    let mut last = 0;
    let ended = verified(|number| {
        last = number;
        Next::Continue
    });
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(last > 5);
    last
}

pub(super) fn remove_deletes_what_a_killed_one_left() {
    set_up(&Family::ALL);
    let before = state();
    let last = messages();
    assert!(!links_exist());
    for at in [1, last / 2, last] {
        let ended = verified(|number| {
            if number == at {
                Next::Kill
            } else {
                Next::Continue
            }
        });
        assert_eq!(ended.code, None);
        assert!(links_exist(), "{at}");
        let said = remove();
        let reported = "info: removed the links of an interrupted verification\n";
        assert!(said.contains(reported), "{said}");
        assert_unchanged(&before);
        assert_eq!(run("nft", &["list", "tables"], ""), "");
    }
}

pub(super) fn failed_clean_up_is_reported() {
    set_up(&Family::ALL);
    let before = state();
    let last = messages();
    let mut left = 0;
    for from in [1, last / 2, last - 1, last] {
        let ended = verified(|number| {
            if number >= from {
                Next::Fail(Errno::EPERM)
            } else {
                Next::Continue
            }
        });
        if links_exist() {
            left += 1;
            let reported = "cannot delete the temporary links and table of the verification; netweir remove deletes them";
            assert!(ended.stderr.contains(reported), "{from}: {}", ended.stderr);
        }
        remove();
        assert_unchanged(&before);
    }
    assert!(left > 1, "{left}");
}
