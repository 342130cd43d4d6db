//! The configurations of other agents, as their documentation has them.

use serde_json::Value;

use crate::node::Node;
use crate::runtime::{entry, has_entry_besides, is_installed, plugins, primary};

/// flannel: `kube-flannel-cfg` of its manifest.
pub(crate) const FLANNEL: (&str, &str) = (
    "10-flannel.conflist",
    include_str!("agents/10-flannel.conflist"),
);
/// calico: the template of its installer, filled in.
pub(crate) const CALICO: (&str, &str) = (
    "10-calico.conflist",
    include_str!("agents/10-calico.conflist"),
);
/// cilium: written by its agent.
pub(crate) const CILIUM: (&str, &str) = (
    "05-cilium.conflist",
    include_str!("agents/05-cilium.conflist"),
);
/// kindnet: written by its daemon..
pub(crate) const KINDNET: (&str, &str) = (
    "10-kindnet.conflist",
    include_str!("agents/10-kindnet.conflist"),
);
/// A plugin alone, as the documentation of libcni has it.
pub(crate) const BRIDGE: (&str, &str) = ("10-mynet.conf", include_str!("agents/10-mynet.conf"));

const LISTS: [(&str, &str); 4] = [FLANNEL, CALICO, CILIUM, KINDNET];

#[test]
fn lists_get_the_entry_and_lose_it_again() {
    for (name, text) in LISTS {
        let node = Node::new(&[(name, text)]);
        let before = plugins(&node);
        node.install_once();
        let installed = node.text(name);
        assert!(has_entry_besides(&installed, text), "{installed}");
        assert!(is_installed(&node));
        assert_eq!(plugins(&node), [before, vec![entry()]].concat());
        // Twice is once.
        node.install_once();
        assert_eq!(node.text(name), installed);
        for _ in 0..2 {
            node.uninstall();
            assert_eq!(
                node.configurations(),
                [(name.to_owned(), text.to_owned())].into()
            );
            assert!(!node.plugin().exists());
        }
    }
}

#[test]
fn a_plugin_alone_becomes_a_list_and_comes_back() {
    let (name, text) = BRIDGE;
    let node = Node::new(&[BRIDGE]);
    let (_, before) = primary(&node.conf()).unwrap();
    for _ in 0..2 {
        node.install_once();
        let (file, mut list) = primary(&node.conf()).unwrap();
        assert_eq!(file, "10-mynet.conflist");
        assert!(is_installed(&node));
        assert!(
            node.text(&file).contains(text.trim()),
            "the plugin's bytes are others"
        );
        list["plugins"].as_array_mut().unwrap().pop();
        assert_eq!(list, before);
    }
    for _ in 0..2 {
        node.uninstall();
        assert_eq!(
            node.configurations(),
            [(name.to_owned(), text.to_owned())].into()
        );
    }
}

/// Of an earlier version, with other options, and not at the end.
#[test]
fn an_older_entry_is_replaced() {
    let (name, text) = FLANNEL;
    let node = Node::new(&[]);
    let older = r#"{"type": "netweir", "policy": "all"}, "#;
    let (before, after) = text.split_at(text.find("{\n      \"type\": \"portmap\"").unwrap());
    node.write(name, &[before, older, after].concat());
    node.install_once();
    let types: Vec<_> = plugins(&node)
        .iter()
        .map(|plugin| plugin["type"].clone())
        .collect();
    assert_eq!(types, ["flannel", "netweir", "portmap"]);
    assert_eq!(plugins(&node)[1], entry());
    node.uninstall();
    assert_eq!(
        serde_json::from_str::<Value>(&node.text(name)).unwrap(),
        serde_json::from_str::<Value>(text).unwrap()
    );
}

#[test]
fn a_file_keeps_its_mode() {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    for mode in [0o600, 0o664] {
        let node = Node::new(&[CALICO]);
        let file = node.file(CALICO.0);
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        node.install_once();
        assert!(is_installed(&node));
        assert_eq!(
            fs::metadata(file).unwrap().permissions().mode() & 0o7777,
            mode
        );
    }
}
