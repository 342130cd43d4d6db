//! The installed plugin, run by the chain that names it.

use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::agents::{BRIDGE, CALICO, CILIUM, FLANNEL, KINDNET};
use crate::node::{Node, succeeded};
use crate::runtime::primary;

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
fn accepts_its_entry_in_every_network() {
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
