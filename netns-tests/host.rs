//! Network namespaces that others' traffic passes are refused, unless the user allows them.

use std::fs;
use std::process::Command;

use crate::sandbox::{Namespace, NetnsTest, output_of, run};

const NETWEIR: &str = env!("CARGO_BIN_EXE_netweir");

/// The commands that install rules.
const INSTALL: [&[&str]; 3] = [
    &["apply"],
    &["istio-iptables", "-b", "*", "-i", "*"],
    &["linkerd-init", "-p", "4143", "-o", "4140", "-u", "2102"],
];

pub(crate) fn tests() -> Vec<NetnsTest> {
    vec![
        NetnsTest::alone("host::refuses-a-node-and-changes-nothing", refuses_node),
        NetnsTest::alone("host::refuses-a-bridge-port-alone", refuses_bridge_port),
        NetnsTest::alone("host::names-the-flag-that-allows-it", allows_by_flag),
        NetnsTest::alone("host::dry-run-is-never-refused", allows_dry_run),
        NetnsTest::alone("host::pods-with-forwarding-are-captured", captures_pod),
        NetnsTest::alone(
            "host::without-forwarding-nothing-is-refused",
            captures_without_forwarding,
        ),
        NetnsTest::alone(
            "host::reroute-bridges-are-captured",
            captures_reroute_bridge,
        ),
        NetnsTest::alone("host::installed-rules-are-replaced", replaces_installed),
    ]
}

/// The namespace of the calling thread, joined to others by pairs of veth.
struct Node {
    others: Vec<Namespace>,
}

impl Node {
    /// A node: an interface to the network, and a pod behind a bridge.
    fn enter() -> Self {
        let node = Self::with_interfaces(&["eth0", "veth1"]);
        ip("link add docker0 type bridge");
        ip("link set veth1 master docker0");
        node
    }

    /// A namespace whose interfaces each lead to a namespace of their own.
    fn with_interfaces(names: &[&str]) -> Self {
        let home = Namespace::current();
        let add = |name: &&str| {
            let other = Namespace::enter_new();
            home.enter();
            lead(name, &other);
            other
        };
        let others = names.iter().map(add).collect();
        forward("1");
        Self { others }
    }
}

/// Adds a pair of veth whose other end is in the other namespace.
fn lead(name: &str, other: &Namespace) {
    let other = other.path();
    let other = other.display();
    ip(&format!(
        "link add {name} type veth peer name {name} netns {other}"
    ));
}

fn ip(command: &str) {
    run("ip", &command.split(' ').collect::<Vec<_>>(), "");
}

fn forward(value: &str) {
    fs::write("/proc/sys/net/ipv4/ip_forward", value).expect("written");
}

/// The exit code and standard error of netweir.
fn netweir(arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(NETWEIR);
    let output = output_of(command.env_clear().args(arguments), "");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), stderr)
}

fn is_installed() -> bool {
    run("nft", &["list", "tables"], "").contains("inet netweir")
}

#[track_caller]
fn is_refused(arguments: &[&str]) {
    let before = run("ip", &["-details", "address"], "");
    let (code, stderr) = netweir(arguments);
    assert_eq!(code, Some(1), "{arguments:?}: {stderr}");
    assert!(
        stderr.contains("veth1 leads to another network namespace"),
        "{stderr}"
    );
    assert!(stderr.contains("--host"), "{stderr}");
    assert!(!is_installed());
    assert_eq!(run("ip", &["-details", "address"], ""), before);
}

#[track_caller]
fn is_captured(arguments: &[&str]) {
    let (code, stderr) = netweir(arguments);
    assert_eq!(code, Some(0), "{arguments:?}: {stderr}");
    assert!(is_installed(), "{arguments:?}");
    run("nft", &["delete", "table", "inet", "netweir"], "");
}

fn refuses_node() {
    let _node = Node::with_interfaces(&["eth0", "veth1"]);
    for arguments in INSTALL {
        is_refused(arguments);
    }
    // Forwarding of one family is enough.
    forward("0");
    fs::write("/proc/sys/net/ipv6/conf/all/forwarding", "1").expect("written");
    is_refused(INSTALL[0]);
}

fn refuses_bridge_port() {
    let _node = Node::with_interfaces(&["veth1"]);
    ip("link add cni0 type bridge");
    ip("link set veth1 master cni0");
    for arguments in INSTALL {
        is_refused(arguments);
    }
}

fn allows_by_flag() {
    let _node = Node::enter();
    for arguments in INSTALL {
        is_captured(&[arguments, &["--host"]].concat());
    }
}

fn allows_dry_run() {
    let _node = Node::enter();
    for (arguments, dry_run) in INSTALL
        .into_iter()
        .zip(["--dry-run", "--dry-run", "--simulate"])
    {
        let (code, stderr) = netweir(&[arguments, &[dry_run]].concat());
        assert_eq!(code, Some(0), "{stderr}");
    }
    assert!(!is_installed());
}

/// A pod inherits forwarding from its node. All of its interfaces lead there.
fn captures_pod() {
    let node = Node::with_interfaces(&["eth0"]);
    lead("net1", &node.others[0]);
    for arguments in INSTALL {
        is_captured(arguments);
    }
}

fn captures_without_forwarding() {
    let _node = Node::enter();
    forward("0");
    for arguments in INSTALL {
        is_captured(arguments);
    }
}

fn captures_reroute_bridge() {
    let _node = Node::enter();
    is_captured(&["apply", "--reroute-interfaces=docker0"]);
    is_captured(&["istio-iptables", "-b", "*", "-i", "*", "-k", "docker0"]);
    is_refused(&["apply", "--reroute-interfaces=docker1"]);
}

fn replaces_installed() {
    let _node = Node::enter();
    for arguments in INSTALL {
        assert_eq!(netweir(&["apply", "--host"]).0, Some(0));
        is_captured(arguments);
    }
}
