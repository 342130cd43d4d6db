//! Changes made by other programs are repaired within a second.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::agents::{BRIDGE, CALICO, CILIUM, FLANNEL};
use crate::node::{Node, PATIENCE, SECOND};
use crate::runtime::{has_entry_besides, is_installed, plugins, primary};

#[test]
fn rewritten_configuration_gets_the_entry_again() {
    let (name, text) = FLANNEL;
    let node = Node::new(&[FLANNEL]);
    let installer = node.guarded();
    let before = node.text(name);
    node.write(name, text);
    node.wait_for(SECOND, "in place", || node.text(name) == before);
    node.write_whole(name, text);
    node.wait_for(SECOND, "by another file", || node.text(name) == before);
    // With something new in it.
    let newer = text.replace("true,", "false,\n");
    node.write_whole(name, &newer);
    node.wait_for(SECOND, "the newer text", || {
        has_entry_besides(&node.text(name), &newer)
    });
    installer.end(Signal::SIGTERM);
    assert!(is_installed(&node));
}

#[test]
fn removed_configuration_ends_readiness() {
    let (name, text) = FLANNEL;
    let node = Node::new(&[FLANNEL]);
    let ready = node.path("ready");
    let installer = node.guarded_with(&["--ready-file", ready.to_str().unwrap()]);
    node.wait_for(PATIENCE, "ready", || ready.exists());
    node.remove(name);
    node.wait_for(SECOND, "not ready", || !ready.exists());
    installer.wait_for_line("info: waiting for a CNI network configuration in ");
    node.write_whole(name, text);
    node.wait_for(SECOND, "the entry", || {
        has_entry_besides(&node.text(name), text)
    });
    node.wait_for(SECOND, "ready", || ready.exists());
    installer.end(Signal::SIGTERM);
}

#[test]
fn first_configuration_of_a_node_gets_the_entry() {
    let node = Node::new(&[]);
    let ready = node.path("ready");
    let mut command = node.command("install");
    let installer = crate::node::Installer::start(command.arg("--ready-file").arg(&ready));
    installer.wait_for_line("info: waiting for a CNI network configuration in ");
    assert!(node.has_plugin() && !ready.exists());
    let (name, text) = CALICO;
    node.write(name, text);
    node.wait_for(SECOND, "the entry", || {
        has_entry_besides(&node.text(name), text)
    });
    node.wait_for(SECOND, "ready", || ready.exists());
    installer.end(Signal::SIGTERM);
}

#[test]
fn entry_moves_to_a_new_primary_network() {
    let node = Node::new(&[FLANNEL]);
    let installer = node.guarded();
    let (name, text) = CILIUM;
    node.write_whole(name, text);
    node.wait_for(SECOND, "the entry in the new", || {
        has_entry_besides(&node.text(name), text)
    });
    node.wait_for(SECOND, "no entry in the old", || {
        node.text(FLANNEL.0) == FLANNEL.1
    });
    node.remove(name);
    node.wait_for(SECOND, "the entry in the old", || is_installed(&node));
    installer.end(Signal::SIGTERM);
    assert_eq!(primary(&node.conf()).unwrap().0, FLANNEL.0);
}

#[test]
fn generated_list_follows_its_source_and_goes_with_it() {
    let (name, text) = BRIDGE;
    let node = Node::new(&[BRIDGE]);
    let installer = node.guarded();
    let newer = text.replace("cni0", "cni1");
    node.write_whole(name, &newer);
    let is_newer = || {
        let plugins = plugins(&node);
        is_installed(&node)
            && plugins
                .first()
                .is_some_and(|plugin| plugin["bridge"] == "cni1")
    };
    node.wait_for(SECOND, "the entry behind the newer plugin", is_newer);
    assert_eq!(node.text(name), newer);
    // A half-written source changes nothing.
    node.write(name, &newer[..newer.len() / 2]);
    installer.wait_for_line("warning: skipping an invalid network configuration");
    assert!(is_newer());
    node.write(name, text);
    node.wait_for(SECOND, "the older plugin", || {
        !is_newer() && is_installed(&node)
    });
    node.remove(name);
    node.wait_for(SECOND, "no generated list", || {
        node.configurations().is_empty()
    });
    node.write_whole(name, text);
    node.wait_for(SECOND, "the entry", || is_installed(&node));
    installer.end(Signal::SIGTERM);
    node.uninstall();
    assert_eq!(
        node.configurations(),
        [(name.to_owned(), text.to_owned())].into()
    );
}

#[test]
fn changed_binary_is_reinstalled() {
    let node = Node::new(&[FLANNEL]);
    let installer = node.guarded();
    let plugin = node.plugin();
    let other = node.path("other");
    let changes: [(&str, &dyn Fn()); 5] = [
        ("removed", &|| fs::remove_file(&plugin).unwrap()),
        ("replaced", &|| {
            fs::write(&other, "#!/bin/sh\n").unwrap();
            fs::rename(&other, &plugin).unwrap();
        }),
        ("truncated", &|| fs::write(&plugin, "").unwrap()),
        ("one byte", &|| {
            let mut bytes = fs::read(&plugin).unwrap();
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
            fs::write(&plugin, bytes).unwrap();
        }),
        ("another mode", &|| {
            fs::set_permissions(&plugin, Permissions::from_mode(0o644)).unwrap();
        }),
    ];
    for (change, make) in changes {
        make();
        node.wait_for(SECOND, change, || node.has_plugin());
    }
    let lines = installer.end(Signal::SIGTERM);
    let repairs = lines
        .iter()
        .filter(|line| line.starts_with("info: the plugin's binary was installed"));
    // Once at the start. A repair may come between truncating and writing.
    assert!(repairs.count() >= 6, "{lines:#?}");
}

#[test]
fn equivalent_configuration_is_not_written() {
    let node = Node::new(&[FLANNEL]);
    let installer = node.guarded();
    let (name, _) = FLANNEL;
    // The same in another spelling.
    let value: Value = serde_json::from_str(&node.text(name)).unwrap();
    let pretty = serde_json::to_string_pretty(&value).unwrap();
    node.write_whole(name, &pretty);
    // A later change is handled, so this one was, too.
    fs::remove_file(node.plugin()).unwrap();
    node.wait_for(SECOND, "the plugin's file", || node.has_plugin());
    assert_eq!(node.text(name), pretty);
    let lines = installer.end(Signal::SIGTERM);
    let written = lines
        .iter()
        .filter(|line| line.starts_with("info: wrote a network configuration"));
    assert_eq!(written.count(), 1, "{lines:#?}");
}

#[test]
fn invalid_configuration_is_logged_once_and_skipped() {
    let (name, text) = CILIUM;
    let node = Node::new(&[FLANNEL]);
    let installer = node.guarded();
    let warning = "warning: skipping an invalid network configuration";
    let (half, _) = text.split_at(text.len() / 2);
    node.write(name, half);
    installer.wait_for_line(warning);
    // It is read several times, and invalid for several reasons.
    for broken in ["", "{", half] {
        node.write(name, broken);
        fs::remove_file(node.plugin()).unwrap();
        node.wait_for(SECOND, "the plugin's file", || node.has_plugin());
    }
    // Like CRI-O, the installer takes the next.
    assert!(has_entry_besides(&node.text(FLANNEL.0), FLANNEL.1));
    node.write(name, text);
    node.wait_for(SECOND, "the entry", || {
        has_entry_besides(&node.text(name), text)
    });
    node.wait_for(SECOND, "no entry in the other", || {
        node.text(FLANNEL.0) == FLANNEL.1
    });
    let lines = installer.end(Signal::SIGTERM);
    let warnings: Vec<_> = lines
        .iter()
        .filter(|line| line.starts_with(warning))
        .collect();
    let [warning] = warnings.as_slice() else {
        panic!("{lines:#?}")
    };
    assert!(
        warning.contains(name) && warning.contains("reason=\"it is not a JSON object: EOF"),
        "{warning}"
    );
}

#[test]
fn invalid_configurations_alone_are_one_error() {
    let (name, text) = CILIUM;
    let node = Node::new(&[(name, "{\"name\": ")]);
    let installer = crate::node::Installer::start(&mut node.command("install"));
    let error = installer.wait_for_line("error: no valid CNI network configuration in ");
    assert!(error.ends_with("; invalid: 05-cilium.conflist"), "{error}");
    // For whichever reason.
    for broken in ["", "{", "[]"] {
        node.write(name, broken);
        fs::remove_file(node.plugin()).unwrap();
        node.wait_for(SECOND, "the plugin's file", || node.has_plugin());
    }
    node.write(name, text);
    node.wait_for(SECOND, "the entry", || {
        has_entry_besides(&node.text(name), text)
    });
    let lines = installer.end(Signal::SIGTERM);
    let broken = lines.iter().filter(|line| line.contains("invalid"));
    assert_eq!(broken.count(), 2, "{lines:#?}");
}

/// A symbolic link to a file that the installer's container does not have, but the runtime.
#[test]
fn unreadable_configuration_is_an_error_and_never_skipped() {
    let node = Node::new(&[FLANNEL]);
    std::os::unix::fs::symlink("/nonexistent/cilium", node.file(CILIUM.0)).unwrap();
    let installer = crate::node::Installer::start(&mut node.command("install"));
    let error = installer.wait_for_line("error: cannot add the plugin to ");
    assert!(
        error.contains(CILIUM.0) && error.contains("it cannot be read (No such file"),
        "{error}"
    );
    assert_eq!(node.text(FLANNEL.0), FLANNEL.1);
    node.remove(CILIUM.0);
    node.wait_for(2 * SECOND, "the entry", || is_installed(&node));
    installer.end(Signal::SIGTERM);
}

/// An update may start the new installer before the old one has ended.
#[test]
fn last_of_two_installers_wins() {
    let (name, text) = FLANNEL;
    let node = Node::new(&[FLANNEL]);
    let options = node.path("plugin.json");
    fs::write(&options, r#"{"policy": "all"}"#).unwrap();
    let options = ["--plugin-config", options.to_str().unwrap()];
    let older = node.guarded_with(&options);
    let newer = node.guarded();
    for _ in 0..3 {
        node.write(name, text);
        let has_entry = || {
            let plugins = plugins(&node);
            plugins.iter().any(|plugin| plugin["type"] == "netweir")
        };
        node.wait_for(SECOND, "one of the two entries", has_entry);
    }
    older.end(Signal::SIGTERM);
    node.wait_for(SECOND, "the entry", || {
        has_entry_besides(&node.text(name), text)
    });
    newer.end(Signal::SIGTERM);
    assert!(is_installed(&node));
}

#[test]
fn unsupported_version_is_left_until_it_changes() {
    let (name, text) = FLANNEL;
    let older = text.replace("0.3.1", "0.2.0");
    let node = Node::new(&[(name, &older)]);
    let installer = crate::node::Installer::start(&mut node.command("install"));
    let error = installer.wait_for_line("error: cannot add the plugin to ");
    assert!(error.contains("its cniVersion is 0.2.0"), "{error}");
    assert_eq!(node.text(name), older);
    node.write(name, text);
    node.wait_for(SECOND, "the entry", || {
        has_entry_besides(&node.text(name), text)
    });
    installer.end(Signal::SIGTERM);
}

#[test]
fn replaced_directory_is_watched_again() {
    let node = Node::new(&[FLANNEL]);
    let installer = node.guarded();
    fs::rename(node.conf(), node.path("gone")).unwrap();
    installer.wait_for_line("error: ");
    fs::create_dir(node.conf()).unwrap();
    let (name, text) = CALICO;
    node.write(name, text);
    // No event reports a directory that did not exist: the installer tries once a second.
    node.wait_for(2 * SECOND, "the entry", || {
        has_entry_besides(&node.text(name), text)
    });
    // Then it is watched again.
    node.write(name, text);
    node.wait_for(SECOND, "the entry", || {
        has_entry_besides(&node.text(name), text)
    });
    installer.end(Signal::SIGTERM);
}
