//! Standard streams that are closed.

use std::fs;
use std::process::Command;

use crate::agents::FLANNEL;
use crate::node::{Installer, Node, program};

/// Whatever is opened next would take their places, and messages would go there.
#[test]
fn are_nowhere_and_nothing_of_the_programs() {
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
