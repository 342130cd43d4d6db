//! Flags and variables, and errors in them.

use std::fs;
use std::process::Command;

use snapbox::{assert_data_eq, str};

use crate::agents::{CALICO, FLANNEL};
use crate::node::{Node, program, succeeded};
use crate::runtime::{entry, is_installed, plugins};

fn errors_of(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), text)
}

#[test]
fn variables_set_options_and_flags_win() {
    let node = Node::new(&[FLANNEL]);
    let options = node.path("plugin.json");
    fs::write(&options, r#"{"policy": "all"}"#).unwrap();
    let run = |name: &str, variables: &[(&str, &str)]| {
        let mut command = Command::new(program());
        command
            .env_clear()
            .args(["cni", name])
            .envs(variables.iter().copied());
        command
            .env("NETWEIR_CNI_BIN_DIR", node.bin())
            .env("NETWEIR_CNI_CONF_DIR", node.conf());
        succeeded(&mut command);
    };
    let config = ("NETWEIR_CNI_PLUGIN_CONFIG", options.to_str().unwrap());
    run("install", &[config, ("NETWEIR_CNI_ONCE", "true")]);
    assert_eq!(plugins(&node).last().unwrap()["policy"], "all");
    // A flag wins.
    let mut command = node.command("install");
    command
        .env("NETWEIR_CNI_CONF_DIR", "/nonexistent")
        .env("NETWEIR_CNI_ONCE", "false");
    succeeded(command.arg("--once"));
    assert!(is_installed(&node));
    run("uninstall", &[]);
    assert_eq!(node.text(FLANNEL.0), FLANNEL.1);
}

#[test]
fn every_error_is_reported() {
    let node = Node::new(&[FLANNEL]);
    let options = node.path("plugin.json");
    fs::write(
        &options,
        r#"{"policy": "some", "polcy": 1, "capture": {"outbound-port": 0}}"#,
    )
    .unwrap();
    let options = options.to_str().unwrap();
    let mut command = node.command("install");
    command.args([
        "--plugin-config",
        options,
        "--health",
        "9133",
        "--quiet=maybe",
        "--onec",
    ]);
    command
        .env("NETWEIR_CNI_UNINSTALL_ON_EXIT", "yes")
        .env("NETWEIR_CNI_READY_FILE", "");
    let (code, found) = errors_of(&mut command);
    assert_eq!(code, Some(2));
    assert_data_eq!(
        found.replace(options, "PLUGIN.JSON"),
        str![[r#"
error: --onec: unknown option; did you mean --once
error: --quiet: expected one of true, 1, false, 0, found "maybe"
error: --plugin-config: "PLUGIN.JSON", policy: expected one of annotated, all, none, found "some"
error: --plugin-config: "PLUGIN.JSON", polcy, which is 1: unknown key; did you mean policy
error: --plugin-config: "PLUGIN.JSON", capture.outbound-port: expected a port (1-65535), found "0"
error: NETWEIR_CNI_READY_FILE: expected a value: FILE, such as /run/netweir/ready
error: --health: expected an address with a port (such as 127.0.0.1:15097 or [::1]:15097), found "9133"
error: NETWEIR_CNI_UNINSTALL_ON_EXIT: expected one of true, 1, false, 0, found "yes"

"#]]
    );
    assert_eq!(node.text(FLANNEL.0), FLANNEL.1);
    assert!(!node.plugin().exists());
}

#[test]
fn options_for_watching_conflict_with_once() {
    let node = Node::new(&[FLANNEL]);
    let mut command = node.command("install");
    command
        .args(["--once", "--uninstall-on-exit", "--health=127.0.0.1:0"])
        .env("NETWEIR_CNI_READY_FILE", "/x");
    let (code, found) = errors_of(&mut command);
    assert_eq!(code, Some(2));
    assert_data_eq!(
        found,
        str![[r#"
error: NETWEIR_CNI_READY_FILE: cannot be combined with --once
error: --health: cannot be combined with --once
error: --uninstall-on-exit: cannot be combined with --once

"#]]
    );
}

#[test]
fn options_of_other_commands_are_refused() {
    let (code, found) =
        errors_of(
            Command::new(program())
                .env_clear()
                .args(["apply", "--bin-dir", "/x"]),
        );
    assert_eq!(code, Some(2));
    assert_data_eq!(
        found,
        str![[r#"
error: --bin-dir: unknown option for this command

"#]]
    );
    let (code, found) =
        errors_of(
            Command::new(program())
                .env_clear()
                .args(["cni", "uninstall", "--conf-dir"]),
        );
    assert_eq!(code, Some(2));
    assert_data_eq!(
        found,
        str![[r#"
error: --conf-dir: expected a value: DIR, such as /host/etc/cni/net.d

"#]]
    );
    let (code, found) = errors_of(
        Command::new(program())
            .env_clear()
            .args(["cni", "unistall"]),
    );
    assert_eq!(code, Some(2));
    assert_data_eq!(
        found,
        str![[r#"
error: unistall: unknown command; see netweir --help

"#]]
    );
}

#[test]
fn once_fails_without_a_network() {
    let node = Node::new(&[]);
    let (code, found) = errors_of(node.command("install").arg("--once"));
    assert_eq!(code, Some(1));
    assert!(
        found
            .lines()
            .last()
            .unwrap()
            .starts_with("error: waiting for a CNI network configuration in /"),
        "{found:?}"
    );
    node.write(CALICO.0, CALICO.1);
    node.install_once();
    assert_eq!(plugins(&node).last(), Some(&entry()));
}

#[test]
fn uninstalling_nothing_succeeds() {
    let node = Node::new(&[]);
    node.uninstall();
    fs::remove_dir(node.conf()).unwrap();
    fs::remove_dir(node.bin()).unwrap();
    node.uninstall();
}

/// It may still have the entry.
#[test]
fn invalid_configuration_keeps_the_binary() {
    let node = Node::new(&[CALICO]);
    node.install_once();
    let whole = node.text(CALICO.0);
    node.write(CALICO.0, whole.trim_end_matches(['\n', '}']));
    let (code, found) = errors_of(&mut node.command("uninstall"));
    assert_eq!(code, Some(1));
    let message = found.lines().last().unwrap();
    assert!(
        message.contains("10-calico.conflist may still run the plugin: it is not a JSON object"),
        "{message}"
    );
    assert!(node.has_plugin());
    node.write(CALICO.0, &whole);
    node.uninstall();
    assert_eq!(node.text(CALICO.0), CALICO.1);
}

#[test]
fn only_the_binary_and_the_configuration_are_written() {
    let node = Node::new(&[FLANNEL]);
    node.install_once();
    let names = |folder| {
        fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(node.conf()), [FLANNEL.0]);
    assert_eq!(names(node.bin()), ["netweir"]);
}
