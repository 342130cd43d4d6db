//! Each change of one object is told as that, and nothing else is.

use std::borrow::Cow;

use netweir::drift::{Change, Difference, RuleChange, compare};
use netweir::intent::{Capture, Dns, Family, InboundMode, Port, RangeSelection, Tproxy};
use netweir::plan::plan;
use netweir::ruleset::{
    Chain, ChainKind, Elements, Hook, Installed, Match, Priority, RoutingObject, Rule, RuleId,
    Ruleset, Set, Statement, Unmanaged, UnmanagedKind,
};

use crate::installed;

/// A ruleset with every kind of object.
fn everything() -> Ruleset {
    let mut capture = Capture::default();
    capture.inbound.mode = InboundMode::Tproxy(Tproxy {
        mark: 1337,
        outbound_mark: 1338,
        table: 133,
    });
    capture.outbound.exclude_ports = [22, 3306].into_iter().collect();
    capture.outbound.exclude_ranges = ["10.0.0.0/8", "fd00::/8"]
        .map(|net| net.parse().unwrap())
        .into_iter()
        .collect();
    capture.outbound.uids.exclude = [999].into_iter().collect();
    capture.outbound.gids.exclude = [998].into_iter().collect();
    capture.dns = Some(Dns {
        port: Port::new(15053).unwrap(),
        servers: RangeSelection::All,
    });
    plan(&capture)
}

/// The differences after the change.
fn after(change: impl FnOnce(&mut Installed)) -> Vec<Difference> {
    let wanted = everything();
    let mut present = installed(&wanted);
    change(&mut present);
    compare(&wanted, Some(&present))
}

/// Calls back with every rule of the ruleset: its chain, its place there, and its place among all.
fn for_each_rule(mut each: impl FnMut(usize, usize, usize, &Chain, &Rule)) {
    let ruleset = everything();
    let mut nth = 0;
    for (number, chain) in ruleset.chains.iter().enumerate() {
        for (place, rule) in chain.rules.iter().enumerate() {
            each(number, place, nth, chain, rule);
            nth += 1;
        }
    }
    assert!(nth > 40, "{ruleset:?}");
}

fn of_rule(chain: &Chain, id: &RuleId, change: RuleChange) -> Vec<Difference> {
    vec![Difference::Rule {
        chain: chain.name.to_string(),
        id: id.clone(),
        change,
    }]
}

#[test]
fn no_table() {
    assert_eq!(compare(&everything(), None), [Difference::NoTable]);
}

#[test]
fn a_rule_that_is_gone() {
    for_each_rule(|number, place, nth, chain, rule| {
        let found = after(|present| {
            present.ruleset.chains[number].rules.remove(place);
            present.counters.remove(nth);
        });
        let wanted = rule.clone();
        let expected = of_rule(chain, &rule.id, RuleChange::Missing { wanted });
        assert_eq!(found, expected);
    });
}

#[test]
fn a_rule_that_is_another() {
    let replacements = [Statement::Drop, Statement::SetPacketMark(7)];
    for_each_rule(|number, place, _, chain, rule| {
        let mut changes = vec![];
        for statement in replacements {
            let mut other = rule.clone();
            other.statements = vec![statement];
            changes.push(other);
        }
        for index in 0..rule.matches.len() {
            let mut other = rule.clone();
            other.matches.remove(index);
            changes.push(other);
        }
        let mut other = rule.clone();
        other.matches.push(Match::Family(Family::Ipv4));
        changes.push(other);
        changes.retain(|other| other != rule);
        for other in changes {
            let found =
                after(|present| present.ruleset.chains[number].rules[place] = other.clone());
            let change = RuleChange::Changed {
                wanted: rule.clone(),
                installed: other,
            };
            assert_eq!(found, of_rule(chain, &rule.id, change));
        }
    });
}

#[test]
fn a_rule_that_does_not_count() {
    for_each_rule(|_, _, nth, chain, rule| {
        let found = after(|present| present.counters[nth] = None);
        let wanted = rule.clone();
        let expected = of_rule(chain, &rule.id, RuleChange::Uncounted { wanted });
        assert_eq!(found, expected);
    });
}

#[test]
fn a_rule_that_nobody_wants() {
    let unknown = Rule {
        id: RuleId::new("somebody/else"),
        matches: vec![Match::Family(Family::Ipv6)],
        statements: vec![Statement::Drop],
    };
    for_each_rule(|number, place, nth, chain, rule| {
        // One of another id, before; a second one of the same id, behind.
        for (rule, place) in [(&unknown, place), (rule, place + 1)] {
            let found = after(|present| {
                let rules = &mut present.ruleset.chains[number].rules;
                rules.insert(place, rule.clone());
                present.counters.insert(nth, Some(0));
            });
            let installed = rule.clone();
            let expected = of_rule(chain, &rule.id, RuleChange::Unmanaged { installed });
            assert_eq!(found, expected);
        }
    });
}

#[test]
fn a_rule_that_was_moved() {
    let mut tried = 0;
    for_each_rule(|number, from, _, chain, rule| {
        for to in 0..chain.rules.len() {
            let found = after(|present| {
                let rules = &mut present.ruleset.chains[number].rules;
                let rule = rules.remove(from);
                rules.insert(to, rule);
            });
            let expected = match from.abs_diff(to) {
                0 => vec![],
                // Of two neighbours either may be the one that was moved.
                1 => {
                    let first = &chain.rules[from.min(to)];
                    let rule = first.clone();
                    of_rule(chain, &first.id, RuleChange::Reordered { rule })
                }
                _ => {
                    let rule = rule.clone();
                    of_rule(chain, &rule.id.clone(), RuleChange::Reordered { rule })
                }
            };
            tried += usize::from(from != to);
            assert_eq!(
                found.len(),
                expected.len(),
                "{from} to {to}: {found:?}\n{expected:?}"
            );
            if from.abs_diff(to) != 1 {
                assert_eq!(found, expected, "{from} to {to}");
            }
        }
    });
    assert!(tried > 500, "{tried}");
}

#[test]
fn a_chain() {
    let wanted = everything();
    for (number, chain) in wanted.chains.iter().enumerate() {
        let name = chain.name.to_string();
        let rules = chain.rules.len();
        let before = wanted.chains[..number].iter();
        let nth: usize = before.map(|chain| chain.rules.len()).sum();
        let of_chain = |name: &str, change| {
            let name = name.to_owned();
            vec![Difference::Chain { name, change }]
        };
        let missing = after(|present| {
            present.ruleset.chains.remove(number);
            present.counters.drain(nth..nth + rules);
        });
        assert_eq!(missing, of_chain(&name, Change::Missing));

        let edits: [fn(&mut Chain); 3] = [
            |chain| chain.kind = other(chain.kind),
            |chain| {
                chain.hook = match chain.hook {
                    Hook::Prerouting => Hook::Output,
                    Hook::Output => Hook::Prerouting,
                }
            },
            |chain| {
                chain.priority = match chain.priority {
                    Priority::Raw => Priority::Mangle,
                    Priority::Mangle | Priority::Dstnat => Priority::Raw,
                }
            },
        ];
        for edit in edits {
            let changed = after(|present| edit(&mut present.ruleset.chains[number]));
            assert_eq!(changed, of_chain(&name, Change::Changed));
        }

        let foreign = after(|present| {
            let mut another = chain.clone();
            another.name = "another".into();
            another.rules.clear();
            present.ruleset.chains.insert(number, another);
        });
        assert_eq!(foreign, of_chain("another", Change::Unmanaged));
    }
}

const fn other(kind: ChainKind) -> ChainKind {
    match kind {
        ChainKind::Filter => ChainKind::Nat,
        ChainKind::Nat | ChainKind::Route => ChainKind::Filter,
    }
}

#[test]
fn a_set() {
    let wanted = everything();
    assert!(wanted.sets.len() >= 5, "{wanted:?}");
    for (number, set) in wanted.sets.iter().enumerate() {
        let of_set = |name: &Cow<'static, str>, change| {
            let name = name.to_string();
            vec![Difference::Set { name, change }]
        };
        let missing = after(|present| drop(present.ruleset.sets.remove(number)));
        assert_eq!(missing, of_set(&set.name, Change::Missing));

        let another_type = match &set.elements {
            Elements::Ports(_) => Elements::Uids([1].into_iter().collect()),
            Elements::Ipv4(_) | Elements::Ipv6(_) | Elements::Uids(_) | Elements::Gids(_) => {
                Elements::Ports([1].into_iter().collect())
            }
        };
        let changed = after(|present| present.ruleset.sets[number].elements = another_type);
        assert_eq!(changed, of_set(&set.name, Change::Changed));

        let another = Set {
            name: "another".into(),
            elements: set.elements.clone(),
        };
        let name = another.name.clone();
        let foreign = after(|present| present.ruleset.sets.insert(number, another));
        assert_eq!(foreign, of_set(&name, Change::Unmanaged));
    }
}

#[test]
fn elements() {
    let name = "outbound_exclude_ports";
    let ports = |ports: &[u16]| Elements::Ports(ports.iter().copied().collect());
    for (present, missing, foreign) in [
        ([].as_slice(), [22, 3306].as_slice(), [].as_slice()),
        (&[22], &[3306], &[]),
        (&[22, 23, 3306], &[], &[23]),
        (&[3305, 3307], &[22, 3306], &[3305, 3307]),
    ] {
        let found = after(|installed| {
            let mut sets = installed.ruleset.sets.iter_mut();
            let set = sets.find(|set| set.name == name).unwrap();
            set.elements = ports(present);
        });
        let expected = Difference::Elements {
            set: name.to_owned(),
            missing: ports(missing),
            foreign: ports(foreign),
        };
        assert_eq!(found, [expected]);
    }
}

#[test]
fn routing() {
    let wanted = everything();
    assert_eq!(wanted.routing.len(), 5, "{wanted:?}");
    for (number, &object) in wanted.routing.iter().enumerate() {
        let change = Change::Missing;
        let missing = after(|present| {
            present.ruleset.routing.remove(number);
        });
        assert_eq!(missing, [Difference::Routing { object, change }]);
    }
    let change = Change::Unmanaged;
    let object = RoutingObject::LocalRoute {
        family: Family::Ipv4,
        table: 7,
    };
    let foreign = after(|present| present.ruleset.routing.insert(0, object));
    assert_eq!(foreign, [Difference::Routing { object, change }]);
    let reordered = after(|present| present.ruleset.routing.reverse());
    assert_eq!(reordered, []);
}

#[test]
fn what_is_not_known() {
    for chain in [None, Some("outbound".to_owned())] {
        let foreign = Unmanaged {
            chain,
            position: 3,
            name: "outbound/redirect".to_owned(),
            what: "something".to_owned(),
            kind: UnmanagedKind::Set,
        };
        let found = after(|present| present.foreign.push(foreign.clone()));
        assert_eq!(found, [Difference::Unmanaged(foreign)]);
    }
}
