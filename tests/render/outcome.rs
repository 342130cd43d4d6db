//! The iptables rules have the same outcome for every connection as the nftables rules.

use netweir::connection::{Connection, Path};
use netweir::explain::{Outcome, evaluate};
use netweir::intent::Family;
use netweir::plan::{beside, plan};
use netweir::render;
use netweir::ruleset::Ruleset;
use netweir_testkit::effort::effort;
use proptest::collection::vec;
use proptest::prelude::*;

use netweir_testkit::steps::steps;
use netweir_testkit::xtables::{Result, Tables, target_of};
use netweir_testkit::{connections, sparse_captures};

/// Rules, some of them beside connections that were open before, and connections.
fn rules_and_connections() -> impl Strategy<Value = (Ruleset, Vec<Connection>)> {
    sparse_captures::capture().prop_flat_map(|capture| {
        let connections = vec(connections::connection(&capture), 80);
        (Just(plan(&capture)), connections, 0..6usize).prop_map(|(rules, connections, open)| {
            let open = connections::open(connections.iter().take(open));
            (beside(&rules, &open).into_owned(), connections)
        })
    })
}

/// Whether the owner is possible: -1 is not an id (`uid_valid`, `gid_valid` of linux/uidgid.h), and iptables refuses it.
fn has_valid_owner(connection: &Connection) -> bool {
    match &connection.path {
        Path::Out {
            owner: Some(owner), ..
        } => owner.uid != u32::MAX && owner.gid != u32::MAX,
        Path::Out { owner: None, .. } | Path::In { .. } => true,
    }
}

fn expected(outcome: &Outcome) -> Result {
    let (target, server) = target_of(outcome.verdict);
    Result {
        target,
        server,
        zone: outcome.zone,
        mark: outcome.packet_mark,
        connection_mark: outcome.connection_mark,
    }
}

/// The text with every jump from a built-in chain twice, as after a second run.
fn run_twice(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let times = if line.contains(" -j NETWEIR_") { 2 } else { 1 };
        format!("{line}\n").repeat(times)
    });
    lines.collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: effort(200, 200 * 20),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn iptables_rules_have_the_same_outcome((ruleset, connections) in rules_and_connections()) {
        for family in Family::ALL {
            let text = render::iptables(&ruleset, family);
            let twice = run_twice(&text);
            prop_assert!(twice.len() > text.len() || !text.contains("-A"));
            let (once, twice) = (Tables::parse(&text), Tables::parse(&twice));
            let connections = connections.iter().filter(|connection| has_valid_owner(connection));
            for connection in connections.filter(|own| own.addresses.family() == family) {
                let outcome = evaluate(&ruleset, connection);
                let actual = once.evaluate(connection);
                prop_assert_eq!(&actual, &expected(&outcome), "{}\n{}{}", connection, steps(&outcome), text);
                prop_assert_eq!(twice.evaluate(connection), actual, "{}\n{}", connection, text);
            }
        }
    }
}
