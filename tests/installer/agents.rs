//! Installation in the configurations of common network agents.

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
/// kindnet: written by its daemon.
pub(crate) const KINDNET: (&str, &str) = (
    "10-kindnet.conflist",
    include_str!("agents/10-kindnet.conflist"),
);
/// A plugin alone, as the documentation of libcni has it.
pub(crate) const BRIDGE: (&str, &str) = ("10-mynet.conf", include_str!("agents/10-mynet.conf"));

/// OpenShift SDN looks for its file by this name.
pub(crate) const OPENSHIFT: (&str, &str) = (
    "80-openshift-network.conf",
    r#"{"cniVersion":"0.3.1","name":"openshift-sdn","type":"openshift-sdn"}"#,
);
const CALICO_LATER: (&str, &str) = ("99-calico.conflist", CALICO.1);

const LISTS: [(&str, &str); 4] = [FLANNEL, CALICO, CILIUM, KINDNET];

#[test]
fn list_gets_the_entry_and_loses_it_again() {
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
fn single_plugin_keeps_its_file_and_is_outranked() {
    for (name, text, generated) in [
        (BRIDGE.0, BRIDGE.1, "10-mynet-netweir.conflist"),
        (
            OPENSHIFT.0,
            OPENSHIFT.1,
            "80-openshift-network-netweir.conflist",
        ),
    ] {
        let node = Node::new(&[(name, text)]);
        let (_, before) = primary(&node.conf()).unwrap();
        for _ in 0..2 {
            node.install_once();
            assert_eq!(node.text(name), text);
            let (file, list) = primary(&node.conf()).unwrap();
            assert_eq!(file, generated);
            assert!(is_installed(&node));
            assert!(node.text(&file).contains(text.trim()));
            for key in ["name", "cniVersion"] {
                assert_eq!(list[key], before[key]);
            }
            assert_eq!(list["plugins"][0], before["plugins"][0]);
            assert_eq!(list["plugins"].as_array().unwrap().len(), 2);
        }
        for _ in 0..2 {
            node.uninstall();
            assert_eq!(
                node.configurations(),
                [(name.to_owned(), text.to_owned())].into()
            );
        }
    }
}

/// As few descriptors as there may be: files that cannot be opened are not absent.
#[test]
fn no_file_is_lost_without_descriptors() {
    for command in ["install", "uninstall"] {
        for limit in 3..16 {
            let node = Node::new(&[BRIDGE]);
            node.install_once();
            let mut shell = std::process::Command::new("sh");
            shell
                .args(["-c", &format!("ulimit -n {limit}; exec \"$0\" \"$@\"")])
                .arg(crate::node::program())
                .args(node.arguments(command))
                .env("NETWEIR_CNI_ONCE", "true");
            let output = shell.output().unwrap();
            let texts = node.configurations();
            assert!(
                texts.values().any(|text| text == BRIDGE.1),
                "{limit}: {output:?}: {texts:#?}"
            );
            node.install_once();
            assert_eq!(node.text(BRIDGE.0), BRIDGE.1, "{limit}");
            assert!(is_installed(&node), "{limit}");
        }
    }
}

#[test]
fn nameless_plugin_is_no_network() {
    let loopback = r#"{"cniVersion":"1.0.0","type":"loopback"}"#;
    // Nor is a later network installed into: runtimes take the first.
    for more in [&[][..], &[("99-network.conflist", CALICO.1)]] {
        let node = Node::new(&[&[("99-loopback.conf", loopback)], more].concat());
        let before = node.configurations();
        let output = node.command("install").arg("--once").output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(node.configurations(), before);
        node.uninstall();
        assert_eq!(node.configurations(), before);
    }
}

/// libcni 1.3 loads plugins from the directory named after the network.
#[test]
fn network_of_a_directory_is_an_error_and_never_skipped() {
    let node = Node::new(&[
        ("10-net.conflist", r#"{"cniVersion":"1.1.0","name":"n"}"#),
        CALICO_LATER,
    ]);
    std::fs::create_dir(node.file("n")).unwrap();
    node.write("n/aa.conf", BRIDGE.1);
    let output = node.command("install").arg("--once").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(
        message.contains("10-net.conflist: its plugins come from the directory n"),
        "{message}"
    );
    assert_eq!(node.text(CALICO_LATER.0), CALICO_LATER.1);
    // The next network is installed into as soon as it is the first.
    let installer = crate::node::Installer::start(&mut node.command("install"));
    installer.wait_for_line("error: cannot add the plugin to ");
    node.remove("n/aa.conf");
    node.wait_for(2 * crate::node::SECOND, "the entry", || is_installed(&node));
    installer.end(nix::sys::signal::Signal::SIGTERM);
}

#[test]
fn directory_that_runs_the_plugin_keeps_its_binary() {
    let node = Node::new(&[CALICO]);
    node.install_once();
    std::fs::create_dir(node.file("k8s-pod-network")).unwrap();
    node.write("k8s-pod-network/zz.conf", &entry().to_string());
    let output = node.command("uninstall").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(
        message.contains("k8s-pod-network/zz.conf runs netweir"),
        "{message}"
    );
    assert!(node.has_plugin());
    node.remove("k8s-pod-network/zz.conf");
    node.uninstall();
    assert!(!node.plugin().exists());
}

#[test]
fn entry_with_other_options_is_replaced_in_place() {
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
fn written_file_has_the_mode_of_its_source() {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    for mode in [0o600, 0o664] {
        let node = Node::new(&[CALICO]);
        let file = node.file(CALICO.0);
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        node.install_once();
        assert!(is_installed(&node));
        let mode_of = |file| fs::metadata(file).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode_of(file), mode);
        let node = Node::new(&[BRIDGE]);
        fs::set_permissions(node.file(BRIDGE.0), Permissions::from_mode(mode)).unwrap();
        node.install_once();
        assert_eq!(mode_of(node.file("10-mynet-netweir.conflist")), mode);
    }
}
