//! The plan and the evaluator against the decision tables.

#[path = "support/captures.rs"]
mod captures;
#[path = "support/connections.rs"]
mod connections;
#[path = "support/decision_tables.rs"]
mod decision_tables;

use std::cell::RefCell;
use std::collections::BTreeSet;

use decision_tables::Fate;
use netweir::explain::{Outcome, evaluate};
use netweir::plan::plan;
use netweir::ruleset::RuleId;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

#[test]
fn rules_decide_as_the_decision_tables_do_and_every_rule_is_met() {
    let cases = captures::capture().prop_flat_map(|capture| {
        let connections = vec(connections::connection(&capture), 100);
        (Just(capture), connections)
    });
    let made = RefCell::new(BTreeSet::new());
    let fitted = RefCell::new(BTreeSet::new());
    let config = ProptestConfig::with_cases(1_000);
    TestRunner::new(config)
        .run(&cases, |(capture, connections)| {
            let ruleset = plan(&capture);
            made.borrow_mut()
                .extend(ruleset.rules().map(|(_, rule)| purpose(&rule.id)));
            for connection in connections {
                let outcome = evaluate(&ruleset, &connection);
                let expected = decision_tables::fate(&capture, &connection);
                prop_assert_eq!(fate(&outcome), expected, "{}\n{}", connection, outcome);
                fitted.borrow_mut().extend(outcome.fitted().map(purpose));
            }
            Ok(())
        })
        .unwrap();
    let never: Vec<_> = made
        .borrow()
        .difference(&fitted.borrow())
        .cloned()
        .collect();
    assert!(never.is_empty(), "never met: {never:?}");
    assert!(made.borrow().len() > 50, "{made:?}");
}

fn fate(outcome: &Outcome) -> Fate {
    Fate {
        verdict: outcome.verdict,
        zone: outcome.zone,
        packet_mark: outcome.packet_mark,
        connection_mark: outcome.connection_mark,
    }
}

/// A rule's id without the value that it is for.
fn purpose(id: &RuleId) -> String {
    id.as_str().split('/').take(2).collect::<Vec<_>>().join("/")
}
