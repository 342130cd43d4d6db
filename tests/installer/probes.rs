//! Probes, metrics, the ready file and signals.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::agents::{BRIDGE, CILIUM, FLANNEL};
use crate::exposition;
use crate::node::{Installer, Node, PATIENCE, SECOND};
use crate::runtime::{has_entry_besides, is_installed};

/// Where it listens; it says so.
fn address(installer: &Installer) -> SocketAddr {
    let line = installer.wait_for_line("info: serving /readyz and /metrics address=");
    line.rsplit_once('=').unwrap().1.parse().unwrap()
}

fn exchanged(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The status and the body.
fn fetched(address: SocketAddr, path: &str) -> (u16, String) {
    let answer = exchanged(
        address,
        &format!("GET {path} HTTP/1.1\r\nHost: node\r\nUser-Agent: kube-probe/1.33\r\n\r\n"),
    );
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let length = format!("\r\nContent-Length: {}\r\n", body.len());
    assert!(head.contains(&length), "{head}");
    let status = head.strip_prefix("HTTP/1.1 ").unwrap().get(..3).unwrap();
    (status.parse().unwrap(), body.to_owned())
}

/// The value of a metric, which may have one label.
fn metric(address: SocketAddr, name: &str, label: Option<(&str, &str)>) -> String {
    let (status, body) = fetched(address, "/metrics");
    assert_eq!(status, 200);
    let samples = exposition::samples(&body);
    let owned = |(label, value): (&str, &str)| (label.to_owned(), value.to_owned());
    let labels = label.into_iter().map(owned).collect();
    let mut named = samples.iter().filter(|sample| sample.name == name);
    let found = named.find(|sample| sample.labels == labels);
    found
        .unwrap_or_else(|| panic!("no {name} with {label:?} in {body}"))
        .value
        .to_string()
}

#[test]
fn probes_and_metrics_follow_the_installation() {
    let node = Node::new(&[]);
    let mut command = node.command("install");
    let installer = Installer::start(command.arg("--health").arg("127.0.0.1:0"));
    let address = address(&installer);
    installer.wait_for_line("info: waiting for a CNI network configuration in ");
    let (status, body) = fetched(address, "/readyz");
    assert_eq!(status, 503);
    assert!(
        body.starts_with("not ready: waiting for a CNI network configuration in /"),
        "{body}"
    );
    let one = |name: &str| metric(address, name, None);
    assert_eq!(one("netweir_cni_ready"), "0");
    assert_eq!(one("netweir_cni_installs_total"), "0");
    let errors = |reason: &str| {
        metric(
            address,
            "netweir_cni_errors_total",
            Some(("reason", reason)),
        )
    };
    assert_eq!(errors("no_network"), "1");
    assert_ne!(one("netweir_cni_last_error_timestamp_seconds"), "0");
    node.write("05-half.conflist", "");
    installer.wait_for_line("error: no valid CNI network configuration in ");
    assert_eq!(errors("invalid_configuration"), "1");
    assert_eq!(errors("no_network"), "1");
    node.remove("05-half.conflist");

    let (name, text) = CILIUM;
    node.write(name, text);
    installer.wait_for_line("info: the plugin is installed");
    assert_eq!(fetched(address, "/readyz"), (200, "ready\n".to_owned()));
    let repairs = |object: &str| {
        metric(
            address,
            "netweir_cni_repairs_total",
            Some(("object", object)),
        )
    };
    assert_eq!(one("netweir_cni_ready"), "1");
    assert_eq!(one("netweir_cni_installs_total"), "1");
    assert_eq!(repairs("configuration"), "0");

    fs::remove_file(node.plugin()).unwrap();
    node.wait_for(SECOND, "the plugin's file", || node.has_plugin());
    assert_eq!(repairs("binary"), "1");
    node.write_whole(name, text);
    node.wait_for(SECOND, "the entry", || {
        has_entry_besides(&node.text(name), text)
    });
    assert_eq!(repairs("configuration"), "1");
    assert_eq!(one("netweir_cni_installs_total"), "1");

    assert_eq!(fetched(address, "/").0, 404);
    assert!(exchanged(address, "POST /readyz HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405 "));
    installer.end(Signal::SIGTERM);
}

#[test]
fn slow_and_endless_requests_do_not_delay_repairs() {
    let (name, text) = FLANNEL;
    let node = Node::new(&[FLANNEL]);
    let installer = node.guarded_with(&["--health=127.0.0.1:0"]);
    let address = address(&installer);
    let slow: Vec<_> = (0..40)
        .map(|_| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(b"GET /ready").unwrap();
            stream
        })
        .collect();
    let endless = exchanged(address, &"x".repeat(5000));
    assert!(endless.starts_with("HTTP/1.1 431 "), "{endless}");
    node.write_whole(name, text);
    node.wait_for(SECOND, "the entry", || {
        has_entry_besides(&node.text(name), text)
    });
    assert_eq!(fetched(address, "/readyz").0, 200);
    // The first were put off for the others; the last can go on.
    let mut last = slow.into_iter().last().unwrap();
    last.set_read_timeout(Some(Duration::from_secs(4))).unwrap();
    last.write_all(b"z HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = String::new();
    last.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    installer.end(Signal::SIGTERM);
}

/// With so few descriptors that the connections take them all.
#[test]
fn idle_connections_do_not_delay_repairs() {
    let (name, text) = FLANNEL;
    for limit in [10, 14, 20, 24] {
        let node = Node::new(&[FLANNEL]);
        let mut shell = std::process::Command::new("sh");
        shell
            .args(["-c", &format!("ulimit -n {limit}; exec \"$0\" \"$@\"")])
            .arg(crate::node::program())
            .args(node.arguments("install"))
            .arg("--health=127.0.0.1:0");
        let installer = Installer::start(&mut shell);
        let address = address(&installer);
        installer.wait_for_line("info: the plugin is installed");
        let idle: Vec<_> = (0..40)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        for _ in 0..3 {
            fs::remove_file(node.plugin()).unwrap();
            node.write_whole(name, text);
            node.wait_for(SECOND, "the repairs", || {
                node.has_plugin() && has_entry_besides(&node.text(name), text)
            });
        }
        drop(idle);
        assert_eq!(fetched(address, "/readyz").0, 200);
        let lines = installer.end(Signal::SIGTERM);
        assert!(
            !lines.iter().any(|line| line.starts_with("error: ")),
            "{lines:#?}"
        );
    }
}

#[test]
fn address_in_use_is_an_error() {
    let node = Node::new(&[FLANNEL]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = node
        .command("install")
        .arg("--health")
        .arg(&address)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    let expected = format!("error: --health: cannot listen on {address}: Address already in use");
    assert!(message.starts_with(&expected), "{message}");
    assert_eq!(node.text(FLANNEL.0), FLANNEL.1);
}

#[test]
fn ready_file_exists_while_the_plugin_is_installed() {
    let node = Node::new(&[FLANNEL]);
    let ready = node.path("ready");
    // Of a process that was killed.
    fs::write(&ready, "").unwrap();
    node.write(FLANNEL.0, "");
    let argument = ["--ready-file", ready.to_str().unwrap()];
    let mut command = node.command("install");
    let installer = Installer::start(command.args(argument));
    node.wait_for(PATIENCE, "not ready", || !ready.exists());
    node.write(FLANNEL.0, FLANNEL.1);
    node.wait_for(SECOND, "ready", || ready.exists());
    assert!(is_installed(&node));
    installer.end(Signal::SIGTERM);
    assert!(!ready.exists());
}

#[test]
fn ready_file_that_cannot_be_written_is_retried() {
    let node = Node::new(&[FLANNEL]);
    let ready = node.path("folder/ready");
    let mut command = node.command("install");
    let installer = Installer::start(command.arg("--ready-file").arg(&ready));
    let error = installer.wait_for_line("error: ");
    assert!(
        error.contains("folder/ready cannot be written: No such file or directory"),
        "{error}"
    );
    fs::create_dir(node.path("folder")).unwrap();
    // No event reports the folder: the file is tried once a second, and the error logged once.
    crate::node::wait_for(&[node.path("folder")], PATIENCE, "ready", || ready.exists());
    let lines = installer.end(Signal::SIGTERM);
    let errors = lines.iter().filter(|line| line.starts_with("error: "));
    assert_eq!(errors.count(), 1, "{lines:#?}");
}

#[test]
fn signal_leaves_the_plugin() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let node = Node::new(&[FLANNEL]);
        let lines = node.guarded().end(signal);
        assert!(
            lines
                .iter()
                .any(|line| line == "info: exiting; the plugin stays installed"),
            "{lines:#?}"
        );
        assert!(is_installed(&node));
    }
}

#[test]
fn signal_uninstalls_the_plugin_with_uninstall_on_exit() {
    for agent in [FLANNEL, BRIDGE] {
        let node = Node::new(&[agent]);
        let (name, text) = agent;
        node.guarded_with(&["--uninstall-on-exit"])
            .end(Signal::SIGTERM);
        assert_eq!(
            node.configurations(),
            [(name.to_owned(), text.to_owned())].into()
        );
        assert!(!node.plugin().exists());
    }
}
