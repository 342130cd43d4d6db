//! Every change of one object is reported as exactly that.

use netweir::drift::{Change, Difference, RuleChange, compare};
use netweir::intent::{Capture, Dns, Family, InboundMode, Port, RangeSelection, Tproxy};
use netweir::plan::plan;
use netweir::ruleset::{
    Chain, ChainKind, Elements, Hook, Installed, InstalledRule, Match, Priority, RoutingObject,
    Rule, RuleId, Ruleset, Set, SetName, Statement, Unmanaged, UnmanagedKind,
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
    capture.dns = Some(Dns::new(Port::new(15053).unwrap(), RangeSelection::All));
    plan(&capture)
}

/// The differences after the change.
fn after(change: impl FnOnce(&mut Installed)) -> Vec<Difference> {
    let wanted = everything();
    let mut present = installed(&wanted);
    change(&mut present);
    compare(&wanted, Some(&present))
}

/// Calls back with every rule of the ruleset: the number of its chain, its place there, the chain and the rule.
fn for_each_rule(mut each: impl FnMut(usize, usize, &Chain, &Rule)) {
    let ruleset = everything();
    let mut count = 0;
    for (number, chain) in ruleset.chains.iter().enumerate() {
        for (place, rule) in chain.rules.iter().enumerate() {
            each(number, place, chain, rule);
            count += 1;
        }
    }
    assert!(count > 40, "{ruleset:?}");
}

fn of_rule(chain: &Chain, id: &RuleId, change: RuleChange) -> Vec<Difference> {
    vec![Difference::Rule(chain.name.to_string(), id.clone(), change)]
}

#[test]
fn reports_a_missing_table() {
    assert_eq!(compare(&everything(), None), [Difference::NoTable]);
}

#[test]
fn reports_a_missing_rule() {
    for_each_rule(|number, place, chain, rule| {
        let found = after(|present| {
            present.ruleset.chains[number].rules.remove(place);
        });
        let wanted = rule.clone();
        let expected = of_rule(chain, &rule.id, RuleChange::Missing(wanted));
        assert_eq!(found, expected);
    });
}

#[test]
fn reports_a_changed_rule() {
    let replacements = [Statement::Drop, Statement::SetPacketMark(7)];
    for_each_rule(|number, place, chain, rule| {
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
                after(|present| present.ruleset.chains[number].rules[place].rule = other.clone());
            let change = RuleChange::Changed {
                wanted: rule.clone(),
                installed: other,
            };
            assert_eq!(found, of_rule(chain, &rule.id, change));
        }
    });
}

#[test]
fn reports_a_rule_without_a_counter() {
    for_each_rule(|number, place, chain, rule| {
        let found = after(|present| present.ruleset.chains[number].rules[place].counter = None);
        let wanted = rule.clone();
        let expected = of_rule(chain, &rule.id, RuleChange::Uncounted(wanted));
        assert_eq!(found, expected);
    });
}

#[test]
fn reports_an_unmanaged_rule() {
    let unknown = Rule {
        id: RuleId::from("another/program"),
        matches: vec![Match::Family(Family::Ipv6)],
        statements: vec![Statement::Drop],
    };
    for_each_rule(|number, place, chain, rule| {
        // A rule with another id before it; a second rule with the same id after it.
        for (rule, place) in [(&unknown, place), (rule, place + 1)] {
            let found = after(|present| {
                let rules = &mut present.ruleset.chains[number].rules;
                rules.insert(
                    place,
                    InstalledRule {
                        rule: rule.clone(),
                        counter: Some(0),
                    },
                );
            });
            let installed = rule.clone();
            let expected = of_rule(chain, &rule.id, RuleChange::Unmanaged(installed));
            assert_eq!(found, expected);
        }
    });
}

#[test]
fn reports_a_moved_rule() {
    let mut tried = 0;
    for_each_rule(|number, from, chain, rule| {
        for to in 0..chain.rules.len() {
            let found = after(|present| {
                let rules = &mut present.ruleset.chains[number].rules;
                let rule = rules.remove(from);
                rules.insert(to, rule);
            });
            let expected = match from.abs_diff(to) {
                0 => vec![],
                // Either of two neighbours may be the moved one.
                1 => {
                    let first = &chain.rules[from.min(to)];
                    let rule = first.clone();
                    of_rule(chain, &first.id, RuleChange::Reordered(rule))
                }
                _ => {
                    let rule = rule.clone();
                    of_rule(chain, &rule.id.clone(), RuleChange::Reordered(rule))
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
fn reports_changes_of_a_chain() {
    let wanted = everything();
    for (number, chain) in wanted.chains.iter().enumerate() {
        let name = chain.name.to_string();
        let of_chain = |name: &str, change| {
            let name = name.to_owned();
            vec![Difference::Chain(name, change)]
        };
        let missing = after(|present| {
            present.ruleset.chains.remove(number);
        });
        assert_eq!(missing, of_chain(&name, Change::Missing));

        let edits: [fn(&mut Chain<InstalledRule>); 3] = [
            |chain| chain.kind = other(chain.kind),
            |chain| {
                chain.hook = if chain.hook == Hook::Output {
                    Hook::Prerouting
                } else {
                    Hook::Output
                }
            },
            |chain| {
                chain.priority = match chain.priority {
                    Priority::Raw => Priority::Mangle,
                    Priority::Mangle | Priority::BeforeDstnat => Priority::Raw,
                }
            },
        ];
        for edit in edits {
            let changed = after(|present| edit(&mut present.ruleset.chains[number]));
            assert_eq!(changed, of_chain(&name, Change::Changed));
        }

        let unmanaged = after(|present| {
            let mut another = chain.with_rules(Vec::new());
            another.name = "another".into();
            present.ruleset.chains.insert(number, another);
        });
        assert_eq!(unmanaged, of_chain("another", Change::Unmanaged));
    }
}

const fn other(kind: ChainKind) -> ChainKind {
    match kind {
        ChainKind::Filter => ChainKind::Nat,
        ChainKind::Nat | ChainKind::Route => ChainKind::Filter,
    }
}

#[test]
fn reports_changes_of_a_set() {
    let wanted = everything();
    assert!(wanted.sets.len() >= 5, "{wanted:?}");
    for (number, set) in wanted.sets.iter().enumerate() {
        let of_set = |name: &SetName, change| {
            let name = name.clone();
            vec![Difference::Set(name, change)]
        };
        let missing = after(|present| drop(present.ruleset.sets.remove(number)));
        assert_eq!(missing, of_set(&set.name, Change::Missing));

        let another_type = match &set.elements {
            Elements::Ports(_) => Elements::Uids([1].into_iter().collect()),
            Elements::Ipv4(_)
            | Elements::Ipv6(_)
            | Elements::Uids(_)
            | Elements::Gids(_)
            | Elements::Interfaces(_)
            | Elements::UidPorts(_)
            | Elements::Connections(..) => Elements::Ports([1].into_iter().collect()),
        };
        let changed = after(|present| present.ruleset.sets[number].elements = another_type);
        assert_eq!(changed, of_set(&set.name, Change::Changed));

        let another = Set {
            name: SetName::from("another"),
            elements: set.elements.clone(),
        };
        let name = another.name.clone();
        let unmanaged = after(|present| present.ruleset.sets.insert(number, another));
        assert_eq!(unmanaged, of_set(&name, Change::Unmanaged));
    }
}

#[test]
fn reports_changed_elements() {
    let name = SetName::OutboundExcludePorts;
    let ports = |ports: &[u16]| Elements::Ports(ports.iter().copied().collect());
    for (present, missing, unmanaged) in [
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
        let expected = Difference::Elements(name.clone(), ports(missing), ports(unmanaged));
        assert_eq!(found, [expected]);
    }
}

#[test]
fn reports_routing_but_not_its_order() {
    let wanted = everything();
    assert_eq!(wanted.routing.len(), 5, "{wanted:?}");
    for (number, &object) in wanted.routing.iter().enumerate() {
        let change = Change::Missing;
        let missing = after(|present| {
            present.ruleset.routing.remove(number);
        });
        assert_eq!(missing, [Difference::Routing(object, change)]);
    }
    let change = Change::Unmanaged;
    let object = RoutingObject::LocalRoute {
        family: Family::Ipv4,
        table: 7,
    };
    let unmanaged = after(|present| present.ruleset.routing.insert(0, object));
    assert_eq!(unmanaged, [Difference::Routing(object, change)]);
    let reordered = after(|present| present.ruleset.routing.reverse());
    assert_eq!(reordered, []);
}

#[test]
fn reports_unmanaged_objects() {
    for chain in [None, Some("outbound".to_owned())] {
        let unmanaged = Unmanaged {
            chain,
            position: 3,
            name: "outbound/redirect".to_owned(),
            what: "something".to_owned(),
            kind: UnmanagedKind::Set,
        };
        let found = after(|present| present.unmanaged.push(unmanaged.clone()));
        assert_eq!(found, [Difference::Unmanaged(unmanaged)]);
    }
}
