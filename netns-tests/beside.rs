//! Capture beside the rules of other programs, and beside open connections.

mod open;

use std::net::{IpAddr, SocketAddr};
use std::process::Command;

use netweir::connection::Owner;
use netweir::explain::Verdict;
use netweir::intent::{Capture, Port};

use crate::sandbox::{
    Attempt, ConnectionOutcome, Direction, NetnsTest, OpenConnection, PEER, POD, Sandbox,
    output_of, run,
};

pub(crate) fn tests() -> Vec<NetnsTest> {
    let mut tests = vec![
        NetnsTest::new(
            "beside::captures_before_nat_chains_of_others",
            captures_before_nat_chains_of_others,
        ),
        NetnsTest::new(
            "beside::remove_breaks_or_keeps_open_connections",
            remove_breaks_or_keeps_open_connections,
        ),
        NetnsTest::new(
            "beside::second_run_changes_nothing_and_keeps_connections",
            second_run_changes_nothing_and_keeps_connections,
        ),
        NetnsTest::new(
            "beside::commands_that_test_rules_change_nothing",
            commands_that_test_rules_change_nothing,
        ),
        NetnsTest::alone(
            "beside::warns_of_nat_chains_that_come_first",
            warns_of_nat_chains_that_come_first,
        ),
    ];
    tests.extend(open::tests());
    tests
}

const APPLICATION: Owner = Owner {
    uid: 1000,
    gid: 1000,
};

/// Every command that captures, in both modes.
const COMMANDS: [&str; 13] = [
    "apply",
    "apply --dns=all --drop-invalid",
    "apply --inbound-mode=tproxy",
    "istio-iptables -p 15001 -z 15006 -u 1337 -m REDIRECT -i * -x  -b * -d 15090,15021 --dual-stack",
    "istio-iptables -p 15001 -z 15006 -u 0 -g 1337 -m TPROXY -i * -b * --redirect-dns --capture-all-dns --dual-stack",
    "istio-iptables -p 15001 -z 15006 -u 1337 -m REDIRECT -i * -x  -b * -d 15020 -f --iptables-trace-logging --host-nsenter-exec",
    "-p 15001 -u 1337 -m REDIRECT -i * -x  -b 80 -d 15020",
    "linkerd-init --incoming-proxy-port 4143 --outgoing-proxy-port 4140 --proxy-uid 2102",
    "linkerd-init -p 4143 -o 4140 --inbound-ports-to-ignore 4190 --ipv6=false",
    "kumactl install transparent-proxy --kuma-dp-user 5678 --redirect-all-dns-traffic",
    "kumactl install transparent-proxy --vnet docker0:172.17.0.0/16 --exclude-outbound-ips 10.9.0.0/16",
    "consul connect redirect-traffic -proxy-uid 5995 -proxy-inbound-port 15006 -consul-dns-port 8600",
    "consul connect redirect-traffic -proxy-uid 5995 -proxy-inbound-port 15006 -consul-dns-ip 10.1.0.1",
];

/// Runs netweir: the exit code, standard output and standard error.
fn netweir(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netweir"));
    let output = output_of(command.args(arguments), "");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// Chains at the usual priority, which other programs register before and after netweir's.
fn captures_before_nat_chains_of_others(sandbox: &Sandbox) {
    let chains = |table: &str| {
        let chains = format!(
            "table inet {table} {{
                chain output {{ type nat hook output priority -100; tcp dport 80 redirect to :9; }}
                chain prerouting {{ type nat hook prerouting priority -100; tcp dport 80 redirect to :9; }}
            }}"
        );
        run("nft", &["-f", "-"], &chains);
    };
    chains("earlier");
    assert_eq!(netweir(&["apply", "--quiet"]).0, Some(0));
    chains("later");
    let capture = Capture::default();
    let all_captured = || {
        for (direction, addresses, port) in [
            (Direction::Out, PEER, capture.proxy.outbound_port),
            (Direction::In, POD, capture.proxy.inbound_port),
        ] {
            for address in addresses {
                captured(sandbox, direction, address, port);
            }
        }
    };
    all_captured();
    // What came later stays later when the rules are replaced, and when they are not.
    for arguments in [["apply", "--exclude-outbound-ports=9"]; 2] {
        assert_eq!(netweir(&arguments).0, Some(0));
        all_captured();
    }
}

/// A connection of the application to port 80 of the address arrives at this port of the proxy.
fn captured(sandbox: &Sandbox, direction: Direction, address: IpAddr, port: Port) {
    let attempt = Attempt::tcp(direction, APPLICATION, SocketAddr::new(address, 80));
    let (connection, actual) = sandbox.try_out(&attempt);
    assert_eq!(
        actual,
        ConnectionOutcome::of(Verdict::Redirect(port), &connection),
        "{attempt}"
    );
}

fn warns_of_nat_chains_that_come_first() {
    let warned = |arguments: &[&str]| {
        let (code, _, apply) = netweir(&[&["apply"], arguments].concat());
        assert_eq!(code, Some(0), "{apply}");
        let (code, status, errors) = netweir(&["status"]);
        assert_eq!((code, errors.as_str()), (Some(0), ""));
        let (_, json, _) = netweir(&["status", "--format=json"]);
        let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        let json = json["warnings"].as_array().expect("a list").clone();
        let lines = |text: &str| {
            let warnings = text
                .lines()
                .filter_map(|line| line.strip_prefix("warning: "));
            let of_chains = warnings.filter(|warning| warning.contains("comes before"));
            of_chains.map(ToOwned::to_owned).collect::<Vec<_>>()
        };
        let warnings = lines(&apply);
        assert_eq!(lines(&status), warnings);
        assert_eq!(json, warnings);
        warnings
    };
    for later in [
        "table ip a { chain o { type nat hook output priority -104; }; }",
        "table ip b { chain o { type filter hook output priority -300; }; }",
        "table ip c { chain i { type nat hook input priority -150; }; }",
        "table ip6 d { chain o { type nat hook output priority -150; }; }",
    ] {
        run("nft", &["-f", "-"], later);
    }
    let none: [&str; 0] = [];
    assert_eq!(warned(&["--ip-families=ipv4"]), none);
    let sixth = "the chain o of the table ip6 d (nat at output, priority -150) comes before netweir's: connections that \
                 it redirects are not captured";
    assert_eq!(warned(&[]), [sixth]);
    run(
        "nft",
        &["-f", "-"],
        "table inet e { chain p { type nat hook prerouting priority -105; }; }",
    );
    let warnings = warned(&[]);
    assert_eq!(warnings.len(), 2);
    assert!(
        warnings[1]
            .starts_with("the chain p of the table inet e (nat at prerouting, priority -105) ")
    );
    // Without inbound capture there is no chain that it could precede.
    assert_eq!(warned(&["--include-inbound-ports="]), [sixth]);
}

/// Open connections that are captured, and those that are not, in both directions.
fn remove_breaks_or_keeps_open_connections(sandbox: &Sandbox) {
    let apply = || {
        let (code, _, errors) = netweir(&["apply"]);
        assert_eq!(code, Some(0), "{errors}");
        assert!(errors.contains("info: installed: "), "{errors}");
    };
    apply();
    let open = captured_connections(sandbox);
    assert!(open.iter().all(OpenConnection::works));
    assert_eq!(netweir(&["remove", "--keep-connections"]).0, Some(0));
    assert!(open.iter().all(OpenConnection::works));
    let (code, text, _) = netweir(&["status"]);
    assert_eq!(code, Some(3));
    assert!(
        text.starts_with("capture is not installed\nleft behind: a NAT chain without effect, "),
        "{text}"
    );
    let (_, json, _) = netweir(&["status", "--format=json"]);
    assert!(
        json.contains("\"warnings\":[\"a NAT chain without effect, "),
        "{json}"
    );
    // Nothing is captured, and nothing changes the second time.
    let attempt = Attempt::tcp(Direction::Out, APPLICATION, SocketAddr::new(PEER[0], 80));
    let (connection, actual) = sandbox.try_out(&attempt);
    assert_eq!(actual, ConnectionOutcome::of(Verdict::Leave, &connection));
    let (code, _, errors) = netweir(&["remove", "--keep-connections"]);
    assert_eq!(
        (code, errors.as_str()),
        (Some(0), "info: nothing to remove\n")
    );
    // A new capture replaces the chain, also without breaking them.
    apply();
    assert!(open.iter().all(OpenConnection::works));
    assert_eq!(netweir(&["remove", "--keep-connections"]).0, Some(0));
    assert!(open.iter().all(OpenConnection::works));
    // Without the option they break.
    assert_eq!(netweir(&["remove"]).0, Some(0));
    assert_eq!(run("nft", &["list", "ruleset"], ""), "");
    assert_eq!(
        run(
            "ip",
            &["-6", "address", "show", "dev", "lo", "to", "::6"],
            ""
        ),
        ""
    );
    assert!(!open.iter().any(OpenConnection::works));
}

/// A captured connection of each direction and family.
fn captured_connections(sandbox: &Sandbox) -> Vec<OpenConnection> {
    let connections = [(Direction::Out, PEER), (Direction::In, POD)];
    let attempts = connections.into_iter().flat_map(|(direction, addresses)| {
        addresses.map(|address| Attempt::tcp(direction, APPLICATION, SocketAddr::new(address, 80)))
    });
    attempts.map(|attempt| sandbox.open(&attempt)).collect()
}

/// The rules, with their handles, and the routing of `lo`.
fn state() -> String {
    // New rules would have new handles.
    let rules = run("nft", &["--handle", "--stateless", "list", "ruleset"], "");
    ["-4", "-6"].into_iter().fold(rules, |state, family| {
        let routes = ["route", "show", "table", "all", "dev", "lo"];
        state
            + &run("ip", &[family, "rule"], "")
            + &run("ip", &[&[family], &routes[..]].concat(), "")
            + &run("ip", &[family, "address", "show", "dev", "lo"], "")
    })
}

/// Commands of the meshes that test the rules, and one that removes them.
fn commands_that_test_rules_change_nothing(sandbox: &Sandbox) {
    // Where the proxy runs, nothing else can listen in its place.
    for (installs, tests, expected) in [
        (
            "linkerd-init -p 4143 -o 4140 -u 2102",
            "linkerd-network-validator --connect-addr=10.1.0.1:20001",
            Some(95),
        ),
        (
            "istio-iptables -b * -i * --dual-stack",
            "istio-iptables -b * -i * --dual-stack --run-validation --skip-rule-apply",
            Some(0),
        ),
    ] {
        let installs: Vec<_> = installs.split(' ').collect();
        assert_eq!(netweir(&installs).0, Some(0));
        let open = captured_connections(sandbox);
        let before = state();
        for _ in 0..2 {
            let (code, _, errors) = netweir(&tests.split(' ').collect::<Vec<_>>());
            assert_eq!(code, expected, "{tests}: {errors}");
            assert_eq!(state(), before, "{tests}");
            assert!(open.iter().all(OpenConnection::works), "{tests}");
        }
    }
    for said in ["info: removed", "info: nothing to remove\n"] {
        let (code, _, errors) = netweir(&["istio-clean-iptables"]);
        assert_eq!(code, Some(0), "{errors}");
        assert!(errors.starts_with(said), "{errors}");
    }
}

/// As Kubernetes does when it restarts all containers of a pod: its network namespace stays.
fn second_run_changes_nothing_and_keeps_connections(sandbox: &Sandbox) {
    for line in COMMANDS {
        let arguments: Vec<_> = line.split(' ').collect();
        let (code, _, errors) = netweir(&arguments);
        assert_eq!(code, Some(0), "{line}: {errors}");
        let open = captured_connections(sandbox);
        let before = state();
        let (code, _, errors) = netweir(&arguments);
        assert_eq!(code, Some(0), "{line}: {errors}");
        let unchanged = "info: nothing to change: these rules are installed already ";
        assert!(errors.contains(unchanged), "{line}: {errors}");
        assert_eq!(state(), before, "{line}");
        assert!(open.iter().all(OpenConnection::works), "{line}");
        assert_eq!(netweir(&["remove"]).0, Some(0));
    }
}
