//! Assembly of trace messages to connections, and their reports.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use snapbox::{assert_data_eq, str};

use crate::connection::{Addresses, PortPair, Transport};
use crate::intent::Capture;
use crate::plan::plan;
use crate::ruleset::{Direction, TABLE};

use super::{After, Assembler, Headers, KnownRule, Message, Rules, TraceReport, Traced, Waypoint};

const OWN: &str = "inet netweir-trace-1";
const NOW: Duration = Duration::ZERO;

/// A TCP packet to port 80 of another host.
fn headers(sequence: u32) -> Headers {
    let [source, destination] = [2, 9].map(|last| IpAddr::V4(Ipv4Addr::new(10, 1, 0, last)));
    Headers {
        came_by: None,
        leaves_by: Some("eth0".to_owned()),
        addresses: Addresses::of(source, destination).unwrap(),
        transport: Transport::Tcp(PortPair {
            source: 40_000,
            destination: 80,
        }),
        sequence,
        mark: 0,
    }
}

fn message(table: &str, chain: &str, rule: Option<u64>, headers: Option<Headers>) -> Message {
    Message {
        packet: 7,
        table: table.to_owned(),
        chain: chain.to_owned(),
        rule,
        after: After::GoesOn,
        headers,
    }
}

fn start(sequence: u32) -> Message {
    let chain = Waypoint::Start(Direction::Out).chain();
    message(OWN, chain, Some(3), Some(headers(sequence)))
}

fn end(sequence: u32) -> Message {
    let chain = Waypoint::End(Direction::Out).chain();
    message(OWN, chain, None, Some(headers(sequence)))
}

fn met(handle: u64) -> Message {
    message(&format!("inet {TABLE}"), "outbound", Some(handle), None)
}

/// The rules of the default capture; handles are positions in the chain.
fn rules() -> Rules {
    let mut rules = Rules::new();
    for chain in plan(&Capture::default()).chains {
        for (handle, rule) in (0..).zip(chain.rules) {
            rules.push(KnownRule {
                chain: chain.name.clone().into_owned(),
                handle,
                rule,
            });
        }
    }
    rules
}

fn handle_of(id: &str) -> u64 {
    let mut rules = rules().into_iter();
    let known = rules.find(|known| known.rule.id.to_string() == id);
    known.unwrap().handle
}

fn assembler() -> Assembler {
    Assembler::new(OWN.to_owned())
}

fn taken(assembler: &mut Assembler, messages: impl IntoIterator<Item = Message>) -> Vec<Traced> {
    let taken = messages.into_iter();
    taken
        .flat_map(|message| assembler.take(message, None, NOW))
        .collect()
}

/// The report of the only connection.
fn report(traced: &[Traced]) -> String {
    let [traced] = traced else {
        panic!("not one connection: {traced:?}");
    };
    TraceReport::new(traced, &rules()).to_string()
}

#[test]
fn reports_a_connection_at_the_end_of_its_path() {
    let mut assembler = assembler();
    let rule = handle_of("outbound/redirect");
    assert_eq!(taken(&mut assembler, [start(1), met(rule)]), []);
    let traced = taken(&mut assembler, [end(1)]);
    assert_data_eq!(
        report(&traced),
        str![
            "out tcp 10.1.0.9:80 from=10.1.0.2:40000 dev=eth0: redirected to port 15001, the proxy's outbound port, by outbound/redirect: it is TCP and matches no exclusion"
        ]
    );
    assert_eq!(assembler.deadline(), None);
}

#[test]
fn ignores_retransmissions() {
    let mut assembler = assembler();
    for (sequence, new) in [(1, 1), (1, 0), (2, 1), (2, 0), (1, 0)] {
        let traced = taken(&mut assembler, [start(sequence), end(sequence)]);
        assert_eq!(traced.len(), new, "{sequence}");
    }
}

#[test]
fn reports_an_unseen_end_as_such() {
    let mut assembler = assembler();
    taken(&mut assembler, [start(1)]);
    assert_eq!(assembler.overdue(NOW), []);
    let traced = assembler.overdue(assembler.deadline().unwrap());
    assert_data_eq!(
        report(&traced),
        str![
            "out tcp 10.1.0.9:80 from=10.1.0.2:40000 dev=eth0: not captured, by no rule; outcome not seen (stopped outside nf_tables)"
        ]
    );
    assert_eq!(taken(&mut assembler, [end(1)]), []);
}

#[test]
fn names_no_rules_after_they_were_changed() {
    let mut assembler = assembler();
    let rule = handle_of("outbound/redirect");
    taken(&mut assembler, [start(1), met(rule)]);
    assembler.outdate();
    let traced = taken(&mut assembler, [end(1)]);
    assert_data_eq!(
        report(&traced),
        str![
            "out tcp 10.1.0.9:80 from=10.1.0.2:40000 dev=eth0: outcome unknown (the rules were changed meanwhile); also matched: rule 13 of inet netweir outbound"
        ]
    );
    let json = TraceReport::new(&traced[0], &rules()).json("then");
    assert!(
        json.contains("\"verdict\":\"unknown\",\"port\":null,\"rule\":null"),
        "{json}"
    );
}

#[test]
fn names_a_policy_that_drops() {
    let mut assembler = assembler();
    let policy = Message {
        after: After::Dropped,
        ..message("ip filter", "OUTPUT", None, None)
    };
    let traced = taken(&mut assembler, [start(1), policy]);
    assert_data_eq!(
        report(&traced),
        str![
            "out tcp 10.1.0.9:80 from=10.1.0.2:40000 dev=eth0: dropped, by the policy of ip filter OUTPUT"
        ]
    );
}

#[test]
fn follows_a_limited_number_of_packets() {
    let mut assembler = assembler();
    for packet in 0..10_000 {
        let message = Message {
            packet,
            ..start(packet)
        };
        assembler.take(message, None, NOW);
    }
    assert_eq!(assembler.finish(NOW).len(), 1024);
}
