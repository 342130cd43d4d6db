//! `--verify` in a pod's conditions: one capability, a read-only `/proc/sys`, several runs at once.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::thread;

use netweir::intent::Family;

use super::pod::{Ended, apply_verify, assert_unchanged, set_up, state};
use crate::sandbox::{NetnsTest, run};

pub(super) fn tests() -> Vec<NetnsTest> {
    vec![
        NetnsTest::alone("verify::needs-only-net-admin", || confined(&[]))
            .with(&["setpriv", "unshare"]),
        NetnsTest::alone("verify::needs-only-net-admin-as-a-user", || {
            confined(&[
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
                "--ambient-caps=+net_admin",
            ]);
        })
        .with(&["setpriv", "unshare"])
        .only_as_root(),
        NetnsTest::alone("verify::one-at-a-time", at_once),
    ]
}

const NETWEIR: &str = env!("CARGO_BIN_EXE_netweir");

/// Runs with the capabilities of a container with `drop: [ALL], add: [NET_ADMIN]`.
fn confined(further: &[&str]) {
    set_up(&Family::ALL);
    // Any user can run it there.
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = place.path().join("netweir");
    let program = program.to_str().expect("text");
    // By another process: a file that a thread of this one writes may be open for writing in the children that
    // others start, and cannot be run as long as it is.
    run("cp", &[NETWEIR, program], "");

    let read_only = "mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys && exec \"$0\" \"$@\"";
    let mut before = vec!["unshare", "--mount", "sh", "-c", read_only, "setpriv"];
    before.extend(further);
    before.extend([
        "--bounding-set=-all,+net_admin",
        "--inh-caps=-all,+net_admin",
        "--no-new-privs",
    ]);
    let ended = apply_verify(&before, program, &[]);
    assert_all_proven(&ended);
    let before = state();
    assert!(before.contains("table inet netweir {"), "{before}");
    assert!(!before.contains("probe"), "{before}");
}

fn assert_all_proven(ended: &Ended) {
    assert_eq!(ended.code, Some(0), "{:#?}", ended.messages);
    assert_eq!(
        ended.lines("info: verified: ").len(),
        4,
        "{:#?}",
        ended.messages
    );
}

/// Several runs wait for each other: no run takes another's listeners for a proxy or removes its links.
fn at_once() {
    set_up(&Family::ALL);
    run(NETWEIR, &["apply"], "");
    let before = state();
    // The threads are in the same namespace.
    thread::scope(|scope| {
        let many = [0; 4].map(|_| scope.spawn(|| apply_verify(&[], NETWEIR, &[])));
        for one in many {
            assert_all_proven(&one.join().expect("ended"));
        }
    });
    assert_unchanged(&before);
}
