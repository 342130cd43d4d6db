//! A verification proves capture, names what it cannot check, finds failures, and leaves nothing behind.

mod broken;
mod confined;
mod interrupted;
mod pod;

use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, UdpSocket};

use netweir::intent::{
    Capture, Dns, Family, InboundMode, InboundPorts, Port, Ports, RangeSelection, Tproxy,
};
use netweir::verify::{Check, Direction, Finding, Skip, Verification, verify};

use crate::sandbox::{NetnsTest, install, run};
pub(crate) use pod::set_up;
use pod::{assert_unchanged, ip, state, sysctl};

pub(crate) fn tests() -> Vec<NetnsTest> {
    let mut tests = vec![
        NetnsTest::alone("verify::proves-both-families", || proves_all(&Family::ALL)),
        NetnsTest::alone("verify::proves-ipv4-only", || proves_all(&[Family::Ipv4])),
        NetnsTest::alone("verify::proves-ipv6-only", || proves_all(&[Family::Ipv6])),
        NetnsTest::alone("verify::skips-families-without-addresses", || {
            proves_all(&[]);
        }),
        NetnsTest::alone(
            "verify::chooses-connections-that-are-captured",
            chooses_captured,
        ),
        NetnsTest::alone("verify::proves_captured_dns", proves_captured_dns),
        NetnsTest::alone(
            "verify::finds_dns_queries_that_are_lost",
            finds_lost_dns_queries,
        ),
        NetnsTest::alone("verify::skips-where-a-proxy-listens", proxy_listens),
        NetnsTest::alone(
            "verify::names-the-rules-when-nothing-is-captured",
            nothing_captured,
        ),
        NetnsTest::alone("verify::deletes-what-an-interrupted-one-left", leftovers),
        NetnsTest::alone(
            "verify::remove_deletes_what_a_killed_one_left",
            interrupted::remove_deletes_what_a_killed_one_left,
        ),
        NetnsTest::alone(
            "verify::failed_clean_up_is_reported",
            interrupted::failed_clean_up_is_reported,
        ),
    ];
    tests.extend(broken::tests());
    tests.extend(confined::tests());
    tests
}

fn tproxy() -> Capture {
    let mut capture = Capture::default();
    capture.inbound.mode = InboundMode::Tproxy(Tproxy {
        mark: 1337,
        outbound_mark: 1338,
        table: 133,
    });
    capture
}

/// Installs and verifies. The verification may change only counters.
fn verified(capture: &Capture) -> Verification {
    let ruleset = install(capture);
    let before = state();
    let verification = verify(capture, &ruleset).unwrap_or_else(|error| panic!("{error}"));
    assert_unchanged(&before);
    verification
}

/// The messages of all checks.
fn text(verification: &Verification) -> String {
    let lines: Vec<_> = verification.checks.iter().map(Check::to_string).collect();
    lines.join("\n")
}

/// Asserts that exactly these families are proven and the others have no address.
fn assert_proven(verification: &Verification, families: &[Family]) {
    let text = text(verification);
    assert!(verification.passed(), "{text}");
    assert_eq!(verification.causes, []);
    let all = [Direction::Outbound, Direction::Inbound]
        .into_iter()
        .flat_map(|direction| Family::ALL.map(|family| (direction, family)));
    let checked = verification.checks.iter();
    let checked: Vec<_> = checked
        .map(|check| (check.direction, check.family))
        .collect();
    assert_eq!(checked, all.collect::<Vec<_>>());
    for check in &verification.checks {
        match &check.finding {
            Finding::Proven(_) => assert!(families.contains(&check.family), "{text}"),
            Finding::Skipped(Skip::NoAddress) => {
                assert!(!families.contains(&check.family), "{text}");
            }
            Finding::Skipped(_) | Finding::Failed(_) => panic!("{text}"),
        }
    }
}

/// In both modes, with and without other options.
fn proves_all(families: &[Family]) {
    set_up(families);
    let mut guarded = tproxy();
    guarded.drop_invalid = true;
    for capture in [Capture::default(), tproxy(), guarded] {
        assert_proven(&verified(&capture), families);
    }
}

fn with_dns(servers: RangeSelection) -> Capture {
    Capture {
        dns: Some(Dns::new(Port::new(15053).unwrap(), servers)),
        ..Capture::default()
    }
}

/// The checks of DNS.
fn dns_checks(verification: &Verification) -> Vec<String> {
    let checks = verification.checks.iter();
    let of_dns = checks.filter(|check| check.direction == Direction::Dns);
    of_dns.map(Check::to_string).collect()
}

/// To any server, to servers on loopback, and where a DNS proxy listens already.
fn proves_captured_dns() {
    set_up(&Family::ALL);
    let proven =
        |family, server| format!("verified: DNS {family}: a query to {server} reached port 15053");
    let all = verified(&with_dns(RangeSelection::All));
    assert!(all.passed(), "{}", text(&all));
    assert_eq!(
        dns_checks(&all),
        [
            proven("ipv4", "192.0.2.1:53"),
            proven("ipv6", "[2001:db8::1]:53")
        ]
    );
    let server = "127.0.0.53".parse::<std::net::IpAddr>().unwrap();
    let servers = [ipnet::IpNet::from(server)].into_iter().collect();
    let capture = with_dns(RangeSelection::Only(servers));
    let loopback = verified(&capture);
    assert!(loopback.passed(), "{}", text(&loopback));
    assert_eq!(dns_checks(&loopback), [proven("ipv4", "127.0.0.53:53")]);
    let _proxy = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 15053)).unwrap();
    assert_eq!(
        dns_checks(&verified(&capture)),
        ["not verified: DNS ipv4: something listens on port 15053 already (the proxy, if it runs)"]
    );
}

fn finds_lost_dns_queries() {
    set_up(&[Family::Ipv4]);
    let lost = "table inet lost { chain input { type filter hook input priority 0; udp dport 15053 drop; }; }";
    run("nft", &["-f", "-"], lost);
    let capture = with_dns(RangeSelection::All);
    let verification = verify(&capture, &install(&capture)).unwrap();
    assert!(!verification.passed());
    assert_eq!(
        dns_checks(&verification)[0],
        "verification failed: DNS ipv4: 192.0.2.1:53 should have reached port 15053, but it did not arrive within 2 seconds"
    );
    let causes: Vec<_> = verification
        .causes
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(
        causes
            .iter()
            .any(|cause| cause.contains("the chain input of the table inet lost")),
        "{causes:?}"
    );
}

/// Excludes the ranges, ports, sources and interfaces of the likeliest connection.
fn chooses_captured() {
    set_up(&Family::ALL);
    let mut capture = Capture::default();
    let ranges = |texts: &[&str]| {
        let networks = texts
            .iter()
            .map(|text| text.parse::<ipnet::IpNet>().unwrap());
        networks.collect()
    };
    capture.inbound.exclude_sources = ranges(&["192.0.2.0/24", "2001:db8::/32"]);
    capture.inbound.ports = InboundPorts::Only([7001, 7002].into_iter().collect());
    capture.outbound.include_ranges =
        RangeSelection::Only(ranges(&["10.96.0.0/12", "fd00:96::/108"]));
    capture.outbound.exclude_ranges = ranges(&["10.96.0.0/24", "fd00:96::/112"]);
    capture.outbound.exclude_ports = [80, 443, 8080].into_iter().collect();
    capture.exclude_interfaces = vec!["net+".parse().unwrap()];
    let verification = verified(&capture);
    assert_proven(&verification, &Family::ALL);
    let text = text(&verification);
    for part in [
        "outbound ipv4: 10.96.1.0:15009 reached",
        "outbound ipv6: [fd00:96::1:0]:15009 reached",
        ":7001 reached port 15006",
    ] {
        assert!(text.contains(part), "no {part:?}:\n{text}");
    }

    // Only a port is captured, and there is only a route to the neighbours.
    ip("route del default\nroute del ::/0");
    let mut capture = Capture::default();
    capture.outbound.include_ranges = RangeSelection::Only(ranges(&[]));
    capture.outbound.include_ports = [9999].into_iter().collect();
    let verification = verified(&capture);
    assert_proven(&verification, &Family::ALL);
    assert!(self::text(&verification).contains("10.9.0.3:9999 reached port 15001"));
}

/// A proxy that listens for one direction on each family.
fn proxy_listens() {
    set_up(&Family::ALL);
    let outbound = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 15001)).unwrap();
    let inbound = TcpListener::bind((Ipv6Addr::LOCALHOST, 15006)).unwrap();
    let verification = verified(&Capture::default());
    let taken = |check: &Check| matches!(check.finding, Finding::Skipped(Skip::Taken(_)));
    let skipped = verification.checks.iter().map(taken);
    let text = text(&verification);
    assert_eq!(
        skipped.collect::<Vec<_>>(),
        [true, false, false, true],
        "{text}"
    );
    assert!(verification.passed(), "{text}");
    assert!(
        text.contains("not verified: outbound ipv4: something listens on port 15001 already"),
        "{text}"
    );
    // No connection was made to them.
    for listener in [outbound, inbound] {
        listener.set_nonblocking(true).unwrap();
        listener.accept().unwrap_err();
    }
}

/// Notices name the rules that decide.
fn nothing_captured() {
    set_up(&Family::ALL);
    let mut capture = Capture::default();
    capture.outbound.uids.include = Some([4711].into_iter().collect());
    capture.inbound.ports = InboundPorts::Only(Ports::default());
    let verification = verified(&capture);
    let text = text(&verification);
    assert!(verification.passed(), "{text}");
    let notices = verification
        .checks
        .iter()
        .filter(|check| matches!(check.finding, Finding::Skipped(Skip::Bypassed { .. })));
    assert_eq!(notices.count(), 4, "{text}");
    assert!(
        text.contains(
            "not verified: outbound ipv4: no connection of this process (uid 0, gid 0) would be captured: to \
             192.0.2.1:80: not captured by outbound/leave-not-included-uid"
        ),
        "{text}"
    );

    let everything = ["0.0.0.0/0", "::/0"].map(|text| text.parse::<ipnet::IpNet>().unwrap());
    let mut capture = Capture::default();
    capture.outbound.exclude_ranges = everything.into_iter().collect();
    capture.inbound.exclude_sources = everything.into_iter().collect();
    let verification = verified(&capture);
    let text = self::text(&verification);
    assert!(verification.passed(), "{text}");
    for rule in [
        "outbound/leave-excluded-range-ipv6",
        "inbound/leave-excluded-source-ipv4",
    ] {
        assert!(text.contains(&format!("not captured by {rule}")), "{text}");
    }
}

/// What a killed verification leaves on a kernel without owners of tables.
fn leftovers() {
    set_up(&Family::ALL);
    let capture = Capture::default();
    let ruleset = install(&capture);
    let before = state();
    ip("link add netweir-probe0 type veth peer name netweir-probe1
        link set netweir-probe1 up
        link set netweir-probe0 up
        address add 192.0.2.1/32 dev netweir-probe0
        route add 192.0.2.3 dev netweir-probe0 src 192.0.2.1");
    run(
        "nft",
        &["-f", "-"],
        "table inet netweir-probe { chain output { type filter hook output priority -301; notrack; }; }",
    );
    let verification = verify(&capture, &ruleset).unwrap();
    assert_proven(&verification, &Family::ALL);
    assert_unchanged(&before);

    // A sysctl of new interfaces, which cannot be changed where /proc/sys is read-only.
    sysctl("ipv6", "default", "disable_ipv6", "1");
    let verification = verified(&capture);
    let text = text(&verification);
    assert!(!verification.passed(), "{text}");
    assert!(text.contains("verified: inbound ipv4"), "{text}");
    assert!(
        text.contains("verification failed: inbound ipv6: cannot make a connection that arrives"),
        "{text}"
    );
}
