//! `kill -9` in the middle of everything: between each two system calls that can change a file.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::agents::{BRIDGE, CALICO, CILIUM};
use crate::node::Node;
use crate::runtime::{entry, plugins};
use crate::tracer::{changes_files, trace};
use netweir_testkit::tracer::Next;

type Files = &'static [(&'static str, &'static str)];

/// What a runtime may find: the network as it was or as it shall be, and the plugin's file where the network names it.
fn assert_old_or_new(node: &Node, old: &[Value], new: &[Value], when: &str) {
    let found = plugins(node);
    assert!(found == old || found == new, "{when}: {found:?}");
    assert!(
        !found.contains(&entry()) || node.has_plugin(),
        "{when}: no file for the entry"
    );
}

/// Runs the verb, killed at one moment after the other, and each time again without being killed.
fn killed_at_every_moment(verb: &str, prepared: impl Fn() -> Node) {
    let mut arguments = Vec::new();
    let mut run = |node: &Node, moment: Option<usize>| {
        arguments = node.arguments(verb);
        arguments.extend((verb == "install").then(|| "--once".to_owned()));
        let mut calls = 0;
        let code = trace(&arguments, |call| {
            calls += usize::from(changes_files(call));
            if Some(calls) == moment {
                Next::Kill
            } else {
                Next::Continue
            }
        });
        (code, calls)
    };
    let node = prepared();
    let old = plugins(&node);
    let (code, moments) = run(&node, None);
    assert_eq!(code, Some(0));
    assert!(moments > 20, "the tracer saw nothing");
    let (new, files) = (plugins(&node), node.configurations());
    let mut found = BTreeSet::new();
    // Before each call, which is after the one before it.
    for moment in (1..=moments).step_by(2) {
        let when = format!("killed at {moment} of {moments}");
        let node = prepared();
        assert_eq!(run(&node, Some(moment)).0, None);
        assert_old_or_new(&node, &old, &new, &when);
        found.insert(plugins(&node) == new);
        // The next start completes it, and leaves nothing behind.
        assert_eq!(run(&node, None).0, Some(0));
        assert_eq!(node.configurations(), files, "{when}");
        assert_eq!(node.has_plugin(), verb == "install", "{when}");
        let in_bin = std::fs::read_dir(node.bin()).unwrap().count();
        assert_eq!(in_bin, usize::from(verb == "install"), "{when}");
    }
    assert_eq!(found.len(), 2, "killed always before, or always after");
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
fn of_an_installation_in_a_list() {
    killed_at_every_moment("install", fresh(&[CALICO]));
}

#[test]
fn of_an_installation_beside_a_plugin_alone() {
    killed_at_every_moment("install", fresh(&[BRIDGE]));
}

/// The entry moves from a list that was made of a plugin alone to a new primary network.
#[test]
fn of_a_move() {
    killed_at_every_moment("install", || {
        let node = installed(&[BRIDGE])();
        node.write(CILIUM.0, CILIUM.1);
        node
    });
}

#[test]
fn of_an_uninstallation() {
    killed_at_every_moment("uninstall", installed(&[CALICO]));
    killed_at_every_moment("uninstall", installed(&[BRIDGE]));
}
