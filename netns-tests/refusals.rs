//! Errors from the kernel name the object and the likely cause, and leave the rules unchanged.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::thread;

use netweir::error_kind::{ErrorKind, Feature};
use netweir::nftables::{self, Error};
use netweir::plan::plan;
use netweir::ruleset::{MetadataBytes, OpenConnections, Ruleset};

use crate::foreign::other_capture;
use crate::sandbox::{NetnsTest, run};

pub(crate) fn tests() -> Vec<NetnsTest> {
    vec![
        NetnsTest::alone("refusals::name-the-rule", of_a_rule),
        NetnsTest::alone("refusals::name-the-table-of-an-owner", of_the_table),
    ]
}

/// For a missing set the kernel answers as for an unknown expression: ENOENT.
fn of_a_rule() {
    let before = state();
    let whole = plan(&other_capture());
    let ruleset = Ruleset {
        sets: Vec::new(),
        ..whole.clone()
    };
    assert!(!ruleset.routing.is_empty());
    let error = refused(&ruleset);
    assert_eq!(
        error.to_string(),
        "the kernel refused the rule outbound/leave-excluded-port-tcp: No such file or directory (ENOENT)"
    );
    assert_eq!(error.kind(), ErrorKind::Unsupported(Feature::Expression));
    assert_eq!(state(), before);

    // The rules of an earlier run stay.
    nftables::apply(&whole, &MetadataBytes::default(), OpenConnections::new).expect("applied");
    let before = state();
    refused(&ruleset);
    assert_eq!(state(), before);
}

fn of_the_table() {
    let _owner = Owner::of("inet netweir");
    let before = state();
    let changes = [
        nftables::apply(
            &plan(&other_capture()),
            &MetadataBytes::default(),
            OpenConnections::new,
        )
        .err(),
        nftables::remove().err(),
    ];
    for error in changes {
        let error = error.expect("refused");
        assert_eq!(
            error.to_string(),
            "the kernel refused the table inet netweir: Operation not permitted (EPERM)"
        );
        assert_eq!(error.kind(), ErrorKind::OwnedTable);
        assert_eq!(state(), before);
    }
}

fn refused(ruleset: &Ruleset) -> Error {
    nftables::apply(ruleset, &MetadataBytes::default(), OpenConnections::new).expect_err("refused")
}

/// Everything that a run can change.
fn state() -> [String; 3] {
    [
        run("nft", &["--handle", "list", "ruleset"], ""),
        run("ip", &["address", "show"], ""),
        run("ip", &["rule", "show"], ""),
    ]
}

/// Another program that owns a table while it runs.
struct Owner(Child);

impl Owner {
    fn of(table: &str) -> Self {
        let mut command = Command::new("nft");
        let command = command.arg("--interactive").stdin(Stdio::piped());
        let child = command.stdout(Stdio::null()).spawn().expect("nft");
        let mut owner = Self(child);
        let input = owner.0.stdin.as_mut().expect("a pipe");
        writeln!(input, "add table {table} {{ flags owner; }}").expect("written");
        let tables = || run("nft", &["list", "tables"], "");
        while !tables().contains(table) {
            assert_eq!(owner.0.try_wait().expect("asked"), None, "nft ended");
            thread::yield_now();
        }
        owner
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
