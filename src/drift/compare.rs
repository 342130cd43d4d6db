//! Compares the installed rules with a ruleset.

use std::collections::{HashMap, HashSet};

use crate::plan::beside;
use crate::ruleset::{
    Chain, Elements, Installed, InstalledRule, RoutingObject, Rule, RuleId, Ruleset, SetName,
    Unmanaged,
};

/// One difference between the installed rules and the wanted ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// There is no table.
    NoTable,
    /// A chain.
    /// In order: its name, how it differs.
    Chain(String, Change),
    /// A rule of a chain that both sides have.
    /// In order: the chain that it is in, its id, how it differs.
    Rule(String, RuleId, RuleChange),
    /// A set.
    /// In order: its name, how it differs.
    Set(SetName, Change),
    /// The elements of a set that both sides have.
    /// In order: the set's name, the elements that are missing, the elements that should not be there.
    Elements(SetName, Elements, Elements),
    /// An address, a policy rule or a route.
    /// In order: the object, how it differs.
    Routing(RoutingObject, Change),
    /// An object that the model cannot express.
    Unmanaged(Unmanaged),
}

/// How an object differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is not installed.
    Missing,
    /// It is installed with other attributes.
    Changed,
    /// It is installed and should not be.
    Unmanaged,
}

/// How a rule differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleChange {
    /// It is not installed.
    Missing(Rule),
    /// It is installed with other matches or statements.
    Changed {
        /// The wanted rule.
        wanted: Rule,
        /// The installed rule.
        installed: Rule,
    },
    /// It is installed and should not be.
    Unmanaged(Rule),
    /// It has another place among the rules of its chain.
    Reordered(Rule),
    /// It has no counter.
    Uncounted(Rule),
}

/// All differences, in this order: sets, chains with their rules, unmanaged objects, routing. Empty if exactly the
/// ruleset is installed, beside the connections that were open before.
#[must_use]
pub fn compare(wanted: &Ruleset, installed: Option<&Installed>) -> Vec<Difference> {
    let Some(installed) = installed else {
        return vec![Difference::NoTable];
    };
    let wanted = &beside(wanted, &installed.ruleset.open_connections());
    let mut differences = Vec::new();
    compare_sets(wanted, installed, &mut differences);
    compare_chains(wanted, installed, &mut differences);
    let unmanaged = installed.unmanaged.iter().cloned();
    differences.extend(unmanaged.map(Difference::Unmanaged));
    let (wanted, installed) = (&wanted.routing, &installed.ruleset.routing);
    differences.extend(only_in(wanted, installed, Change::Missing));
    differences.extend(only_in(installed, wanted, Change::Unmanaged));
    differences
}

fn only_in<'a>(
    own: &'a [RoutingObject],
    other: &'a [RoutingObject],
    change: Change,
) -> impl Iterator<Item = Difference> + 'a {
    let only = own.iter().filter(|object| !other.contains(object));
    only.map(move |&object| Difference::Routing(object, change))
}

fn compare_sets(wanted: &Ruleset, installed: &Installed, differences: &mut Vec<Difference>) {
    let difference = |name: &SetName, change| Difference::Set(name.clone(), change);
    for set in &wanted.sets {
        let Some(own) = installed.ruleset.set(&set.name) else {
            differences.push(difference(&set.name, Change::Missing));
            continue;
        };
        match (
            set.elements.without(&own.elements),
            own.elements.without(&set.elements),
        ) {
            (Some(missing), Some(unmanaged)) if missing.is_empty() && unmanaged.is_empty() => {}
            (Some(missing), Some(unmanaged)) => {
                differences.push(Difference::Elements(set.name.clone(), missing, unmanaged));
            }
            (None, _) | (_, None) => differences.push(difference(&set.name, Change::Changed)),
        }
    }
    for set in &installed.ruleset.sets {
        if wanted.set(&set.name).is_none() {
            differences.push(difference(&set.name, Change::Unmanaged));
        }
    }
}

fn compare_chains(wanted: &Ruleset, installed: &Installed, differences: &mut Vec<Difference>) {
    let difference = |name: &str, change| Difference::Chain(name.to_owned(), change);
    for chain in &wanted.chains {
        let Some(own) = installed.ruleset.chain(&chain.name) else {
            differences.push(difference(&chain.name, Change::Missing));
            continue;
        };
        if !own.has_same_head(chain) {
            differences.push(difference(&chain.name, Change::Changed));
        }
        compare_rules(chain, own, differences);
    }
    for own in &installed.ruleset.chains {
        if wanted.chain(&own.name).is_none() {
            differences.push(difference(&own.name, Change::Unmanaged));
        }
    }
}

fn compare_rules(
    wanted: &Chain,
    installed: &Chain<InstalledRule>,
    differences: &mut Vec<Difference>,
) {
    let mut push = |id: &RuleId, change| {
        differences.push(Difference::Rule(
            wanted.name.clone().into_owned(),
            id.clone(),
            change,
        ));
    };
    // A second rule with the same id is unmanaged.
    let mut places: HashMap<&RuleId, usize> = HashMap::new();
    for (place, own) in installed.rules.iter().enumerate() {
        places.entry(&own.rule.id).or_insert(place);
    }
    let in_place = longest_run(wanted, &places);
    for rule in &wanted.rules {
        let own = places
            .get(&rule.id)
            .and_then(|&place| installed.rules.get(place));
        let wanted = rule.clone();
        let change = match own {
            None => RuleChange::Missing(wanted),
            Some(own) if own.rule != *rule => RuleChange::Changed {
                wanted,
                installed: own.rule.clone(),
            },
            Some(own) if own.counter.is_none() => RuleChange::Uncounted(wanted),
            Some(_) if !in_place.contains(&rule.id) => RuleChange::Reordered(wanted),
            Some(_) => continue,
        };
        push(&rule.id, change);
    }
    for (place, InstalledRule { rule, .. }) in installed.rules.iter().enumerate() {
        let is_wanted = wanted.rules.iter().any(|own| own.id == rule.id);
        if !is_wanted || places.get(&rule.id) != Some(&place) {
            let installed = rule.clone();
            push(&rule.id, RuleChange::Unmanaged(installed));
        }
    }
}

/// The ids of the longest sequence of wanted rules that are installed in this order; the other rules were moved.
fn longest_run<'a>(wanted: &'a Chain, places: &HashMap<&RuleId, usize>) -> HashSet<&'a RuleId> {
    // For each rule, the longest sequence that ends with it: its place, the length, and the preceding rule.
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
