//! Where real connections go is where the decision tables and `explain` say they go.

mod attempts;

use std::collections::{BTreeMap, BTreeSet};

use netweir::explain::{Connection, Outcome, evaluate};
use netweir::intent::Capture;
use netweir::plan::plan;
use netweir::ruleset::{ChainKind, RuleId, Ruleset};

use crate::decision_tables;
use crate::sandbox::{Attempt, Fate, Promise, Sandbox, counters, install};
use crate::scenarios;

pub(crate) fn promises() -> Vec<Promise> {
    let scenarios = scenarios::all().into_iter();
    let promise = |(name, capture): scenarios::Scenario| {
        Promise::new(format!("fates::{name}"), move |sandbox| {
            fates_are_as_told(sandbox, &capture);
        })
    };
    let met = Promise::new("fates::every-kind-of-rule-is-met", |_| {
        every_kind_of_rule_is_met();
    });
    scenarios.map(promise).chain([met]).collect()
}

/// No kind of rule is there that no scenario's matrix meets: some are out of reach in most of them.
fn every_kind_of_rule_is_met() {
    let (mut made, mut met) = (BTreeSet::new(), BTreeSet::new());
    for (_, capture) in scenarios::all() {
        let ruleset = plan(&capture);
        let rules = ruleset
            .rules()
            .filter(|(chain, _)| chain.kind == ChainKind::Nat);
        made.extend(rules.map(|(_, rule)| purpose(&rule.id)));
        for attempt in attempts::matrix(&capture) {
            let outcome = evaluate(&ruleset, &attempt.connection(attempt.likely_source()));
            met.extend(outcome.fitted().map(purpose));
        }
    }
    // Only TCP and UDP are tried out.
    made.remove("outbound/leave-neither-tcp-nor-udp");
    let never: Vec<_> = made.difference(&met).collect();
    assert!(never.is_empty(), "never met: {never:?}");
}

/// A rule's id without the value that it is for.
fn purpose(id: &RuleId) -> String {
    id.as_str().split('/').take(2).collect::<Vec<_>>().join("/")
}

/// Tries the matrix out under the capture.
fn fates_are_as_told(sandbox: &Sandbox, capture: &Capture) {
    let ruleset = install(capture);
    let mut met = Met::default();
    let mut wrong = Vec::new();
    let attempts = attempts::matrix(capture);
    for attempt in &attempts {
        let (connection, fate) = sandbox.try_out(attempt);
        let outcome = evaluate(&ruleset, &connection);
        wrong.extend(judge(capture, attempt, &connection, &outcome, fate));
        met.note(&outcome);
    }
    let shown = wrong.iter().take(5).cloned().collect::<Vec<_>>().join("\n");
    assert!(
        wrong.is_empty(),
        "{} of {} connections went elsewhere\n{shown}",
        wrong.len(),
        attempts.len()
    );
    met.agrees_with_the_kernel(&ruleset);
}

/// What is wrong with the fate of a connection, if it is.
fn judge(
    capture: &Capture,
    attempt: &Attempt,
    connection: &Connection,
    outcome: &Outcome,
    fate: Fate,
) -> Option<String> {
    let told = Fate::of(outcome.verdict, connection);
    let tables = Fate::of(
        decision_tables::fate(capture, connection).verdict,
        connection,
    );
    (fate != told || fate != tables).then(|| {
        format!("{attempt}: {fate}\n  the tables: {tables}\n  explain: {connection}\n{outcome}")
    })
}

/// How often rules were met.
#[derive(Default)]
struct Met(BTreeMap<String, u64>);

impl Met {
    fn note(&mut self, outcome: &Outcome) {
        for rule in outcome.fitted() {
            *self.0.entry(rule.to_string()).or_default() += 1;
        }
    }

    /// The kernel counted as many connections for each rule as explain did. Only nat chains count
    /// connections; others count packets.
    fn agrees_with_the_kernel(&self, ruleset: &Ruleset) {
        let counted = counters();
        let rules = ruleset
            .rules()
            .filter(|(chain, _)| chain.kind == ChainKind::Nat);
        for (_, rule) in rules {
            let id = rule.id.as_str();
            let told = self.0.get(id).copied().unwrap_or_default();
            assert_eq!(counted.get(id), Some(&told), "connections counted by {id}");
        }
    }
}
