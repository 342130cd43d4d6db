//! Real connections go where the decision tables and `explain` say.

pub(crate) mod attempts;
mod explained;
mod generated;
mod iptables;
mod meshes;
mod one_uid;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use netweir::connection::Connection;
use netweir::explain::{Outcome, evaluate};
use netweir::intent::{Capture, Outbound, Proxy};
use netweir::nftables;
use netweir::plan::plan;
use netweir::ruleset::{ChainKind, RuleId, Ruleset};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::sandbox::{
    Attempt, ConnectionOutcome, NetnsTest, Sandbox, counters, has_every_owner, install,
};
use explained::{Seen, assert_explained};
use iptables::Variant;
use netweir_testkit::decision_tables;
use netweir_testkit::effort::effort;
use netweir_testkit::scenarios::scenarios;
use netweir_testkit::steps::steps;

pub(crate) fn tests() -> Vec<NetnsTest> {
    let mut tests = vec![
        NetnsTest::alone(
            "connections::every-kind-of-rule-is-met",
            every_kind_of_rule_is_met,
        ),
        NetnsTest::new("connections::mixed-scenarios", mixed),
    ];
    for (name, capture) in scenarios() {
        let test = {
            let capture = capture.clone();
            move |sandbox: &Sandbox| every_connection(sandbox, &capture)
        };
        tests.push(NetnsTest::new(format!("connections::{name}"), test));
        for variant in Variant::ALL {
            let capture = capture.clone();
            let name = format!("connections::{name}-by-iptables-{}", variant.name());
            let test = NetnsTest::new(name, move |sandbox| {
                every_connection_by_iptables(sandbox, &capture, variant);
            });
            // The owner match takes none but the ids of the user namespace.
            tests.push(test.with(variant.programs()).only_as_root());
        }
    }
    tests.extend(meshes::tests());
    tests
}

/// Tries the whole matrix out, and generated connections.
fn every_connection(sandbox: &Sandbox, capture: &Capture) {
    let matrix = attempts::matrix(capture);
    let mut generated = generated::connections(&matrix);
    generated.retain(|attempt| attempts::is_routed(capture, attempt));
    let attempts = [generated, sample(matrix)].concat();
    let mut tried = 0;
    for (capture, attempts) in feasible(capture, attempts) {
        let ruleset = install(&capture);
        let (met, seen) = assert_connections(sandbox, &capture, &ruleset, attempts);
        met.agrees_with_the_kernel(&ruleset);
        tried += seen.len();
        assert_explained(&capture, &sample_of(seen, EXPLAINED));
        nftables::remove().expect("removed");
    }
    assert!(tried > generated::count(), "{tried}");
}

fn every_connection_by_iptables(sandbox: &Sandbox, capture: &Capture, variant: Variant) {
    let matrix = sample(attempts::matrix(capture));
    // The two read the same text: each gets half of the connections.
    let half = matrix
        .into_iter()
        .skip(variant as usize)
        .step_by(effort(2, 1));
    for (capture, attempts) in feasible(capture, half.collect()) {
        let ruleset = plan(&capture);
        iptables::install(&ruleset, variant);
        assert_connections(sandbox, &capture, &ruleset, attempts);
    }
}

/// How many connections of a matrix are made, and how many of those that were made are explained by the program, in one
/// run; a soak run takes all.
const MADE: usize = 2_000;
const EXPLAINED: usize = 400;

/// A random part of a matrix.
fn sample(matrix: Vec<Attempt>) -> Vec<Attempt> {
    sample_of(matrix, MADE)
}

/// In their order, `most` random ones of the items.
fn sample_of<T: Clone + Debug + 'static>(items: Vec<T>, most: usize) -> Vec<T> {
    let most = items.len().min(effort(most, usize::MAX));
    let mut runner = TestRunner::default();
    let sample = subsequence(items, most).new_tree(&mut runner);
    sample.expect("no more than there are").current()
}

/// The attempts with the captures under which they are made: as they are, where there are all owners.
fn feasible(capture: &Capture, attempts: Vec<Attempt>) -> Vec<(Capture, Vec<Attempt>)> {
    if has_every_owner() {
        vec![(capture.clone(), attempts)]
    } else {
        one_uid::by_owner(capture, attempts)
    }
}

/// How many connections are made for each generated capture.
const CONNECTIONS: usize = 100;

/// Captures whose parts are of different scenarios, and connections out of their matrices.
fn mixed(sandbox: &Sandbox) {
    let mut runner = TestRunner::default();
    let captures = effort(40, 1_000);
    let mut tried = 0;
    for _ in 0..captures {
        let capture = mixed_scenarios()
            .new_tree(&mut runner)
            .expect("a capture")
            .current();
        let matrix = attempts::matrix(&capture);
        let some = subsequence(matrix, CONNECTIONS);
        let attempts = some.new_tree(&mut runner).expect("connections").current();
        for (capture, attempts) in feasible(&capture, attempts) {
            let ruleset = install(&capture);
            let (_, seen) = assert_connections(sandbox, &capture, &ruleset, attempts);
            tried += seen.len();
            assert_explained(&capture, &seen);
        }
    }
    assert_eq!(tried, captures * CONNECTIONS);
}

/// Each part of one of the scenarios, mostly with one to five users and groups of the proxy. What is inbound is of the same: what is handed over to a transparent listener and
/// redirected, too, has no defined destination.
fn mixed_scenarios() -> impl Strategy<Value = Capture> {
    let captures: Vec<_> = scenarios()
        .into_iter()
        .map(|(_, capture)| capture)
        .collect();
    let ids = || subsequence(vec![0, 1000, 1337, 2102, 3000, 70_000], 1..=5).prop_shuffle();
    let proxy = option::weighted(0.7, (ids(), ids()));
    let parts = (
        prop::collection::vec(select(captures), 12),
        proxy,
        option::of(any::<bool>()),
    );
    parts.prop_map(|(of, owners, over_loopback)| Capture {
        families: of[0].families,
        proxy: match owners {
            Some((uids, gids)) => Proxy {
                uids,
                gids,
                ..of[1].proxy.clone()
            },
            None => of[1].proxy.clone(),
        },
        inbound: of[2].inbound.clone(),
        outbound: Outbound {
            uids: of[3].outbound.uids.clone(),
            gids: of[4].outbound.gids.clone(),
            exclude_ports: of[5].outbound.exclude_ports.clone(),
            include_ports: of[5].outbound.include_ports.clone(),
            exclude_ranges: of[6].outbound.exclude_ranges.clone(),
            capture_over_loopback: over_loopback.unwrap_or(of[7].outbound.capture_over_loopback),
            ..of[7].outbound.clone()
        },
        exclude_interfaces: of[2].exclude_interfaces.clone(),
        loopback_range: of[9].loopback_range,
        passthrough: of[10].passthrough.clone(),
        drop_invalid: of[10].drop_invalid,
        dns: of[11].dns.clone(),
    })
}

/// The beginnings of the rules that no first packet of a TCP or UDP connection meets, to a proxy that is there. Other
/// tests meet all but the first.
const OUT_OF_REACH: [&str; 5] = [
    "outbound/leave-neither-tcp-nor-udp",
    "inbound-packet/drop-invalid",
    "inbound-packet/drop-without-listener",
    "inbound-packet/divert-tracked",
    "outbound-packet/restore-mark",
];

/// No kind of rule is there that no scenario's matrix meets: some are out of reach in most of them.
fn every_kind_of_rule_is_met() {
    let (mut made, mut met) = (BTreeSet::new(), BTreeSet::new());
    for (_, capture) in scenarios() {
        let ruleset = plan(&capture);
        made.extend(ruleset.rules().map(|(_, rule)| purpose(&rule.id)));
        for attempt in attempts::matrix(&capture) {
            let outcome = evaluate(&ruleset, &attempt.connection(attempt.likely_source()));
            met.extend(outcome.matched().map(|(_, step)| purpose(&step.rule)));
        }
    }
    made.retain(|rule| !OUT_OF_REACH.iter().any(|start| rule.starts_with(start)));
    let never: Vec<_> = made.difference(&met).collect();
    assert!(never.is_empty(), "never met: {never:?}");
}

/// A rule's id without the value that it is for.
fn purpose(id: &RuleId) -> String {
    id.masked(false, true)
}

/// Makes the connections under the rules of the capture, and asserts where they go. Returns the rules that matched
/// according to `explain`, and the connections with their outcomes.
fn assert_connections(
    sandbox: &Sandbox,
    capture: &Capture,
    ruleset: &Ruleset,
    attempts: Vec<Attempt>,
) -> (Met, Vec<Seen>) {
    let mut met = Met::default();
    let mut seen = Vec::new();
    let mut wrong = Vec::new();
    for attempt in attempts {
        let (connection, actual) = sandbox.try_out(&attempt);
        let outcome = evaluate(ruleset, &connection);
        wrong.extend(mismatch(capture, &attempt, &connection, &outcome, actual));
        met.note(&outcome);
        seen.push(Seen {
            attempt,
            connection,
            actual,
        });
        // Each may have taken seconds.
        if wrong.len() == 5 {
            break;
        }
    }
    assert!(
        wrong.is_empty(),
        "connections went elsewhere\n{}\n{capture:#?}",
        wrong.join("\n")
    );
    (met, seen)
}

/// What is wrong with the actual of a connection, if it is.
fn mismatch(
    capture: &Capture,
    attempt: &Attempt,
    connection: &Connection,
    outcome: &Outcome,
    actual: ConnectionOutcome,
) -> Option<String> {
    let explained = ConnectionOutcome::of(outcome.verdict, connection);
    let tables = ConnectionOutcome::of(
        decision_tables::expected(capture, connection).verdict,
        connection,
    );
    (actual != explained || actual != tables).then(|| {
        format!(
            "{attempt}: {actual}\n  the tables: {tables}\n  explain: {connection}\n{}",
            steps(outcome)
        )
    })
}

/// How often rules were met.
#[derive(Default)]
struct Met(BTreeMap<String, u64>);

impl Met {
    fn note(&mut self, outcome: &Outcome) {
        for (_, step) in outcome.matched() {
            *self.0.entry(step.rule.to_string()).or_default() += 1;
        }
    }

    /// The kernel counted as many connections for each rule as explain did. Only nat chains count
    /// connections; others count packets, of which the first is one.
    fn agrees_with_the_kernel(&self, ruleset: &Ruleset) {
        let counted = counters();
        for (chain, rule) in ruleset.rules() {
            let id = rule.id.to_string();
            let id = id.as_str();
            let evaluated = self.0.get(id).copied().unwrap_or_default();
            let counted = counted.get(id).copied().expect("it is installed");
            match chain.kind {
                ChainKind::Nat => assert_eq!(counted, evaluated, "connections counted by {id}"),
                ChainKind::Filter | ChainKind::Route => {
                    assert!(
                        counted >= evaluated,
                        "{counted} packets of {evaluated} connections by {id}"
                    );
                }
            }
        }
    }
}
