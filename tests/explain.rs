//! Plan and evaluator, compared with the decision tables.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use netweir::connection::{
    Addresses, Connection, ConnectionSpec, Owner, Path, PortPair, Tracking, Transport,
};
use netweir::explain::{Outcome, complete, evaluate, purpose};
use netweir::intent::{Capture, Family};
use netweir::plan::{beside, plan};
use netweir::ruleset::{End, RuleId};
use netweir_testkit::decision_tables::Expected;
use netweir_testkit::effort::effort;
use netweir_testkit::fakes::{NoNetwork, NoUsers};
use netweir_testkit::steps::steps;
use netweir_testkit::well_formed::check;
use netweir_testkit::{connections, decision_tables, sparse_captures};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use snapbox::{assert_data_eq, str};

/// The most rounds until every rule of every plan was met.
const ROUNDS: usize = 20;

#[test]
fn every_rule_decides_as_the_decision_tables_do() {
    let mut never = BTreeSet::new();
    let mut made = BTreeSet::new();
    // Never met: the evaluator assumes that the proxy listens.
    let without_listener =
        Family::ALL.map(|family| format!("inbound-packet/drop-without-listener-{}", family.name()));
    let mut matched = BTreeSet::from(without_listener);
    for _ in 0..ROUNDS {
        round(&mut made, &mut matched);
        never = made.difference(&matched).collect();
        if never.is_empty() {
            break;
        }
    }
    assert!(never.is_empty(), "never met: {never:?}");
    assert!(made.len() > 60, "{made:?}");
}

/// Compares the outcomes of random connections, and records which kinds of rules were made and which matched.
fn round(made: &mut BTreeSet<String>, matched: &mut BTreeSet<String>) {
    let cases = sparse_captures::capture().prop_flat_map(|capture| {
        let connections = vec((connections::connection(&capture), any::<bool>()), 80);
        (Just(capture), connections)
    });
    let (made, matched) = (RefCell::new(made), RefCell::new(matched));
    TestRunner::new(ProptestConfig {
        cases: effort(400, 400 * 20),
        failure_persistence: None,
        ..ProptestConfig::default()
    })
    .run(&cases, |(capture, connections)| {
        let ruleset = plan(&capture);
        let open = connections.iter().filter(|(_, was_open)| *was_open);
        let open = connections::open(open.map(|(connection, _)| connection));
        let ruleset = beside(&ruleset, &open);
        prop_assert_eq!(check(&ruleset), Ok(()));
        prop_assert_eq!(ruleset.open_connections().len(), open.len());
        for (_, rule) in ruleset.rules() {
            prop_assert!(purpose(&rule.id).is_some(), "{} has no words", rule.id);
        }
        let purposes = ruleset.rules().map(|(_, rule)| kind(&rule.id));
        made.borrow_mut().extend(purposes);
        for (connection, _) in connections {
            let outcome = evaluate(&ruleset, &connection);
            let ends = connections::open([&connection]);
            let was_open = ends.iter().all(|ends| open.contains(ends));
            let expected = decision_tables::expected_beside(&capture, was_open, &connection);
            prop_assert_eq!(
                outcome_of(&outcome),
                expected,
                "{}\n{}",
                connection,
                steps(&outcome)
            );
            let rules = outcome.matched().map(|(_, step)| kind(&step.rule));
            matched.borrow_mut().extend(rules);
        }
        Ok(())
    })
    .unwrap();
}

fn outcome_of(outcome: &Outcome) -> Expected {
    Expected {
        verdict: outcome.verdict,
        zone: outcome.zone,
        packet_mark: outcome.packet_mark,
        connection_mark: outcome.connection_mark,
    }
}

/// The id without its value.
fn kind(id: &RuleId) -> String {
    id.masked(false, true)
}

#[test]
fn written_form_round_trips() {
    let is_writable = |connection: &Connection| {
        let ends = [End::Source, End::Destination].map(|end| connection.addresses.end(end));
        let ports = connection.transport.ports();
        let owner = connection.path.owner();
        // Values that no socket or no packet can have are refused.
        ports.is_none_or(|ports| ports.source != 0 && ports.destination != 0)
            && owner.is_none_or(|owner| owner.uid != u32::MAX && owner.gid != u32::MAX)
            && ends.iter().all(|end| match end {
                IpAddr::V4(_) => true,
                IpAddr::V6(address) => address.to_ipv4_mapped().is_none(),
            })
    };
    let connections = sparse_captures::capture().prop_flat_map(|capture| {
        let connection = connections::connection(&capture);
        vec(connection.prop_filter("writable", is_writable), 40)
    });
    let config = ProptestConfig {
        cases: effort(100, 100 * 20),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    TestRunner::new(config)
        .run(&connections, |connections| {
            for connection in connections {
                let spec = ConnectionSpec::parse(&connection.to_string(), &NoUsers).unwrap();
                let completed = complete(&spec, &NoNetwork);
                prop_assert_eq!(&completed.connection, &connection);
                prop_assert_eq!(completed.assumed, []);
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn outcome_lists_every_rule_that_was_tried() {
    let connection = Connection {
        path: Path::Out {
            interface: "eth0".to_owned(),
            owner: Some(Owner {
                uid: 1000,
                gid: 1000,
            }),
        },
        addresses: Addresses::Ipv4 {
            source: Ipv4Addr::new(10, 0, 0, 2),
            destination: Ipv4Addr::new(10, 0, 0, 5),
        },
        transport: Transport::Tcp(PortPair {
            source: 40_000,
            destination: 443,
        }),
        packet_mark: 0,
        connection_mark: 0,
        tracking: Tracking::New,
    };
    let outcome = evaluate(&plan(&Capture::default()), &connection);
    assert_data_eq!(
        format!("{connection}\n{}", steps(&outcome)),
        str![[r#"
out tcp 10.0.0.5:443 from=10.0.0.2:40000 dev=eth0 uid=1000 gid=1000
redirected to port 15001, by outbound/redirect
  outbound (output)
    no   outbound/leave-not-tcp: it is tcp
    no   outbound/leave-passthrough-source/127.0.0.6: it leaves on eth0, not on lo
    no   outbound/leave-passthrough-source/::6: it leaves on eth0, not on lo
    no   outbound/redirect-own-pod-uid-ipv4/1337: it leaves on eth0, not on lo
    no   outbound/redirect-own-pod-uid-ipv6/1337: it leaves on eth0, not on lo
    no   outbound/leave-loopback-not-uid/1337: it leaves on eth0, not on lo
    no   outbound/leave-proxy-uid/1337: its uid 1000 is not 1337
    no   outbound/redirect-own-pod-gid-ipv4/1337: it leaves on eth0, not on lo
    no   outbound/redirect-own-pod-gid-ipv6/1337: it leaves on eth0, not on lo
    no   outbound/leave-loopback-not-gid/1337: it leaves on eth0, not on lo
    no   outbound/leave-proxy-gid/1337: its gid 1000 is not 1337
    no   outbound/leave-loopback-range-ipv4: its destination 10.0.0.5 is not in 127.0.0.1/32
    no   outbound/leave-loopback-range-ipv6: it is ipv4
    yes  outbound/redirect
  inbound (prerouting)

"#]]
    );
}
