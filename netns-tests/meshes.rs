//! The meshes' command lines in a namespace: captured families, validation without privileges, settings other than
//! rules, and cleanup.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::sandbox::{NetnsTest, output_of, run};

const NETWEIR: &str = env!("CARGO_BIN_EXE_netweir");

/// The command line that Istio's injector writes.
const INJECTOR: [&str; 15] = [
    "istio-iptables",
    "-p",
    "15001",
    "-z",
    "15006",
    "-u",
    "1337",
    "-m",
    "REDIRECT",
    "-i",
    "*",
    "-b",
    "*",
    "-d",
    "15090,15021,15020",
];

pub(crate) fn tests() -> Vec<NetnsTest> {
    vec![
        NetnsTest::alone("meshes::families-by-address", families),
        NetnsTest::alone("meshes::validation-after-the-rules", validated),
        NetnsTest::alone("meshes::validation-of-others-rules", validated_unprivileged)
            .with(&["setpriv"])
            .only_as_root(),
        validator(
            "meshes::kuma_validator_proves_capture",
            kuma_validator_proves_capture,
        ),
        validator(
            "meshes::linkerd_validator_proves_capture",
            linkerd_validator_proves_capture,
        ),
        validator(
            "meshes::linkerd_validator_needs_no_rules_of_netweir",
            linkerd_validator_needs_no_rules_of_netweir,
        ),
        validator(
            "meshes::linkerd_validator_ends_with_its_code",
            linkerd_validator_ends_with_its_code,
        ),
        NetnsTest::alone("meshes::modes-and-cleanup", cleanup),
        NetnsTest::alone("meshes::close-wait-timeout", close_wait),
    ]
}

fn validator(name: &str, body: fn()) -> NetnsTest {
    NetnsTest::alone(name, body)
        .with(&["setpriv"])
        .only_as_root()
}

/// Gives the namespace a link with these addresses.
fn connect(addresses: &[&str]) {
    run(
        "ip",
        &[
            "link", "add", "eth0", "type", "veth", "peer", "name", "peer0",
        ],
        "",
    );
    for link in ["eth0", "peer0"] {
        run("ip", &["link", "set", link, "addrgenmode", "none"], "");
        run("ip", &["link", "set", link, "up"], "");
    }
    for address in addresses {
        add_address(address);
    }
}

fn add_address(address: &str) {
    let mut words = vec!["address", "add", address, "dev", "eth0"];
    let own = address.split('/').next().expect("an address");
    let ipv6 = own.contains(':');
    words.extend(ipv6.then_some("nodad"));
    run("ip", &words, "");
    if ipv6 {
        // The kernel would add it a moment later.
        let route = [
            "route", "add", "local", own, "dev", "eth0", "table", "local",
        ];
        run("ip", &route, "");
    }
}

/// The exit code and the messages.
fn ended(command: &mut Command) -> (Option<i32>, String) {
    let output = output_of(command.env_clear(), "");
    let said = String::from_utf8(output.stderr).expect("text");
    (output.status.code(), said)
}

fn istio(more: &[&str]) -> (Option<i32>, String) {
    ended(Command::new(NETWEIR).args(INJECTOR).args(more))
}

fn installed() -> String {
    run("nft", &["--stateless", "list", "ruleset"], "")
}

fn families() {
    let rules = |more: &[&str]| {
        let (code, said) = istio(more);
        assert_eq!(code, Some(0), "{said}");
        (installed(), said)
    };
    let leaves_ipv6 = |rules: &str| rules.contains("inbound/leave-ipv6");
    // Without an address, only IPv4 is captured.
    let (none, said) = rules(&["--dual-stack"]);
    assert!(
        leaves_ipv6(&none) && said.contains("warning: "),
        "{said}{none}"
    );
    connect(&["10.9.0.2/24"]);
    assert!(leaves_ipv6(&rules(&["--dual-stack"]).0));
    add_address("fd09::2/64");
    let (single, said) = rules(&[]);
    assert!(
        leaves_ipv6(&single) && !said.contains("warning: "),
        "{said}{single}"
    );
    assert!(!run("ip", &["address", "show", "lo"], "").contains("::6/128"));
    let (dual, _) = rules(&["--dual-stack"]);
    assert!(!dual.contains("leave-ipv"), "{dual}");
    assert!(run("ip", &["address", "show", "lo"], "").contains("::6/128"));
    run(
        "ip",
        &["address", "delete", "10.9.0.2/24", "dev", "eth0"],
        "",
    );
    // The first address is an IPv6 one now; IPv4 is captured too.
    let (ipv6, _) = rules(&[]);
    assert!(!ipv6.contains("leave-ipv"), "{ipv6}");
}

fn validated() {
    connect(&["10.9.0.2/24", "fd09::2/64"]);
    for family in ["10.9.0.1", "fd09::1"] {
        let words = [
            "neighbour",
            "add",
            family,
            "lladdr",
            "02:00:00:00:09:01",
            "dev",
            "eth0",
        ];
        run("ip", &words, "");
    }
    let (code, said) = istio(&["--run-validation", "--dual-stack"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(said.matches("info: verified: ").count(), 4, "{said}");
    // Another program's rules redirect first.
    let other_rules = "table inet other {
        chain output { type nat hook output priority -150; meta l4proto tcp redirect to :1; }
        chain prerouting { type nat hook prerouting priority -150; meta l4proto tcp redirect to :1; }
    }";
    run("nft", &["-f", "-"], other_rules);
    let (code, said) = istio(&["--run-validation", "--dual-stack"]);
    assert_eq!(code, Some(126), "{said}");
    assert!(said.contains("error: validation failed"), "{said}");
}

/// A copy of the program that any user can run.
fn executable_by_any_user() -> TempDir {
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = place.path().join("netweir");
    // By another process: what a thread of this one writes may be open for writing in the children of others.
    run("cp", &[NETWEIR, program.to_str().expect("text")], "");
    place
}

/// The program as this user, without a capability.
fn as_user(uid: &str, program: &Path) -> Command {
    let mut command = Command::new("/usr/bin/env");
    command
        .args(["setpriv", "--reuid", uid, "--regid", uid, "--clear-groups"])
        .args(["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"])
        .arg(program);
    command
}

/// Reads until a line with the text.
fn read_until(stderr: &mut impl BufRead, text: &str) -> String {
    let mut said = String::new();
    while stderr.read_line(&mut said).expect("text") > 0 {
        if said.lines().last().is_some_and(|line| line.contains(text)) {
            return said;
        }
    }
    panic!("ended: {said}");
}

/// As the proxy's user without a capability, on rules that a CNI plugin would have installed.
fn validated_unprivileged() {
    let place = executable_by_any_user();
    let program = place.path().join("netweir");
    let validation = |uid: &str, within: &str| {
        let mut command = as_user(uid, &program);
        command.args(INJECTOR).args([
            "--run-validation",
            "--skip-rule-apply",
            "--dual-stack",
            &format!("--probe-timeout={within}"),
        ]);
        command
    };
    let validate = |uid| ended(&mut validation(uid, "1ms"));
    connect(&["10.9.0.2/24", "fd09::2/64"]);
    let (code, said) = validate("1337");
    assert_eq!(code, Some(126), "{said}");
    assert_eq!(
        said.matches("the connection was refused").count(),
        2,
        "{said}"
    );
    assert_eq!(installed(), "");
    // It waits for rules that are installed later, as by Istio's repair controller.
    let mut waiting = validation("1337", "60s");
    waiting.arg("--log_output_level=debug");
    let mut waiting = waiting.stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(waiting.stderr.take().expect("a pipe"));
    let mut said = read_until(&mut stderr, "traffic is not captured yet");
    assert!(!said.contains("verified: "), "{said}");
    assert_eq!(istio(&["--dual-stack"]).0, Some(0));
    stderr.read_to_string(&mut said).expect("text");
    assert_eq!(waiting.wait().unwrap().code(), Some(0), "{said}");
    let before = installed();
    let (code, said) = validate("1337");
    assert_eq!(code, Some(0), "{said}");
    let proven = |family| format!("info: verified: to its own pod {family}: ");
    for family in ["ipv4", "ipv6"] {
        assert!(said.contains(&proven(family)), "{said}");
    }
    // An application proves what is outbound.
    let (code, said) = validate("1000");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("info: verified: outbound ipv4: "), "{said}");
    assert_eq!(installed(), before);
}

/// Linkerd's validator as its chart starts it: as a user without a capability.
struct Validator {
    folder: TempDir,
}

impl Validator {
    fn new() -> Self {
        let folder = executable_by_any_user();
        let link = folder.path().join("linkerd2-network-validator");
        symlink(folder.path().join("netweir"), link).unwrap();
        connect(&["10.9.0.2/24", "fd09::2/64"]);
        Self { folder }
    }

    fn command(&self, uid: &str, family: &str, timeout: &str) -> Command {
        let (to, at) = match family {
            "ipv4" => ("1.1.1.1:20001", "0.0.0.0:4140"),
            _ => ("[fd00::1]:20001", "[::]:4140"),
        };
        let program = self.folder.path().join("linkerd2-network-validator");
        let mut command = as_user(uid, &program);
        command.args(["--log-format", "plain", "--log-level", "debug"]);
        command.args(["--connect-addr", to, "--listen-addr", at]);
        command.args(["--timeout", timeout]);
        command
    }

    fn run(&self, uid: &str, family: &str, timeout: &str) -> (Option<i32>, String) {
        ended(&mut self.command(uid, family, timeout))
    }
}

fn assert_not_redirected((code, said): (Option<i32>, String), cause: &str) {
    assert_eq!(code, Some(95), "{said}");
    assert!(said.contains(cause), "{said}");
}

/// Routes everything to the other end of the link, where it is lost.
fn route_into_nothing() {
    for (gateway, family) in [("10.9.0.1", "-4"), ("fd09::1", "-6")] {
        let address = ["lladdr", "02:00:00:00:09:01", "dev", "eth0"];
        let neighbour = [&["neighbour", "add", gateway], &address[..]].concat();
        run("ip", &neighbour, "");
        run(
            "ip",
            &[family, "route", "add", "default", "via", gateway],
            "",
        );
    }
}

fn linkerd_validator_proves_capture() {
    let validator = Validator::new();
    assert_not_redirected(validator.run("65534", "ipv4", "10s"), "unreachable");
    route_into_nothing();
    for family in ["ipv4", "ipv6"] {
        let result = validator.run("65534", family, "50ms");
        assert_not_redirected(result, "there was no answer within 50ms");
    }
    let mut linkerd = Command::new(NETWEIR);
    linkerd.args(["linkerd-init", "-p", "4143", "-o", "4140", "-u", "2102"]);
    assert_eq!(ended(&mut linkerd).0, Some(0));
    for (family, proof) in [
        (
            "ipv4",
            "info: verified: 1.1.1.1:20001 reached 0.0.0.0:4140\n",
        ),
        (
            "ipv6",
            "info: verified: [fd00::1]:20001 reached [::]:4140\n",
        ),
    ] {
        let (code, said) = validator.run("65534", family, "60s");
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains(proof), "{said}");
        // The proxy's own connections are not captured.
        let result = validator.run("2102", family, "50ms");
        assert_not_redirected(result, "there was no answer");
    }
}

fn kuma_validator_proves_capture() {
    let folder = executable_by_any_user();
    connect(&["10.9.0.2/24", "fd09::2/64"]);
    let program = folder.path().join("netweir");
    let validate = |uid: &str, arguments: &[&str]| {
        let mut command = as_user(uid, &program);
        command.args(["kumactl", "install", "transparent-proxy-validator"]);
        ended(command.args(arguments))
    };
    let is_refused = |(code, said): (Option<i32>, String)| {
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("connection was refused"), "{said}");
    };
    is_refused(validate("5678", &[]));
    let kumactl = |words: &[&str]| {
        let mut command = Command::new(NETWEIR);
        ended(command.arg("kumactl").args(words)).0
    };
    assert_eq!(kumactl(&["install", "transparent-proxy"]), Some(0));
    for (arguments, proofs) in [
        (&[][..], 2),
        (&["--ip-family-mode", "ipv4"], 1),
        (&["--validation-server-port=15006"], 2),
    ] {
        let (code, said) = validate("5678", arguments);
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(said.matches("verified: ").count(), proofs, "{said}");
    }
    // Another user's connections are not captured, and no port but the proxy's has them.
    is_refused(validate("1000", &[]));
    assert_eq!(kumactl(&["uninstall", "transparent-proxy"]), Some(0));
    is_refused(validate("5678", &[]));
}

fn linkerd_validator_needs_no_rules_of_netweir() {
    let validator = Validator::new();
    route_into_nothing();
    let validate = || validator.run("65534", "ipv4", "60s");
    let redirect = |port: &str| {
        let rules = format!(
            "table inet other; delete table inet other; table inet other {{
                chain output {{ type nat hook output priority -100; tcp dport 20001 redirect to :{port}; }}
            }}"
        );
        run("nft", &["-f", "-"], &rules);
    };
    redirect("4140");
    assert_eq!(validate().0, Some(0));
    // Nothing listens there, or another program.
    redirect("4141");
    assert_not_redirected(validate(), "the connection was refused");
    let other = TcpListener::bind("0.0.0.0:4141").unwrap();
    let answer = std::thread::spawn(move || other.accept().unwrap().0.write_all(b"hello"));
    assert_not_redirected(validate(), "another process answered");
    answer.join().unwrap().unwrap();
    let taken = TcpListener::bind("0.0.0.0:4140").unwrap();
    assert_not_redirected(validate(), "cannot listen on 0.0.0.0:4140");
    drop(taken);
}

fn linkerd_validator_ends_with_its_code() {
    let validator = Validator::new();
    route_into_nothing();
    let mut waiting = validator.command("65534", "ipv4", "60s");
    let mut waiting = waiting.stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(waiting.stderr.take().expect("a pipe"));
    let mut said = read_until(&mut stderr, "connecting to 1.1.1.1:20001");
    let id = waiting.id().try_into().unwrap();
    kill(Pid::from_raw(id), Signal::SIGTERM).unwrap();
    stderr.read_to_string(&mut said).expect("text");
    let result = (waiting.wait().unwrap().code(), said);
    assert_not_redirected(result, "ended by a signal");
    // Wrong flags are not taken for rules that do not work.
    let (code, said) = validator.run("65534", "ipv4", "120");
    assert_eq!(code, Some(2), "{said}");
}

fn cleanup() {
    connect(&["10.9.0.2/24", "fd09::2/64"]);
    let state = || {
        let rules = run("ip", &["-4", "rule"], "") + &run("ip", &["-6", "rule"], "");
        let routes = run("ip", &["-4", "route", "show", "table", "all"], "");
        installed() + &rules + &routes + &run("ip", &["-o", "address", "show", "lo"], "")
    };
    let before = state();
    let (code, said) = istio(&["--dual-stack", "-m", "TPROXY", "-t", "7", "-r", "8"]);
    assert_eq!(code, Some(0), "{said}");
    let tproxy = state();
    assert!(tproxy.contains("fwmark 0x7 lookup 8"), "{tproxy}");
    // Like Istio's program, for flags that no injector combines.
    let (code, _) = istio(&["--skip-rule-apply", "--cleanup-only"]);
    assert_eq!((code, state()), (Some(0), tproxy));
    assert_eq!(istio(&["--dual-stack"]).0, Some(0));
    assert!(!state().contains("lookup 8"));
    let clean = |more: &[&str]| {
        let mut command = Command::new(NETWEIR);
        ended(command.arg("istio-clean-iptables").args(more))
    };
    let captured = state();
    assert_eq!(clean(&["-n"]).0, Some(0));
    assert_eq!(state(), captured);
    let (code, said) = clean(&["--redirect-dns", "-u", "1337", "-m", "TPROXY"]);
    assert_eq!((code, state()), (Some(0), before.clone()), "{said}");
    for removal in ["--cleanup-only", "--clean", "clean"] {
        assert_eq!(istio(&["--dual-stack"]).0, Some(0));
        assert_eq!(istio(&[removal]).0, Some(0));
        assert_eq!(state(), before, "{removal}");
    }
    let (code, said) = istio(&["--cleanup-only"]);
    assert_eq!(
        (code, said.as_str()),
        (Some(0), "info: nothing to remove\n")
    );
}

fn close_wait() {
    let timeout = || {
        let file = "/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_close_wait";
        fs::read_to_string(file).expect("connection tracking")
    };
    let linkerd = |more: &[&str]| {
        let mut command = Command::new(NETWEIR);
        command.args(["linkerd-init", "-p", "4143", "-o", "4140", "-u", "2102"]);
        ended(command.args(more))
    };
    assert_eq!(linkerd(&[]).0, Some(0));
    let before = timeout();
    assert_eq!(
        linkerd(&["--timeout-close-wait-secs=77", "--simulate"]).0,
        Some(0)
    );
    assert_eq!(timeout(), before);
    let (code, said) = linkerd(&["--timeout-close-wait-secs=77"]);
    assert_eq!((code, timeout().trim()), (Some(0), "77"), "{said}");
}
