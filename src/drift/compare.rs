//! Two rulesets side by side.

use std::collections::{HashMap, HashSet};

use crate::ruleset::{Chain, Elements, Installed, RoutingObject, Rule, RuleId, Ruleset};

/// One difference between what is installed and what should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// There is no table at all.
    NoTable,
    /// A chain.
    Chain {
        /// Its name.
        name: String,
        /// What about it.
        change: Change,
    },
    /// A rule that both know.
    Rule {
        /// The chain that it is in.
        chain: String,
        /// Its id.
        id: RuleId,
        /// What about it.
        change: RuleChange,
    },
    /// A set.
    Set {
        /// Its name.
        name: String,
        /// What about it.
        change: Change,
    },
    /// Elements of a set that both have.
    Elements {
        /// The set's name.
        set: String,
        /// Should be in it, and are not.
        missing: Elements,
        /// Are in it, and should not be.
        foreign: Elements,
    },
    /// An address, a policy rule or a route.
    Routing {
        /// The object.
        object: RoutingObject,
        /// What about it.
        change: Change,
    },
    /// Something that the model has no words for.
    Unmanaged(crate::ruleset::Unmanaged),
}

/// What is different about an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It should be there, and is not.
    Missing,
    /// It is there, and is another than it should be.
    Changed,
    /// It is there, and should not be.
    Unmanaged,
}

/// What is different about a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleChange {
    /// It should be there, and is not.
    Missing {
        /// As it should be.
        wanted: Rule,
    },
    /// Its matches or statements are others.
    Changed {
        /// As it should be.
        wanted: Rule,
        /// As it is.
        installed: Rule,
    },
    /// It is there, and should not be.
    Unmanaged {
        /// As it is.
        installed: Rule,
    },
    /// It stands elsewhere among the rules of its chain.
    Reordered {
        /// As it is, and should be.
        rule: Rule,
    },
    /// It has no counter.
    Uncounted {
        /// As it should be.
        wanted: Rule,
    },
}

/// Everything that is different, in the order: sets, chains with their rules, routing. Nothing when what is installed is
/// the ruleset.
#[must_use]
pub fn compare(wanted: &Ruleset, installed: Option<&Installed>) -> Vec<Difference> {
    let Some(installed) = installed else {
        return vec![Difference::NoTable];
    };
    let mut differences = Vec::new();
    compare_sets(wanted, &installed.ruleset, &mut differences);
    compare_chains(wanted, installed, &mut differences);
    differences.extend(installed.foreign.iter().cloned().map(Difference::Unmanaged));
    let routing = (&wanted.routing, &installed.ruleset.routing);
    differences.extend(only_in(routing.0, routing.1, Change::Missing));
    differences.extend(only_in(routing.1, routing.0, Change::Unmanaged));
    differences
}

fn only_in<'a>(
    own: &'a [RoutingObject],
    other: &'a [RoutingObject],
    change: Change,
) -> impl Iterator<Item = Difference> + 'a {
    let only = own.iter().filter(|object| !other.contains(object));
    only.map(move |&object| Difference::Routing { object, change })
}

fn compare_sets(wanted: &Ruleset, installed: &Ruleset, differences: &mut Vec<Difference>) {
    for set in &wanted.sets {
        let name = set.name.clone().into_owned();
        let Some(own) = installed.set(&set.name) else {
            let change = Change::Missing;
            differences.push(Difference::Set { name, change });
            continue;
        };
        match (
            set.elements.without(&own.elements),
            own.elements.without(&set.elements),
        ) {
            (Some(missing), Some(foreign)) if missing.is_empty() && foreign.is_empty() => {}
            (Some(missing), Some(foreign)) => differences.push(Difference::Elements {
                set: name,
                missing,
                foreign,
            }),
            (None, _) | (_, None) => {
                let change = Change::Changed;
                differences.push(Difference::Set { name, change });
            }
        }
    }
    for set in &installed.sets {
        if wanted.set(&set.name).is_none() {
            let name = set.name.clone().into_owned();
            let change = Change::Unmanaged;
            differences.push(Difference::Set { name, change });
        }
    }
}

fn compare_chains(wanted: &Ruleset, installed: &Installed, differences: &mut Vec<Difference>) {
    let counted = counted(installed);
    for chain in &wanted.chains {
        let name = chain.name.clone().into_owned();
        let own = installed
            .ruleset
            .chains
            .iter()
            .find(|own| own.name == chain.name);
        match own {
            None => {
                let change = Change::Missing;
                differences.push(Difference::Chain { name, change });
            }
            Some(own) => {
                if (own.kind, own.hook, own.priority) != (chain.kind, chain.hook, chain.priority) {
                    let change = Change::Changed;
                    differences.push(Difference::Chain { name, change });
                }
                compare_rules(chain, own, &counted, differences);
            }
        }
    }
    for own in &installed.ruleset.chains {
        if !wanted.chains.iter().any(|chain| chain.name == own.name) {
            let name = own.name.clone().into_owned();
            let change = Change::Unmanaged;
            differences.push(Difference::Chain { name, change });
        }
    }
}

/// The rules that count.
fn counted(installed: &Installed) -> HashSet<*const Rule> {
    let rules = installed.ruleset.rules().zip(&installed.counters);
    rules
        .filter(|(_, counter)| counter.is_some())
        .map(|((_, rule), _)| std::ptr::from_ref(rule))
        .collect()
}

fn compare_rules(
    wanted: &Chain,
    installed: &Chain,
    counted: &HashSet<*const Rule>,
    differences: &mut Vec<Difference>,
) {
    let mut push = |id: &RuleId, change| {
        differences.push(Difference::Rule {
            chain: wanted.name.clone().into_owned(),
            id: id.clone(),
            change,
        });
    };
    // A second rule of the same id is foreign.
    let mut places: HashMap<&RuleId, usize> = HashMap::new();
    for (place, rule) in installed.rules.iter().enumerate() {
        places.entry(&rule.id).or_insert(place);
    }
    let in_place = longest_run(wanted, &places);
    for rule in &wanted.rules {
        let own = places
            .get(&rule.id)
            .and_then(|&place| installed.rules.get(place));
        match own {
            None => push(
                &rule.id,
                RuleChange::Missing {
                    wanted: rule.clone(),
                },
            ),
            Some(own) if own != rule => push(
                &rule.id,
                RuleChange::Changed {
                    wanted: rule.clone(),
                    installed: own.clone(),
                },
            ),
            Some(own) if !counted.contains(&std::ptr::from_ref(own)) => {
                push(
                    &rule.id,
                    RuleChange::Uncounted {
                        wanted: rule.clone(),
                    },
                );
            }
            Some(_) if !in_place.contains(&rule.id) => {
                push(&rule.id, RuleChange::Reordered { rule: rule.clone() });
            }
            Some(_) => {}
        }
    }
    for (place, own) in installed.rules.iter().enumerate() {
        let known = wanted.rules.iter().any(|rule| rule.id == own.id);
        if !known || places.get(&own.id) != Some(&place) {
            push(
                &own.id,
                RuleChange::Unmanaged {
                    installed: own.clone(),
                },
            );
        }
    }
}

/// The ids of the longest run of wanted rules that are installed in this order: the others were moved.
fn longest_run<'a>(wanted: &'a Chain, places: &HashMap<&RuleId, usize>) -> HashSet<&'a RuleId> {
    // For each rule, the best run that ends with it: its length, and the rule before.
    let mut runs: Vec<(usize, usize, Option<usize>, &RuleId)> = Vec::new();
    for rule in &wanted.rules {
        let Some(&place) = places.get(&rule.id) else {
            continue;
        };
        let before = runs
            .iter()
            .enumerate()
            .filter(|(_, (earlier, ..))| *earlier < place)
            .max_by_key(|(index, (_, length, ..))| (*length, std::cmp::Reverse(*index)));
        let (length, before) = match before {
            Some((index, (_, length, ..))) => (length + 1, Some(index)),
            None => (1, None),
        };
        runs.push((place, length, before, &rule.id));
    }
    let mut ids = HashSet::new();
    let longest = runs
        .iter()
        .enumerate()
        .max_by_key(|(_, (_, length, ..))| *length);
    let mut next = longest.map(|(index, _)| index);
    while let Some((_, _, before, id)) = next.and_then(|index| runs.get(index)) {
        ids.insert(*id);
        next = *before;
    }
    ids
}
