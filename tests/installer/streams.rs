//! Standard streams that are closed.

use std::fs;
use std::process::Command;

use crate::agents::FLANNEL;
use crate::node::{Installer, Node, program};

/// Otherwise the next file that is opened would take the place of standard error and get the messages.
#[test]
fn closed_streams_are_replaced_by_dev_null() {
    let node = Node::new(&[FLANNEL]);
    let ready = node.path("ready");
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "exec \"$0\" \"$@\" 0<&- 1>&- 2>&-"])
        .arg(program())
        .args(node.arguments("install"))
        .arg("--ready-file")
        .arg(&ready);
    let installer = Installer::start(&mut shell);
    node.wait_for(std::time::Duration::from_secs(10), "ready", || {
        ready.exists()
    });
    for stream in 0..3 {
        let target = fs::read_link(format!("/proc/{}/fd/{stream}", installer.id())).unwrap();
        assert_eq!(target.to_str(), Some("/dev/null"), "{stream}");
    }
}
