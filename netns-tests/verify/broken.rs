//! Capture that does not work although the rules are installed.

use std::net::{Ipv4Addr, TcpListener};

use netweir::intent::{Capture, Family};
use netweir::verify::{Cause, Check, verify};

use super::pod::{apply_verify, assert_unchanged, set_up, state};
use super::text;
use crate::sandbox::{NetnsTest, install, run};

pub(super) fn tests() -> Vec<NetnsTest> {
    vec![
        NetnsTest::alone("verify::names-an-earlier-redirect", redirected_before),
        NetnsTest::alone("verify::reports-another-listener", taken),
        NetnsTest::alone("verify::names-a-chain-that-drops", dropped),
        NetnsTest::alone("verify::reports-lost-rules", rules_are_gone),
        NetnsTest::alone("verify::checks-the-original-destination", || {
            altered(
                // Before connection tracking: the proxy would read port 81.
                "chain output { type filter hook output priority -301; tcp dport 80 tcp dport set 81; }
                chain input { type filter hook input priority 300; tcp sport 81 tcp sport set 80; }",
                |destination| {
                    format!("but the original destination reads {destination}:81")
                },
            );
        }),
        NetnsTest::alone("verify::checks-the-token", || {
            altered(
                // The first byte behind a header with timestamps (RFC 7323).
                "chain input {
                    type filter hook input priority 300
                    tcp sport 80 tcp flags & psh == psh @th,256,8 set 0
                }",
                |_| "but the data was changed on the way".to_owned(),
            );
        }),
    ]
}

const NETWEIR: &str = env!("CARGO_BIN_EXE_netweir");

/// To a port on which no process listens.
const THIEF: &str = "table ip thief {
    chain output { type nat hook output priority -110; meta l4proto tcp redirect to :9; }
    chain prerouting { type nat hook prerouting priority -110; meta l4proto tcp redirect to :9; }
}";

fn nft(text: &str) {
    run("nft", &["-f", "-"], text);
}

/// The program's messages and exit code.
fn redirected_before() {
    set_up(&Family::ALL);
    nft(THIEF);
    let ended = apply_verify(&[], NETWEIR, &[]);
    assert_eq!(ended.code, Some(3), "{:#?}", ended.messages);
    // Line by line what docs/debugging.md shows.
    let messages = ended.messages.join("\n");
    let guide = include_str!("../../docs/debugging.md");
    assert!(guide.contains(&format!("\n{messages}\n```")), "{messages}");
    for part in [
        "error: verification failed: outbound ipv4: 192.0.2.1:80 should have reached port 15001, but the \
         connection was refused\n",
        "info: verified: outbound ipv6: ",
        "error: verification failed: inbound ipv4: ",
        "info: verified: inbound ipv6: ",
        "error: a likely cause: the chain output of the table ip thief (nat at output, priority -110)\n",
    ] {
        assert!(messages.contains(part), "no {part:?}: {messages}");
    }
}

/// Another process answers.
fn taken() {
    set_up(&[Family::Ipv4]);
    let _listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 9)).unwrap();
    nft(THIEF);
    let capture = Capture::default();
    let ruleset = install(&capture);
    let verification = verify(&capture, &ruleset).unwrap();
    let text = text(&verification);
    assert!(!verification.passed(), "{text}");
    assert_eq!(
        text.matches("but another process answered").count(),
        2,
        "{text}"
    );
}

/// A filter drops packets to the proxy.
fn dropped() {
    set_up(&[Family::Ipv6]);
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

/// Every connection reaches the listener, but altered.
fn altered(chains: &str, wrong: impl Fn(&str) -> String) {
    set_up(&Family::ALL);
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
    set_up(&[Family::Ipv4]);
    let capture = Capture::default();
    let ruleset = install(&capture);
    // Connections that are not captured are refused at once.
    nft("table inet refuses {
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
