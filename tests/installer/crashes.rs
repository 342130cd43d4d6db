//! `kill -9` between each two system calls that can change a file, and a failure of each of these calls.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::agents::{BRIDGE, CALICO, CILIUM};
use crate::node::Node;
use crate::runtime::{entry, plugins};
use crate::tracer::{changes_files, trace};
use netweir_testkit::tracer::Next;
use nix::errno::Errno;

type Files = &'static [(&'static str, &'static str)];

/// A runtime must find the network before or after the change, and the binary wherever the network refers to it.
fn assert_old_or_new(node: &Node, old: &[Value], new: &[Value], when: &str) {
    let found = plugins(node);
    assert!(found == old || found == new, "{when}: {found:?}");
    assert!(
        !found.contains(&entry()) || node.has_plugin(),
        "{when}: no binary for the entry"
    );
}

/// Runs the command, killed before one system call after the other, or with that call failing, and each time again to its
/// end.
fn killed_at_every_moment(command: &str, prepared: impl Fn() -> Node) {
    let mut arguments = Vec::new();
    let mut run = |node: &Node, moment: Option<usize>, interruption: Next| {
        arguments = node.arguments(command);
        arguments.extend((command == "install").then(|| "--once".to_owned()));
        let mut calls = 0;
        let code = trace(&arguments, |call| {
            calls += usize::from(changes_files(call));
            // Each is seen before and after.
            if Some(calls) == moment && changes_files(call) {
                interruption
            } else {
                Next::Continue
            }
        });
        (code, calls)
    };
    let node = prepared();
    let old = plugins(&node);
    let (code, moments) = run(&node, None, Next::Continue);
    assert_eq!(code, Some(0));
    assert!(moments > 20, "the tracer saw nothing");
    let (new, files) = (plugins(&node), node.configurations());
    let mut found = BTreeSet::new();
    // Before each call: calls are seen before and after.
    let both = [Next::Kill, Next::Fail(Errno::EIO)];
    let every = (1..=moments).step_by(2);
    for (moment, interruption) in every.flat_map(|moment| both.map(|next| (moment, next))) {
        let when = format!("{interruption:?} at {moment} of {moments}");
        let node = prepared();
        let (code, _) = run(&node, Some(moment), interruption);
        assert_eq!(code.is_none(), interruption == Next::Kill, "{when}");
        assert_old_or_new(&node, &old, &new, &when);
        found.insert(plugins(&node) == new);
        // The next run completes the work and leaves nothing behind.
        assert_eq!(run(&node, None, Next::Continue).0, Some(0), "{when}");
        assert_eq!(node.configurations(), files, "{when}");
        assert_eq!(node.has_plugin(), command == "install", "{when}");
        let in_bin = std::fs::read_dir(node.bin()).unwrap().count();
        assert_eq!(in_bin, usize::from(command == "install"), "{when}");
    }
    if old != new {
        assert_eq!(found.len(), 2, "killed always before, or always after");
    }
}

fn fresh(files: Files) -> impl Fn() -> Node {
    move || Node::new(files)
}

fn installed(files: Files) -> impl Fn() -> Node {
    move || {
        let node = Node::new(files);
        node.install_once();
        node
    }
}

#[test]
fn installation_in_a_list_is_atomic() {
    killed_at_every_moment("install", fresh(&[CALICO]));
}

#[test]
fn installation_beside_a_single_plugin_is_atomic() {
    killed_at_every_moment("install", fresh(&[BRIDGE]));
}

#[test]
fn move_from_a_generated_list_to_a_new_primary_network_is_atomic() {
    killed_at_every_moment("install", || {
        let node = installed(&[BRIDGE])();
        node.write(CILIUM.0, CILIUM.1);
        node
    });
}

#[test]
fn uninstallation_is_atomic() {
    killed_at_every_moment("uninstall", installed(&[CALICO]));
    killed_at_every_moment("uninstall", installed(&[BRIDGE]));
}
