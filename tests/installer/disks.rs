//! Directories that cannot be written to: mounts in a mount namespace of the installer.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;

use crate::agents::{CALICO, CILIUM, FLANNEL};
use crate::node::{Installer, Node, PATIENCE, SECOND, is_plugin, program, succeeded, wait_for};
use crate::runtime::{has_entry_besides, plugins_in};

/// Starts the installer after the commands of a shell in which `$bin` and `$conf` are the node's directories.
fn started(node: &Node, setup: &str) -> Installer {
    let script = format!("{setup}\nexec \"$@\"");
    let mut command = Command::new("unshare");
    command
        .args([
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-ec",
            &script,
            "sh",
        ])
        .arg(program())
        .args(node.arguments("install"))
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("bin", node.bin())
        .env("conf", node.conf());
    Installer::start(&mut command)
}

/// A directory as the installer sees it.
fn seen(installer: &Installer, folder: &Path) -> PathBuf {
    let root = PathBuf::from(format!("/proc/{}/root", installer.id()));
    root.join(folder.strip_prefix("/").unwrap())
}

/// Runs a command in the installer's namespaces.
fn within(installer: &Installer, command: &[&str]) {
    let id = installer.id().to_string();
    succeeded(
        Command::new("nsenter")
            .args([
                "--target",
                &id,
                "--user",
                "--mount",
                "--preserve-credentials",
                "--",
            ])
            .args(command)
            .stdin(Stdio::null()),
    );
}

#[test]
fn read_only_configurations_are_retried() {
    let node = Node::new(&[FLANNEL]);
    let read_only = "mount --bind \"$conf\" \"$conf\"; mount -o remount,bind,ro \"$conf\"";
    let installer = started(&node, read_only);
    let error = installer.wait_for_line("error: ");
    assert!(error.contains("Read-only file system"), "{error}");
    assert_eq!(node.text(FLANNEL.0), FLANNEL.1);
    // Now it can be written to.
    within(
        &installer,
        &[
            "mount",
            "-o",
            "remount,bind,rw",
            node.conf().to_str().unwrap(),
        ],
    );
    node.wait_for(2 * SECOND, "the entry", || {
        has_entry_besides(&node.text(FLANNEL.0), FLANNEL.1)
    });
    let lines = installer.end(Signal::SIGTERM);
    let errors = lines.iter().filter(|line| line.starts_with("error: "));
    assert_eq!(errors.count(), 1, "{lines:#?}");
}

#[test]
fn read_only_plugin_directory_keeps_the_entry_out() {
    let node = Node::new(&[FLANNEL]);
    let read_only = "mount --bind \"$bin\" \"$bin\"; mount -o remount,bind,ro \"$bin\"";
    let installer = started(&node, read_only);
    let error = installer.wait_for_line("error: ");
    assert!(
        error.contains("/bin/netweir cannot be installed: Read-only file system"),
        "{error}"
    );
    // No entry refers to a missing binary.
    assert_eq!(node.text(FLANNEL.0), FLANNEL.1);
    within(
        &installer,
        &[
            "mount",
            "-o",
            "remount,bind,rw",
            node.bin().to_str().unwrap(),
        ],
    );
    node.wait_for(2 * SECOND, "the plugin", || {
        node.has_plugin() && has_entry_besides(&node.text(FLANNEL.0), FLANNEL.1)
    });
    installer.end(Signal::SIGTERM);
}

#[test]
fn read_only_directories_are_no_error_when_nothing_has_to_change() {
    let node = Node::new(&[CALICO]);
    node.install_once();
    let read_only = ["bin", "conf"].map(|folder| {
        format!("mount --bind \"${folder}\" \"${folder}\"; mount -o remount,bind,ro \"${folder}\";")
    });
    let installer = started(&node, &read_only.concat());
    installer.wait_for_line("info: the plugin is installed");
    let lines = installer.end(Signal::SIGTERM);
    assert!(
        !lines.iter().any(|line| line.starts_with("error: ")),
        "{lines:#?}"
    );
}

#[test]
fn full_disk_leaves_configurations_whole() {
    let node = Node::new(&[]);
    let (name, text) = FLANNEL;
    fs::write(node.path("given"), text).unwrap();
    // Room for the text, and no page more.
    let small = format!(
        "mount -t tmpfs -o size=16k tmpfs \"$conf\"; cp \"$conf/../given\" \"$conf/{name}\"; cat /dev/zero > \"$conf/full\" 2>&1 || true"
    );
    let installer = started(&node, &small);
    let error = installer.wait_for_line("error: ");
    assert!(
        error.contains("cannot be written: No space left on device"),
        "{error}"
    );
    let conf = seen(&installer, &node.conf());
    assert_eq!(fs::read_to_string(conf.join(name)).unwrap(), text);
    assert_eq!(
        fs::read_dir(&conf).unwrap().count(),
        2,
        "an unfinished file is left"
    );
    // A new primary network does not fit, either, and is whole all the same.
    fs::write(conf.join("full"), "").unwrap();
    let has_entry = || {
        has_entry_besides(
            &fs::read_to_string(conf.join(name)).unwrap_or_default(),
            text,
        )
    };
    wait_for(std::slice::from_ref(&conf), SECOND, "the entry", has_entry);
    assert!(node.has_plugin());
    let lines = installer.end(Signal::SIGTERM);
    let errors = lines.iter().filter(|line| line.starts_with("error: "));
    assert_eq!(errors.count(), 1, "{lines:#?}");
}

#[test]
fn full_disk_leaves_the_older_binary() {
    let (name, text) = CILIUM;
    let node = Node::new(&[CILIUM]);
    let installer = started(
        &node,
        "mount -t tmpfs -o size=1m tmpfs \"$bin\"; echo older > \"$bin/netweir\"",
    );
    let error = installer.wait_for_line("error: ");
    assert!(
        error.contains("/bin/netweir cannot be installed: No space left on device"),
        "{error}"
    );
    let bin = seen(&installer, &node.bin());
    assert_eq!(fs::read_to_string(bin.join("netweir")).unwrap(), "older\n");
    assert_eq!(
        fs::read_dir(&bin).unwrap().count(),
        1,
        "an unfinished file is left"
    );
    assert_eq!(node.text(name), text);
    within(
        &installer,
        &[
            "mount",
            "-o",
            "remount,size=64m",
            node.bin().to_str().unwrap(),
        ],
    );
    // No event reports free space: the installer tries once a second.
    wait_for(std::slice::from_ref(&bin), PATIENCE, "the plugin", || {
        is_plugin(&bin.join("netweir"))
    });
    node.wait_for(SECOND, "the entry", || {
        has_entry_besides(&node.text(name), text)
    });
    assert!(!plugins_in(&node.conf()).is_empty());
    installer.end(Signal::SIGTERM);
}
