//! Applying the differences between two rulesets to one of them makes the other.

use netweir::drift::{Change, Difference, RuleChange, compare};
use netweir::intent::{Capture, Interfaces, Intervals};
use netweir::plan::plan;
use netweir::ruleset::{Chain, Elements, Installed, InstalledRule, Rule, RuleId, Ruleset, Set};
use netweir_testkit::effort::effort;
use proptest::prelude::*;

use crate::installed;
use netweir_testkit::{captures, sparse_captures};

/// Two captures; about half of the pairs share parts.
fn pairs() -> impl Strategy<Value = (Capture, Capture)> {
    // Boxed: together they are too large for the stack of a test's thread.
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
    #![proptest_config(ProptestConfig { cases: effort(400, 400 * 20), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_ruleset_equals_itself(capture in captures::capture()) {
        let ruleset = plan(&capture);
        prop_assert_eq!(compare(&ruleset, Some(&installed(&ruleset))), vec![]);
    }

    #[test]
    fn differences_patch_one_ruleset_to_the_other((a, b) in pairs()) {
        let (wanted, present) = (plan(&a), installed(&plan(&b)));
        let differences = compare(&wanted, Some(&present));
        prop_assert_eq!(differences.is_empty(), wanted == without_counters(&present));
        let patched = patched(&present, &differences, &wanted);
        prop_assert_eq!(sorted(patched), sorted(wanted));
    }

    #[test]
    fn reports_every_moved_rule((a, b) in pairs()) {
        let (wanted, present) = (plan(&a), installed(&plan(&b)));
        let moved: Vec<_> = compare(&wanted, Some(&present))
            .into_iter()
            .filter_map(|difference| match difference {
                Difference::Rule(_, id, RuleChange::Reordered(..)) => Some(id),
                _ => None,
            })
            .collect();
        for chain in &wanted.chains {
            let present = without_counters(&present);
            let Some(own) = present.chain(&chain.name) else { continue };
            let kept = |chain: &Chain, other: &Chain| -> Vec<_> {
                let in_both = chain.rules.iter().filter(|rule| other.rules.contains(rule));
                in_both.map(|rule| rule.id.clone()).filter(|id| !moved.contains(id)).collect()
            };
            prop_assert_eq!(kept(chain, own), kept(own, chain));
        }
    }
}

/// The ruleset in a canonical order.
fn sorted(mut ruleset: Ruleset) -> Ruleset {
    ruleset.sets.sort_by(|a, b| a.name.cmp(&b.name));
    ruleset.chains.sort_by(|a, b| a.name.cmp(&b.name));
    for chain in &mut ruleset.chains {
        chain.rules.sort_by(|a, b| a.id.cmp(&b.id));
    }
    ruleset.routing.sort_by_key(|object| format!("{object:?}"));
    ruleset
}

fn without_counters(installed: &Installed) -> Ruleset {
    let chains = installed.ruleset.chains.iter().map(|chain| {
        let rules = chain
            .rules
            .iter()
            .map(|InstalledRule { rule, .. }| rule.clone());
        chain.with_rules(rules.collect())
    });
    Ruleset {
        sets: installed.ruleset.sets.clone(),
        chains: chains.collect(),
        routing: installed.ruleset.routing.clone(),
    }
}

/// The installed rules with the differences applied. Missing sets and chains are copied from the wanted rules.
fn patched(present: &Installed, differences: &[Difference], wanted: &Ruleset) -> Ruleset {
    let mut ruleset = without_counters(present);
    for difference in differences {
        match difference {
            Difference::NoTable | Difference::Unmanaged(_) => panic!("{difference:?}"),
            Difference::Set(name, change) => {
                ruleset.sets.retain(|set| set.name != *name);
                if *change != Change::Unmanaged {
                    ruleset.sets.push(wanted.set(name).expect("wanted").clone());
                }
            }
            Difference::Elements(set, missing, unmanaged) => {
                let own = ruleset.sets.iter_mut().find(|own| own.name == *set);
                patch_elements(own.expect("installed"), missing, unmanaged);
            }
            Difference::Chain(name, change) => patch_chain(&mut ruleset, wanted, name, *change),
            Difference::Rule(chain, id, change) => {
                let own = ruleset.chains.iter_mut().find(|own| own.name == *chain);
                let rules = &mut own.expect("installed").rules;
                assert_eq!(id, id_of(change));
                patch_rules(rules, change);
            }
            Difference::Routing(object, change) => match change {
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

fn id_of(change: &RuleChange) -> &RuleId {
    match change {
        RuleChange::Missing(wanted)
        | RuleChange::Changed { wanted, .. }
        | RuleChange::Uncounted(wanted) => &wanted.id,
        RuleChange::Unmanaged(installed) => &installed.id,
        RuleChange::Reordered(rule) => &rule.id,
    }
}

fn patch_rules(rules: &mut Vec<Rule>, change: &RuleChange) {
    match change {
        RuleChange::Missing(wanted) => rules.push(wanted.clone()),
        RuleChange::Unmanaged(installed) => {
            let place = rules.iter().rposition(|rule| rule == installed);
            rules.remove(place.expect("installed"));
        }
        RuleChange::Changed { wanted, installed } => {
            let mut own = rules.iter_mut();
            *own.find(|rule| *rule == installed).expect("installed") = wanted.clone();
        }
        RuleChange::Reordered(..) => {}
        RuleChange::Uncounted(..) => panic!("every rule counts"),
    }
}

fn patch_elements(set: &mut Set, missing: &Elements, unmanaged: &Elements) {
    fn patch<T: netweir::intent::Bound>(
        own: &Intervals<T>,
        missing: &Intervals<T>,
        unmanaged: &Intervals<T>,
    ) -> Intervals<T> {
        for hole in unmanaged {
            assert!(own.contains(hole.first()) && own.contains(hole.last()));
        }
        let kept = own.without(unmanaged);
        for added in missing {
            assert!(!kept.intersects(added));
        }
        kept.iter().chain(missing).copied().collect()
    }
    set.elements = match (&set.elements, missing, unmanaged) {
        (Elements::Ports(a), Elements::Ports(b), Elements::Ports(c)) => {
            Elements::Ports(patch(a, b, c))
        }
        (Elements::Ipv4(a), Elements::Ipv4(b), Elements::Ipv4(c)) => Elements::Ipv4(patch(a, b, c)),
        (Elements::Ipv6(a), Elements::Ipv6(b), Elements::Ipv6(c)) => Elements::Ipv6(patch(a, b, c)),
        (Elements::Uids(a), Elements::Uids(b), Elements::Uids(c)) => Elements::Uids(patch(a, b, c)),
        (Elements::Gids(a), Elements::Gids(b), Elements::Gids(c)) => Elements::Gids(patch(a, b, c)),
        (Elements::UidPorts(a), Elements::UidPorts(b), Elements::UidPorts(c)) => {
            assert!(c.without(a).is_empty());
            let kept = a.without(c);
            Elements::UidPorts(kept.iter().chain(b.iter()).copied().collect())
        }
        (Elements::Interfaces(a), Elements::Interfaces(b), Elements::Interfaces(c)) => {
            assert_eq!(c.without(a), Interfaces::default());
            let kept = a.without(c);
            Elements::Interfaces(kept.iter().chain(b.iter()).cloned().collect())
        }
        others => panic!("of different types: {others:?}"),
    };
}
