//! Capture that does not work, although the rules were installed.

use std::net::{Ipv4Addr, TcpListener};

use netweir::intent::{Capture, Family};
use netweir::verify::{Cause, Check, verify};

use super::pod::{apply_verify, assert_unchanged, furnish, state};
use super::text;
use crate::sandbox::{NetnsTest, install, run};

pub(super) fn tests() -> Vec<NetnsTest> {
    vec![
        NetnsTest::alone("verify::finds-who-redirects-before", redirected_before),
        NetnsTest::alone("verify::finds-who-takes-connections", taken),
        NetnsTest::alone("verify::finds-who-drops", dropped),
        NetnsTest::alone("verify::finds-rules-that-are-gone", rules_are_gone),
        NetnsTest::alone("verify::reads-the-destination-back", || {
            altered(
                // Before connection tracking: the proxy would take 81 for what the client asked for.
                "chain output { type filter hook output priority -301; tcp dport 80 tcp dport set 81; }
                chain input { type filter hook input priority 300; tcp sport 81 tcp sport set 80; }",
                |destination| {
                    format!("but the original destination that is read back is {destination}:81")
                },
            );
        }),
        NetnsTest::alone("verify::reads-its-own-token", || {
            altered(
                // The first byte behind a header with timestamps (RFC 7323).
                "chain input {
                    type filter hook input priority 300
                    tcp sport 80 tcp flags & psh == psh @th,256,8 set 0
                }",
                |_| "but what was sent at one end is not what arrived at the other".to_owned(),
            );
        }),
    ]
}

const NETWEIR: &str = env!("CARGO_BIN_EXE_netweir");

/// To a port where nobody listens.
const THIEF: &str = "table ip thief {
    chain output { type nat hook output priority -110; meta l4proto tcp redirect to :9; }
    chain prerouting { type nat hook prerouting priority -110; meta l4proto tcp redirect to :9; }
}";

fn nft(text: &str) {
    run("nft", &["-f", "-"], text);
}

/// As the program says it, with its exit code.
fn redirected_before() {
    furnish(&Family::ALL);
    nft(THIEF);
    let ended = apply_verify(&[], NETWEIR, &[]);
    assert_eq!(ended.code, Some(3), "{:#?}", ended.said);
    // Line by line what docs/debugging.md shows.
    let said = ended.said.join("\n");
    let guide = include_str!("../../docs/debugging.md");
    assert!(guide.contains(&format!("\n{said}\n```")), "{said}");
    for part in [
        "error: verification failed: outbound ipv4: 192.0.2.1:80 should have reached port 15001, but the \
         connection was refused\n",
        "info: verified: outbound ipv6: ",
        "error: verification failed: inbound ipv4: ",
        "info: verified: inbound ipv6: ",
        "error: a likely cause: the chain output of the table ip thief (nat at output, priority -110)\n",
    ] {
        assert!(said.contains(part), "no {part:?}: {said}");
    }
}

/// Somebody else answers.
fn taken() {
    furnish(&[Family::Ipv4]);
    let _listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 9)).unwrap();
    nft(THIEF);
    let capture = Capture::default();
    let ruleset = install(&capture);
    let verification = verify(&capture, &ruleset).unwrap();
    let text = text(&verification);
    assert!(!verification.passed(), "{text}");
    assert_eq!(
        text.matches("but somebody else answered").count(),
        2,
        "{text}"
    );
}

/// A filter lets nothing through to the proxy.
fn dropped() {
    furnish(&[Family::Ipv6]);
    nft("table inet wall {
        chain input { type filter hook input priority 0; tcp dport 15006 drop; }
    }");
    let capture = Capture::default();
    let ruleset = install(&capture);
    let before = state();
    let verification = verify(&capture, &ruleset).unwrap();
    assert_unchanged(&before);
    let text = text(&verification);
    let unanswered = "but there was no answer within 2 seconds";
    assert_eq!(text.matches(unanswered).count(), 1, "{text}");
    let causes: Vec<_> = verification.causes.iter().map(Cause::to_string).collect();
    assert_eq!(
        causes,
        ["a likely cause: the chain input of the table inet wall (filter at input, priority 0)"]
    );
}

/// Every connection reaches the listener, and yet is not what it should be.
fn altered(chains: &str, wrong: impl Fn(&str) -> String) {
    furnish(&Family::ALL);
    nft(&format!("table inet alters {{\n{chains}\n}}"));
    let capture = Capture::default();
    let ruleset = install(&capture);
    let verification = verify(&capture, &ruleset).unwrap();
    let text = text(&verification);
    let destinations = ["192.0.2.1", "[2001:db8::1]", "192.0.2.3", "[2001:db8::3]"];
    assert_eq!(text.lines().count(), destinations.len(), "{text}");
    for (line, destination) in text.lines().zip(destinations) {
        assert!(line.starts_with("verification failed: "), "{line}");
        assert!(line.contains(&format!(" {destination}:80 ")), "{line}");
        assert!(line.ends_with(&wrong(destination)), "{line}");
    }
}

/// A rule is deleted after the commit, and then the table.
fn rules_are_gone() {
    furnish(&[Family::Ipv4]);
    let capture = Capture::default();
    let ruleset = install(&capture);
    // What is not captured is refused at once.
    nft("table inet otherwise {
        chain output { type nat hook output priority 0; meta l4proto tcp redirect to :9; }
        chain prerouting { type nat hook prerouting priority 0; meta l4proto tcp redirect to :9; }
    }");
    nft("flush chain inet netweir outbound");
    let verification = verify(&capture, &ruleset).unwrap();
    let failed: Vec<_> = verification.checks.iter().map(Check::failed).collect();
    assert_eq!(
        failed,
        [true, false, false, false],
        "{}",
        text(&verification)
    );
    assert_eq!(verification.causes.first(), Some(&Cause::TableChanged));

    nft("delete table inet netweir");
    let verification = verify(&capture, &ruleset).unwrap();
    let failed: Vec<_> = verification.checks.iter().map(Check::failed).collect();
    assert_eq!(
        failed,
        [true, false, true, false],
        "{}",
        text(&verification)
    );
    assert_eq!(verification.causes.first(), Some(&Cause::TableMissing));
}
