//! Runs the installed plugin as the network's list does.

use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use netweir_testkit::tracer::Next;
use serde_json::{Value, json};

use crate::agents::{BRIDGE, CALICO, CILIUM, FLANNEL, KINDNET};
use crate::node::{Node, PATIENCE, SECOND, succeeded};
use crate::runtime::primary;
use crate::tracer::{changes_files, trace};

/// What libcni gives the entry of the pods' network.
fn configuration(node: &Node) -> Value {
    let (_, list) = primary(&node.conf()).unwrap();
    let mut configuration = list["plugins"].as_array().unwrap().last().unwrap().clone();
    configuration["name"] = list["name"].clone();
    configuration["cniVersion"] = list["cniVersion"].clone();
    configuration
}

/// Runs the plugin's file, as root of a new user namespace: STATUS makes a network namespace.
fn called(node: &Node, command: &str, configuration: &Value) -> Output {
    let mut plugin = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net"])
        .arg(node.plugin())
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("CNI_COMMAND", command)
        .env("CNI_PATH", node.bin())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = plugin.stdin.take().unwrap();
    stdin
        .write_all(configuration.to_string().as_bytes())
        .unwrap();
    drop(stdin);
    plugin.wait_with_output().unwrap()
}

const OPTIONS: &str = r#"{
  "policy": "all",
  "excludeNamespaces": ["kube-system", "monitoring"],
  "capture": {"exclude-outbound-ports": "22,3306", "ip-families": "ipv4"},
  "logLevel": "debug"
}"#;

#[test]
fn plugin_accepts_its_entry_in_every_network() {
    for agent in [FLANNEL, CALICO, CILIUM, KINDNET, BRIDGE] {
        let node = Node::new(&[agent]);
        let options = node.path("plugin.json");
        fs::write(&options, OPTIONS).unwrap();
        succeeded(
            node.command("install")
                .arg("--once")
                .arg("--plugin-config")
                .arg(&options),
        );
        let mut configuration = configuration(&node);
        assert_eq!(configuration["capture"]["ip-families"], "ipv4");
        let version = called(&node, "VERSION", &configuration);
        assert!(version.status.success());
        let spoken: Value = serde_json::from_slice(&version.stdout).unwrap();
        let spoken = spoken["supportedVersions"].as_array().unwrap();
        assert!(spoken.contains(&configuration["cniVersion"]), "{spoken:?}");
        // Only the latest version has STATUS, which tries what the entry asks for.
        configuration["cniVersion"] = "1.1.0".into();
        let status = called(&node, "STATUS", &configuration);
        let errors = String::from_utf8_lossy(&status.stderr);
        assert!(status.status.success(), "{}: {errors}", agent.0);
        // A key less would be one too many for it: the installer refuses what it would.
        configuration["captures"] = json!({});
        assert!(!called(&node, "STATUS", &configuration).status.success());
    }
}

#[test]
fn documented_configurations_are_accepted() {
    let node = Node::new(&[CALICO]);
    node.install_once();
    let documentation = include_str!("../../docs/cni.md");
    let mut lines = documentation.lines();
    let line = lines
        .find(|line| line.contains("CNI_COMMAND=STATUS"))
        .unwrap();
    let status = line.split('\'').nth(1).unwrap();
    for source in [status, include_str!("../../deploy/multus/netweir.conf")] {
        let mut configuration: Value = serde_json::from_str(source).unwrap();
        configuration["cniVersion"] = "1.1.0".into();
        let output = called(&node, "STATUS", &configuration);
        assert!(
            output.status.success() && output.stdout.is_empty(),
            "{output:?}"
        );
    }
}

#[test]
fn standalone_plugin_gets_a_configuration_for_multus() {
    // Multus's directory has networks of its own, none of which is the pods'.
    let node = Node::new(&[BRIDGE]);
    let options = node.path("plugin.json");
    fs::write(&options, r#"{"standalone": true, "policy": "all"}"#).unwrap();
    let installer = node.guarded_with(&["--plugin-config", options.to_str().unwrap()]);
    let source = node.text("netweir.conf");
    let mut configuration: Value = serde_json::from_str(&source).unwrap();
    assert_eq!(configuration["name"], "netweir");
    assert_eq!(configuration["cniVersion"], "1.0.0");
    configuration["cniVersion"] = "1.1.0".into();
    assert!(called(&node, "STATUS", &configuration).status.success());
    node.remove("netweir.conf");
    node.wait_for(SECOND, "the configuration", || {
        node.text("netweir.conf") == source
    });
    installer.end(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(node.text(BRIDGE.0), BRIDGE.1);
    node.uninstall();
    assert_eq!(
        node.configurations(),
        [(BRIDGE.0.to_owned(), BRIDGE.1.to_owned())].into()
    );
}

/// Between any two system calls, so that no moment is left in which the binary is open for writing (`ETXTBSY`).
#[test]
fn plugin_starts_at_every_moment_of_an_upgrade() {
    let node = Node::new(&[CALICO]);
    node.install_once();
    let plugin = node.plugin();
    let mut older = fs::OpenOptions::new().append(true).open(&plugin).unwrap();
    older.write_all(b"older").unwrap();
    drop(older);
    let mut arguments = node.arguments("install");
    arguments.push("--once".to_owned());
    let mut starts = 0;
    let code = trace(&arguments, |call| {
        if changes_files(call) || call == nix::libc::SYS_close {
            starts += 1;
            let output = Command::new(&plugin)
                .env_clear()
                .env("CNI_COMMAND", "VERSION")
                .stdin(Stdio::null())
                .output();
            assert!(output.unwrap().status.success());
        }
        Next::Continue
    });
    assert_eq!(code, Some(0));
    assert!(starts > 20, "the tracer saw nothing");
    assert!(node.has_plugin());
}

/// The manifests limit the installer to 32 MiB.
#[test]
fn large_configurations_of_others_are_not_kept_in_memory() {
    let node = Node::new(&[]);
    let (_, text) = FLANNEL;
    let large = node.path("large");
    fs::write(&large, format!("{text}{}", " ".repeat(4_000_000))).unwrap();
    for number in 0..16 {
        fs::hard_link(&large, node.file(&format!("{number:03}.conflist"))).unwrap();
    }
    let installer = crate::node::Installer::start(&mut node.command("install"));
    node.wait_for(3 * PATIENCE, "the entry", || {
        crate::runtime::has_entry_besides(
            &node.text("000.conflist"),
            &fs::read_to_string(&large).unwrap(),
        )
    });
    installer.wait_for_line("info: the plugin is installed");
    let status = fs::read_to_string(format!("/proc/{}/status", installer.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak
        .and_then(|peak| peak.trim().strip_suffix(" kB"))
        .unwrap();
    assert!(peak.parse::<u32>().unwrap() < 32 << 10, "{peak} kB");
    installer.end(nix::sys::signal::Signal::SIGTERM);
}
