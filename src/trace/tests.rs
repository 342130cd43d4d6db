use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use crate::connection::{Addresses, PortPair, Transport};
use crate::intent::Capture;
use crate::plan::plan;
use crate::ruleset::{Direction, TABLE};

use super::{After, Assembler, Headers, KnownRule, Message, Rules, Seen, Told, Waypoint};

const OWN: &str = "inet netweir-trace-1";
const NOW: Duration = Duration::ZERO;

/// A TCP connection to port 80 elsewhere.
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

/// The rules of the default capture: each one's handle is its position in its chain.
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
    let known = rules.find(|known| known.rule.id.as_str() == id);
    known.unwrap().handle
}

fn assembler() -> Assembler {
    Assembler::new(OWN.to_owned())
}

fn taken(assembler: &mut Assembler, messages: impl IntoIterator<Item = Message>) -> Vec<Seen> {
    let taken = messages.into_iter();
    taken
        .flat_map(|message| assembler.take(message, None, NOW))
        .collect()
}

const CONNECTION: &str = "out tcp 10.1.0.9:80 from=10.1.0.2:40000 dev=eth0: ";

fn told(seen: &Seen) -> String {
    let told = Told::new(seen, &rules()).to_string();
    told.strip_prefix(CONNECTION)
        .expect("the connection")
        .to_owned()
}

#[test]
fn a_connection_is_whole_at_its_end() {
    let mut assembler = assembler();
    let rule = handle_of("outbound/redirect");
    assert_eq!(taken(&mut assembler, [start(1), met(rule)]), []);
    let seen = taken(&mut assembler, [end(1)]);
    assert_eq!(
        seen.iter().map(told).collect::<Vec<_>>(),
        [
            "redirected to port 15001, the proxy's outbound port, by outbound/redirect: it is TCP that no exclusion \
             fits"
        ]
    );
    assert_eq!(assembler.deadline(), None);
}

#[test]
fn a_packet_that_is_sent_again_is_no_new_connection() {
    let mut assembler = assembler();
    for (sequence, new) in [(1, 1), (1, 0), (2, 1), (2, 0), (1, 0)] {
        let seen = taken(&mut assembler, [start(sequence), end(sequence)]);
        assert_eq!(seen.len(), new, "{sequence}");
    }
}

#[test]
fn an_end_that_nobody_tells_of_is_not_made_up() {
    let mut assembler = assembler();
    taken(&mut assembler, [start(1)]);
    assert_eq!(assembler.overdue(NOW), []);
    let seen = assembler.overdue(assembler.deadline().unwrap());
    let told: Vec<_> = seen.iter().map(told).collect();
    assert_eq!(
        told,
        [
            "left alone, by no rule; its end was not seen: something that nf_tables does not tell of held it"
        ]
    );
    assert_eq!(taken(&mut assembler, [end(1)]), []);
}

#[test]
fn a_rule_is_not_named_by_a_handle_that_may_be_anothers() {
    let mut assembler = assembler();
    let rule = handle_of("outbound/redirect");
    taken(&mut assembler, [start(1), met(rule)]);
    assembler.outdate();
    let seen = taken(&mut assembler, [end(1)]);
    let told: Vec<_> = seen.iter().map(told).collect();
    assert_eq!(
        told,
        [format!(
            "not known, as the rules were changed meanwhile; on the way: rule {rule} of inet netweir outbound"
        )]
    );
    let json = Told::new(&seen[0], &rules()).json("then");
    assert!(
        json.contains("\"verdict\":\"unknown\",\"port\":null,\"rule\":null"),
        "{json}"
    );
}

#[test]
fn a_policy_that_drops_is_named() {
    let mut assembler = assembler();
    let policy = Message {
        after: After::Dropped,
        ..message("ip filter", "OUTPUT", None, None)
    };
    let seen = taken(&mut assembler, [start(1), policy]);
    let told: Vec<_> = seen.iter().map(told).collect();
    assert_eq!(told, ["dropped, by the policy of ip filter OUTPUT"]);
}

#[test]
fn no_more_is_remembered_than_there_is_room_for() {
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
