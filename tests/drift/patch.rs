//! Between any two rulesets, the differences are exactly what makes one of the other.

use netweir::drift::{Change, Difference, RuleChange, compare};
use netweir::intent::{Capture, Intervals};
use netweir::plan::plan;
use netweir::ruleset::{Chain, Elements, Installed, Rule, Ruleset, Set};
use netweir_testkit::effort::effort;
use proptest::prelude::*;

use crate::installed;
use netweir_testkit::{captures, sparse_captures};

/// Two captures: as often as not one that has parts of the other, so that some is equal.
fn pairs() -> impl Strategy<Value = (Capture, Capture)> {
    // Boxed: side by side on the stack they are too large for a test's thread.
    let any = || captures::capture().boxed();
    let sparse = || sparse_captures::capture().boxed();
    let alike = (any(), any(), any_parts()).prop_map(
        |(a, mut b, [proxy, inbound, outbound, families, others])| {
            if proxy {
                b.proxy = a.proxy.clone();
            }
            if inbound {
                b.inbound = a.inbound.clone();
            }
            if outbound {
                b.outbound = a.outbound.clone();
            }
            if families {
                b.families = a.families;
            }
            if others {
                b.exclude_interfaces.clone_from(&a.exclude_interfaces);
                b.passthrough.clone_from(&a.passthrough);
                b.dns.clone_from(&a.dns);
                (b.loopback_range, b.drop_invalid) = (a.loopback_range, a.drop_invalid);
            }
            (a, b)
        },
    );
    prop_oneof![(sparse(), sparse()), alike]
}

fn any_parts() -> impl Strategy<Value = [bool; 5]> {
    any::<[bool; 5]>()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: effort(400, 400 * 50), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_differs_from_itself(capture in captures::capture()) {
        let ruleset = plan(&capture);
        prop_assert_eq!(compare(&ruleset, Some(&installed(&ruleset))), vec![]);
    }

    #[test]
    fn differences_make_one_of_the_other((a, b) in pairs()) {
        let (wanted, present) = (plan(&a), installed(&plan(&b)));
        let differences = compare(&wanted, Some(&present));
        prop_assert_eq!(differences.is_empty(), wanted == present.ruleset);
        let patched = patched(&present, &differences, &wanted);
        prop_assert_eq!(sorted(patched), sorted(wanted));
    }

    #[test]
    fn every_rule_that_stands_elsewhere_is_told((a, b) in pairs()) {
        let (wanted, present) = (plan(&a), installed(&plan(&b)));
        let moved: Vec<_> = compare(&wanted, Some(&present))
            .into_iter()
            .filter_map(|difference| match difference {
                Difference::Rule { id, change: RuleChange::Reordered { .. }, .. } => Some(id),
                _ => None,
            })
            .collect();
        for chain in &wanted.chains {
            let Some(own) = present.ruleset.chains.iter().find(|own| own.name == chain.name) else {
                continue;
            };
            let kept = |chain: &Chain, other: &Chain| -> Vec<_> {
                let in_both = chain.rules.iter().filter(|rule| other.rules.contains(rule));
                in_both.map(|rule| rule.id.clone()).filter(|id| !moved.contains(id)).collect()
            };
            prop_assert_eq!(kept(chain, own), kept(own, chain));
        }
    }
}

/// In any order.
fn sorted(mut ruleset: Ruleset) -> Ruleset {
    ruleset.sets.sort_by(|a, b| a.name.cmp(&b.name));
    ruleset.chains.sort_by(|a, b| a.name.cmp(&b.name));
    for chain in &mut ruleset.chains {
        chain.rules.sort_by(|a, b| a.id.cmp(&b.id));
    }
    ruleset.routing.sort_by_key(|object| format!("{object:?}"));
    ruleset
}

/// What is installed, changed as the differences say. Where they say that a whole set or chain is to come, it is
/// taken from what is wanted.
fn patched(present: &Installed, differences: &[Difference], wanted: &Ruleset) -> Ruleset {
    let mut ruleset = present.ruleset.clone();
    for difference in differences {
        match difference {
            Difference::NoTable | Difference::Unmanaged(_) => panic!("{difference:?}"),
            Difference::Set { name, change } => {
                ruleset.sets.retain(|set| set.name != *name);
                if *change != Change::Unmanaged {
                    ruleset.sets.push(wanted.set(name).expect("wanted").clone());
                }
            }
            Difference::Elements {
                set,
                missing,
                foreign,
            } => {
                let own = ruleset.sets.iter_mut().find(|own| own.name == *set);
                patch_elements(own.expect("installed"), missing, foreign);
            }
            Difference::Chain { name, change } => patch_chain(&mut ruleset, wanted, name, *change),
            Difference::Rule { chain, id, change } => {
                let own = ruleset.chains.iter_mut().find(|own| own.name == *chain);
                let rules = &mut own.expect("installed").rules;
                assert_eq!(id, id_of(change));
                patch_rules(rules, change);
            }
            Difference::Routing { object, change } => match change {
                Change::Missing => ruleset.routing.push(*object),
                Change::Unmanaged => ruleset.routing.retain(|own| own != object),
                Change::Changed => panic!("{difference:?}"),
            },
        }
    }
    ruleset
}

fn patch_chain(ruleset: &mut Ruleset, wanted: &Ruleset, name: &str, change: Change) {
    let mut chains = wanted.chains.iter();
    let wanted = chains.find(|chain| chain.name == name);
    match change {
        Change::Missing => ruleset.chains.push(wanted.expect("wanted").clone()),
        Change::Unmanaged => ruleset.chains.retain(|chain| chain.name != name),
        Change::Changed => {
            let mut chains = ruleset.chains.iter_mut();
            let own = chains.find(|own| own.name == name).expect("installed");
            let wanted = wanted.expect("wanted");
            (own.kind, own.hook, own.priority) = (wanted.kind, wanted.hook, wanted.priority);
        }
    }
}

fn id_of(change: &RuleChange) -> &netweir::ruleset::RuleId {
    match change {
        RuleChange::Missing { wanted }
        | RuleChange::Changed { wanted, .. }
        | RuleChange::Uncounted { wanted } => &wanted.id,
        RuleChange::Unmanaged { installed } => &installed.id,
        RuleChange::Reordered { rule } => &rule.id,
    }
}

fn patch_rules(rules: &mut Vec<Rule>, change: &RuleChange) {
    match change {
        RuleChange::Missing { wanted } => rules.push(wanted.clone()),
        RuleChange::Unmanaged { installed } => {
            let place = rules.iter().rposition(|rule| rule == installed);
            rules.remove(place.expect("installed"));
        }
        RuleChange::Changed { wanted, installed } => {
            let mut own = rules.iter_mut();
            *own.find(|rule| *rule == installed).expect("installed") = wanted.clone();
        }
        RuleChange::Reordered { .. } => {}
        RuleChange::Uncounted { .. } => panic!("every rule counts"),
    }
}

fn patch_elements(set: &mut Set, missing: &Elements, foreign: &Elements) {
    fn patch<T: netweir::intent::Bound>(
        own: &Intervals<T>,
        missing: &Intervals<T>,
        foreign: &Intervals<T>,
    ) -> Intervals<T> {
        for hole in foreign {
            assert!(own.contains(hole.first()) && own.contains(hole.last()));
        }
        let kept = own.without(foreign);
        for added in missing {
            assert!(!kept.intersects(added));
        }
        kept.iter().chain(missing).copied().collect()
    }
    set.elements = match (&set.elements, missing, foreign) {
        (Elements::Ports(a), Elements::Ports(b), Elements::Ports(c)) => {
            Elements::Ports(patch(a, b, c))
        }
        (Elements::Ipv4(a), Elements::Ipv4(b), Elements::Ipv4(c)) => Elements::Ipv4(patch(a, b, c)),
        (Elements::Ipv6(a), Elements::Ipv6(b), Elements::Ipv6(c)) => Elements::Ipv6(patch(a, b, c)),
        (Elements::Uids(a), Elements::Uids(b), Elements::Uids(c)) => Elements::Uids(patch(a, b, c)),
        (Elements::Gids(a), Elements::Gids(b), Elements::Gids(c)) => Elements::Gids(patch(a, b, c)),
        others => panic!("of different types: {others:?}"),
    };
}
