//! Another program that changes a configuration in the middle of everything: between each two system calls in turn, so that every
//! order of the two is tried. What it wrote last is there in the end, with the entry or, if it came after the last look, without.

use std::fs::{self, File};
use std::io::Write;

use nix::libc;

use crate::agents::{BRIDGE, CALICO};
use crate::node::Node;
use crate::runtime::{has_entry_besides, is_installed, primary};
use crate::tracer::trace;
use netweir_testkit::tracer::Next;

/// System calls that list a folder before the configurations are looked at: two folders are cleaned, each takes two, and each is
/// seen before and after.
const LISTINGS_BEFORE: usize = 8;

/// What the other program does, by how often it was there since the moment of a run.
type Act<'a> = &'a dyn Fn(&Node, &mut Option<File>, usize, i64);

/// Runs the verb once for each moment, and then looks at what is left.
fn with_another(
    verb: &str,
    prepared: &dyn Fn() -> Node,
    act: Act<'_>,
    judge: &dyn Fn(&Node, &str),
) {
    let mut moment = 0;
    loop {
        let node = prepared();
        let mut arguments = node.arguments(verb);
        arguments.extend((verb == "install").then(|| "--once".to_owned()));
        let (mut listings, mut stops, mut file) = (0, 0, None);
        trace(&arguments, |call| {
            listings += usize::from(call == libc::SYS_getdents64);
            if listings > LISTINGS_BEFORE {
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
        // Whatever it has not done yet.
        act(&node, &mut file, usize::MAX, 0);
        judge(
            &node,
            &format!(
                "{verb}, at {moment} of {stops}: {:#?}",
                node.configurations()
            ),
        );
        // After one system call is before the next.
        moment += 2;
    }
    assert!(moment > 20, "there was nothing to come between");
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

fn of_list(verb: &str, prepared: &dyn Fn() -> Node) {
    let (name, text) = CALICO;
    let newer = text.replace("\"mtu\": 0", "\"mtu\": 9000");
    assert_ne!(newer, text);
    let judge = |node: &Node, when: &str| {
        let found = node.text(name);
        assert!(
            found == newer || has_entry_besides(&found, &newer),
            "{when}"
        );
        node.install_once();
        assert!(has_entry_besides(&node.text(name), &newer), "{when}");
        assert_eq!(node.configurations().len(), 1, "{when}");
    };
    with_another(verb, prepared, &at_once(name, &newer), &judge);
    with_another(verb, prepared, &in_halves(name, &newer), &judge);
    let removed = |node: &Node, _: &mut Option<File>, since, _| {
        if since == 0 {
            fs::remove_file(node.file(name)).unwrap();
        }
    };
    with_another(verb, prepared, &removed, &|node, when| {
        assert!(node.configurations().is_empty(), "{when}");
    });
}

/// The plugin's file is there already, which is not what this is about.
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
fn an_installation_in_a_list() {
    of_list("install", &|| with_binary(&[CALICO]));
}

#[test]
fn an_installation_beside_a_plugin_alone() {
    let (name, text) = BRIDGE;
    let newer = text.replace("cni0", "cni1");
    let judge = |node: &Node, when: &str| {
        let bridge = || primary(&node.conf()).map(|(_, list)| list["plugins"][0]["bridge"].clone());
        assert_eq!(bridge(), Some("cni1".into()), "{when}");
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
    with_another("install", &prepared, &at_once(name, &newer), &judge);
    with_another("install", &prepared, &in_halves(name, &newer), &judge);
}

#[test]
fn an_uninstallation() {
    of_list("uninstall", &|| {
        let node = Node::new(&[CALICO]);
        node.install_once();
        node
    });
}
