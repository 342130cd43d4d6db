//! Another program changes a configuration between each two system calls in turn, so that every order is tried. Its last version
//! must be there in the end, with the entry or, if it came after the last pass, without.

use std::fs::{self, File};
use std::io::Write;

use nix::libc;

use crate::agents::{BRIDGE, CALICO};
use crate::node::Node;
use crate::runtime::{has_entry_besides, is_installed, primary};
use crate::tracer::trace;
use netweir_testkit::tracer::Next;

/// The other program, called with the number of stops since its moment.
type Act<'a> = &'a dyn Fn(&Node, &mut Option<File>, usize, i64);

/// Runs the command once for each moment and checks the result.
fn with_another_program(
    command: &str,
    prepared: &dyn Fn() -> Node,
    act: Act<'_>,
    check: &dyn Fn(&Node, &str),
) {
    let mut moment = 0;
    loop {
        let node = prepared();
        let mut arguments = node.arguments(command);
        arguments.extend((command == "install").then(|| "--once".to_owned()));
        // Each directory that is cleaned first takes two system calls, each of which is seen before and after.
        let listings_before = if command == "install" { 8 } else { 4 };
        let (mut listings, mut stops, mut file) = (0, 0, None);
        trace(&arguments, |call| {
            listings += usize::from(call == libc::SYS_getdents64);
            if listings > listings_before {
                if stops >= moment {
                    act(&node, &mut file, stops - moment, call);
                }
                stops += 1;
            }
            Next::Continue
        });
        if stops <= moment {
            break;
        }
        // What it has not done yet.
        act(&node, &mut file, usize::MAX, 0);
        check(
            &node,
            &format!(
                "{command}, at {moment} of {stops}: {:#?}",
                node.configurations()
            ),
        );
        // After one system call is before the next.
        moment += 2;
    }
    assert!(moment > 20, "too few moments to come between");
}

/// By a rename.
fn at_once(name: &str, text: &str) -> impl Fn(&Node, &mut Option<File>, usize, i64) {
    move |node, _, since, _| {
        if since == 0 {
            node.write_whole(name, text);
        }
    }
}

/// In place, and in two halves.
fn in_halves(name: &str, text: &str) -> impl Fn(&Node, &mut Option<File>, usize, i64) {
    let (one, other) = text.split_at(text.len() / 2);
    move |node, file, since, call| {
        if since == 0 {
            let mut opened = File::create(node.file(name)).unwrap();
            opened.write_all(one.as_bytes()).unwrap();
            *file = Some(opened);
        } else if since > 7 || call == libc::SYS_poll {
            // Before it waits for this, at the latest.
            if let Some(mut opened) = file.take() {
                opened.write_all(other.as_bytes()).unwrap();
            }
        }
    }
}

fn list_survives_every_order(command: &str, prepared: &dyn Fn() -> Node) {
    let (name, text) = CALICO;
    let newer = text.replace("\"mtu\": 0", "\"mtu\": 9000");
    assert_ne!(newer, text);
    let check = |node: &Node, when: &str| {
        let found = node.text(name);
        assert!(
            found == newer || has_entry_besides(&found, &newer),
            "{when}"
        );
        node.install_once();
        assert!(has_entry_besides(&node.text(name), &newer), "{when}");
        assert_eq!(node.configurations().len(), 1, "{when}");
    };
    with_another_program(command, prepared, &at_once(name, &newer), &check);
    with_another_program(command, prepared, &in_halves(name, &newer), &check);
    let removed = |node: &Node, _: &mut Option<File>, since, _| {
        if since == 0 {
            fs::remove_file(node.file(name)).unwrap();
        }
    };
    with_another_program(command, prepared, &removed, &|node, when| {
        assert!(node.configurations().is_empty(), "{when}");
    });
}

/// A node with the plugin's binary and these configurations.
fn with_binary(files: &[(&str, &str)]) -> Node {
    let node = Node::new(&[CALICO]);
    node.install_once();
    node.remove(CALICO.0);
    for (name, text) in files {
        node.write(name, text);
    }
    node
}

#[test]
fn installation_in_a_list_keeps_what_others_write() {
    list_survives_every_order("install", &|| with_binary(&[CALICO]));
}

#[test]
fn installation_beside_a_single_plugin_follows_what_others_write() {
    let (name, text) = BRIDGE;
    let newer = text.replace("cni0", "cni1");
    let check = |node: &Node, when: &str| {
        let bridge = || primary(&node.conf()).map(|(_, list)| list["plugins"][0]["bridge"].clone());
        assert_eq!(node.text(name), newer, "{when}");
        node.install_once();
        assert_eq!(bridge(), Some("cni1".into()), "{when}");
        assert!(is_installed(node), "{when}");
        node.uninstall();
        assert_eq!(
            node.configurations(),
            [(name.to_owned(), newer.clone())].into(),
            "{when}"
        );
    };
    let prepared = || with_binary(&[BRIDGE]);
    with_another_program("install", &prepared, &at_once(name, &newer), &check);
    with_another_program("install", &prepared, &in_halves(name, &newer), &check);
    let removed = |node: &Node, _: &mut Option<File>, since, _| {
        if since == 0 {
            fs::remove_file(node.file(name)).unwrap();
        }
    };
    with_another_program("install", &prepared, &removed, &|node, when| {
        let output = node.command("install").arg("--once").output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{when}");
        assert!(node.configurations().is_empty(), "{when}");
    });
}

#[test]
fn uninstallation_keeps_what_others_write() {
    list_survives_every_order("uninstall", &|| {
        let node = Node::new(&[CALICO]);
        node.install_once();
        node
    });
}
