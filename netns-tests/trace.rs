//! `trace` reports where connections really go, and leaves nothing behind.

mod coloured;
mod limits;
mod traced;

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::process::Command;
use std::thread;
use std::time::Duration;

use netweir::connection::Owner;
use netweir::explain::{Outcome, Verdict, evaluate};
use netweir::intent::{Capture, Port};
use netweir::ruleset::End;
use nix::sys::signal::Signal;
use serde_json::Value;
use socket2::{Domain, Socket, Type};

use crate::connections::attempts;
use crate::sandbox::{
    Attempt, ConnectionOutcome, Direction, Listener, NetnsTest, PEER, POD, Sandbox, install,
    output_of, run,
};
use netweir_testkit::scenarios::scenarios;
use netweir_testkit::steps::steps;
pub(crate) use traced::Traced;

pub(crate) fn tests() -> Vec<NetnsTest> {
    let connections = ["default", "tproxy", "dns-all"].map(|scenario| {
        NetnsTest::new(
            format!("trace::{scenario}-is-traced-as-it-went"),
            move |sandbox| {
                traced_as_it_went(sandbox, scenario);
            },
        )
        .only_as_root()
    });
    let others = vec![
        NetnsTest::new("trace::shows-what-the-filter-fits", filtered).only_as_root(),
        NetnsTest::new("trace::names-rules-of-other-programs", others).only_as_root(),
        NetnsTest::new("trace::reports-missing-listener", unheard_of),
        NetnsTest::new("trace::follows-replaced-rules", replaced),
        NetnsTest::new("trace::several-at-once", several),
        NetnsTest::new("trace::reports-each-connection-once", again),
        NetnsTest::new("trace::needs-no-table", without_table),
        NetnsTest::new("trace::shows-strange-names-harmlessly", strange_names),
    ];
    let all = connections.into_iter().chain(others);
    all.chain(limits::tests())
        .chain(coloured::tests())
        .collect()
}

const ROOT: Owner = Owner { uid: 0, gid: 0 };

fn capture_of(scenario: &str) -> Capture {
    let mut all = scenarios().into_iter();
    let found = all.find(|(name, _)| *name == scenario);
    found.unwrap_or_else(|| panic!("no scenario {scenario}")).1
}

/// The part of a matrix that is tried out.
fn some_of(capture: &Capture) -> Vec<Attempt> {
    let attempts = attempts::matrix(capture);
    let some: Vec<_> = attempts.into_iter().step_by(3).collect();
    assert!(some.len() > 50, "{}", some.len());
    some
}

/// Each connection is shown once, with the verdict and the rule that explain tells, which is where it went.
fn traced_as_it_went(sandbox: &Sandbox, scenario: &str) {
    let capture = capture_of(scenario);
    let rules = install(&capture);
    let attempts = some_of(&capture);
    let traced = Traced::start(&["--format=json"]);
    let mut expected: HashMap<String, (Outcome, ConnectionOutcome, Owner)> = HashMap::new();
    for attempt in &attempts {
        let (connection, actual) = sandbox.try_out(attempt);
        let key = key_of(attempt.direction, &connection);
        let outcome = evaluate(&rules, &connection);
        expected.insert(key, (outcome, actual, attempt.owner));
    }
    let mut owners = 0;
    for line in traced.end(Signal::SIGTERM) {
        let report: Value = serde_json::from_str(&line).expect("JSON");
        let connection = &report["connection"];
        if connection["direction"] == "in" && connection["dev"] == "lo" {
            // It was shown on its way out, and rules looked at it again as it came back.
            continue;
        }
        let word = |name: &str| connection[name].as_str().expect(name).to_owned();
        let key = format!(
            "{} {} {} from {} {}",
            word("direction"),
            word("protocol"),
            word("destination"),
            connection["port"],
            connection["from_port"]
        );
        let Some((outcome, actual, owner)) = expected.remove(&key) else {
            panic!("unexpected {key}, or shown twice: {report:#}");
        };
        let rule = outcome.rule.as_ref().map(ToString::to_string);
        assert_eq!(
            report["verdict"],
            outcome.verdict.name(),
            "{report:#}\n{}",
            steps(&outcome)
        );
        assert_eq!(
            report["rule"].as_str(),
            rule.as_deref(),
            "{report:#}\n{}",
            steps(&outcome)
        );
        let port = outcome.verdict.port().map(|port| u64::from(port.number()));
        assert_eq!(report["port"].as_u64(), port, "{report:#}");
        // By the time that it is asked about, the socket may be closed.
        if let Some(uid) = connection["uid"].as_u64() {
            assert_eq!(uid, u64::from(owner.uid), "{report:#}");
            owners += 1;
        }
        if let ConnectionOutcome::Accepted { by, .. } = actual {
            let by = match by {
                Listener::Pod(port) => u64::from(port),
                Listener::Peer => continue,
            };
            let went_to = report["went_to"].as_str().expect("an end");
            let port = went_to
                .rsplit(':')
                .next()
                .and_then(|port| port.parse().ok());
            let transparent = matches!(outcome.verdict, Verdict::Tproxy(_));
            assert!(transparent || port == Some(by), "{report:#}");
        }
    }
    assert!(expected.is_empty(), "{:?}", expected.keys());
    assert!(owners > 20, "{owners}");
}

fn key_of(direction: Direction, connection: &netweir::connection::Connection) -> String {
    let ports = connection.transport.ports().expect("ports");
    let direction = match direction {
        Direction::Out => "out",
        Direction::In => "in",
    };
    format!(
        "{direction} {} {} from {} {}",
        connection.transport,
        connection.addresses.end(End::Destination),
        ports.destination,
        ports.source
    )
}

/// An attempt to reach the peer.
pub(crate) fn to_peer(owner: u32, port: u16) -> Attempt {
    let owner = Owner {
        uid: owner,
        gid: owner,
    };
    Attempt::tcp(Direction::Out, owner, SocketAddr::new(PEER[0], port))
}

/// The destination ports of what is shown. The kernel looks for its neighbours by `ICMPv6` when it likes, which has none.
fn ports(lines: &[String]) -> Vec<u64> {
    let report = lines.iter().filter_map(|line| {
        let report: Value = serde_json::from_str(line).expect("JSON");
        report["connection"]["port"].as_u64()
    });
    report.collect()
}

fn filtered(sandbox: &Sandbox) {
    install(&Capture::default());
    let inbound = Attempt::tcp(Direction::In, ROOT, SocketAddr::new(POD[0], 8080));
    let peer = PEER[0].to_string();
    let from = format!("from={peer}");
    for (filter, wanted) in [
        (vec![], vec![80, 81, 82, 8080]),
        (vec!["out"], vec![80, 81, 82]),
        (vec!["in"], vec![8080]),
        (vec!["udp"], vec![]),
        (vec!["tcp", ":81"], vec![81]),
        (vec![":82"], vec![82]),
        (vec!["uid=1337"], vec![81]),
        (vec!["gid=0", "dev=eth0"], vec![80, 82]),
        (vec!["dev=eth1"], vec![]),
        (vec![peer.as_str()], vec![80, 81, 82]),
        (vec![from.as_str()], vec![8080]),
        (vec!["mark=7"], vec![]),
        (vec!["icmp"], vec![]),
    ] {
        let arguments = [&["--format=json"], filter.as_slice()].concat();
        let traced = Traced::start(&arguments);
        for attempt in [to_peer(0, 80), to_peer(1337, 81), to_peer(0, 82), inbound] {
            sandbox.try_out(&attempt);
        }
        assert_eq!(ports(&traced.end(Signal::SIGINT)), wanted, "{filter:?}");
    }
}

/// A rule of another program that drops or redirects a connection is named.
fn others(sandbox: &Sandbox) {
    install(&Capture::default());
    run(
        "nft",
        &["-f", "-"],
        "table inet firewall {
            chain output {
                type filter hook output priority 10;
                tcp dport 81 drop comment \"no\"
            }
            chain early { type filter hook output priority -250; policy accept; tcp dport 82 accept; }
            chain post { type filter hook postrouting priority 0; policy drop; tcp dport != 83 accept; }
        }
        table ip mesh {
            chain output { type nat hook output priority -110; tcp dport 84 redirect to :8080; }
        }",
    );
    let mut traced = Traced::start(&[]);
    let mut shown = |port| {
        sandbox.start(&to_peer(1337, port));
        let line = traced.line();
        let (_, words) = line.split_once(": ").expect("a verdict");
        words.trim_end().to_owned()
    };
    let dropped = shown(81);
    assert!(dropped.starts_with("dropped, by rule "), "{dropped}");
    assert!(dropped.contains(" of inet firewall output"), "{dropped}");
    let accepted = shown(82);
    assert!(
        accepted.starts_with(
            "not captured, by outbound/leave-proxy-uid/1337: it is made by the proxy (uid 1337)"
        ),
        "{accepted}"
    );
    assert!(accepted.contains("also matched: rule "), "{accepted}");
    assert!(accepted.contains(" of inet firewall early"), "{accepted}");
    assert_eq!(
        shown(83).split(';').next(),
        Some("dropped, by the policy of inet firewall post")
    );
    let redirected = shown(84);
    assert!(
        redirected.contains("; rules of other tables sent it to 127.0.0.1:8080"),
        "{redirected}"
    );
    traced.end(Signal::SIGTERM);
}

/// Where no transparent listener is, the kernel goes on to the rule behind, which drops.
fn unheard_of(sandbox: &Sandbox) {
    let mut capture = capture_of("tproxy");
    capture.proxy.inbound_port = Port::new(15_999).expect("not 0");
    install(&capture);
    let mut traced = Traced::start(&["in"]);
    let inbound = Attempt::tcp(Direction::In, ROOT, SocketAddr::new(POD[0], 8080));
    let client = sandbox.start(&inbound);
    let line = traced.line();
    drop(client);
    let words =
        ": dropped, by inbound-packet/drop-without-listener-ipv4: it finds no transparent listener";
    assert!(line.contains(words), "{line}");
    traced.end(Signal::SIGTERM);
}

/// The ids are those of the rules that are installed now.
fn replaced(sandbox: &Sandbox) {
    install(&Capture::default());
    let mut traced = Traced::start(&[]);
    let mut shown = |words: &str| {
        sandbox.try_out(&to_peer(0, 80));
        let line = traced.line();
        assert!(line.contains(words), "{words}: {line}");
    };
    shown("redirected to port 15001, the proxy's outbound port, by outbound/redirect:");
    let mut capture = Capture::default();
    capture.outbound.exclude_ports = [22, 80].into_iter().collect();
    install(&capture);
    shown("not captured, by outbound/leave-excluded-port-tcp:");
    netweir::nftables::remove().expect("removed");
    shown("not captured, by no rule");
    install(&Capture::default());
    shown("redirected to port 15001, the proxy's outbound port, by outbound/redirect:");
    traced.end(Signal::SIGTERM);
}

fn several(sandbox: &Sandbox) {
    install(&Capture::default());
    let traced = [":80", ":81", "tcp"].map(|filter| Traced::start(&["--format=json", filter]));
    for port in [80, 81, 82] {
        sandbox.try_out(&to_peer(0, port));
    }
    let shown = traced.map(|traced| traced.end(Signal::SIGTERM));
    for line in shown.iter().flatten() {
        assert!(!line.contains("netweir-trace"), "{line}");
    }
    let shown = shown.map(|lines| ports(&lines));
    assert_eq!(shown, [vec![80], vec![81], vec![80, 81, 82]]);
}

/// The same ends may be those of another connection; a packet that is sent again is not one.
fn again(sandbox: &Sandbox) {
    install(&Capture::default());
    let mut traced = Traced::start(&["tcp"]);
    for _ in 0..2 {
        let client = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        client.set_linger(Some(Duration::ZERO)).expect("linger");
        // Another test's program may have the socket until it has begun.
        let bind = || client.bind(&SocketAddr::new(POD[0], 40_000).into()).is_ok();
        assert!(
            (0..100_000).any(|_| bind() || {
                thread::yield_now();
                false
            }),
            "the port stays in use"
        );
        client
            .connect(&SocketAddr::new(PEER[0], 80).into())
            .expect("connected");
        let line = traced.line();
        assert!(line.contains(" from=10.1.0.2:40000 "), "{line}");
    }
    let socket = UdpSocket::bind((POD[0], 0)).expect("a socket");
    let traced_udp = Traced::start(&["--format=json", "udp"]);
    for _ in 0..3 {
        socket.send_to(&[0], (PEER[0], 7)).expect("sent");
    }
    sandbox.try_out(&Attempt {
        protocol: netweir::intent::Protocol::Udp,
        ..to_peer(0, 53)
    });
    assert_eq!(ports(&traced_udp.end(Signal::SIGINT)), [7, 53]);
    traced.end(Signal::SIGINT);
}

/// Connections are reported without a table, too.
fn without_table(sandbox: &Sandbox) {
    let mut traced = Traced::start(&[]);
    // As long as it is there, its owner can be asked for.
    let client = sandbox.start(&to_peer(0, 80));
    let line = traced.line();
    drop(client);
    assert!(
        line.contains(" dev=eth0 uid=0: not captured, by no rule"),
        "{line}"
    );
    traced.end(Signal::SIGTERM);
}

/// Names chosen by other programs cannot control the terminal.
fn strange_names(sandbox: &Sandbox) {
    install(&Capture::default());
    run(
        "nft",
        &["-f", "-"],
        "insert rule inet netweir outbound tcp dport 80 counter accept comment \"\x1b[2Ja\"",
    );
    let mut traced = Traced::start(&["out", "tcp"]);
    sandbox.try_out(&to_peer(0, 80));
    let line = traced.line();
    assert!(line.contains(", by \\u{1b}[2Ja"), "{line}");
    traced.end(Signal::SIGTERM);
    for arguments in [
        "explain --from-kernel out tcp 10.0.0.5:80",
        "explain --from-kernel --table",
        "status",
        "diff",
        "graph --from-kernel",
        "graph --from-kernel --format=svg",
        "graph --from-kernel --format=dot",
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_netweir"));
        let output = output_of(command.args(arguments.split(' ')), "");
        let text = String::from_utf8(output.stdout).expect("text");
        assert!(!text.is_empty(), "{arguments}");
        assert!(!text.contains('\u{1b}'), "{arguments}: {text}");
    }
}
