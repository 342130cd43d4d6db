//! The values that rules name: of each set the first, of each comparison its operand.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::connection::LOOPBACK;
use crate::intent::{Bound, InterfacePattern, Intervals, OwnerId, Port};
use crate::ruleset::{Elements, End, Hook, Match, OwnerKind, Rule, Ruleset, Test};

use super::cases::DNS;
use super::purpose::set_words;

/// A value, with what it is in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value<T> {
    pub(super) value: T,
    pub(super) words: &'static str,
}

/// What the rules of one direction name.
#[derive(Clone, Debug, Default)]
pub(super) struct Named {
    /// Destination ports.
    pub(super) ports: Vec<Value<u16>>,
    /// Destinations.
    pub(super) destinations: Vec<Value<IpAddr>>,
    /// Sources.
    pub(super) sources: Vec<Value<IpAddr>>,
    /// Interfaces other than `lo`.
    pub(super) interfaces: Vec<Value<String>>,
    /// Users.
    pub(super) uids: Vec<Value<OwnerId>>,
    /// Groups.
    pub(super) gids: Vec<Value<OwnerId>>,
}

impl Named {
    /// What the rules on the hook name.
    pub(super) fn on(hook: Hook, ruleset: &Ruleset) -> Self {
        let mut named = Self::default();
        for (chain, rule) in ruleset.rules() {
            if chain.hook == hook {
                for condition in &rule.matches {
                    named.note(ruleset, rule, condition);
                }
            }
        }
        named
    }

    fn note(&mut self, ruleset: &Ruleset, rule: &Rule, condition: &Match) {
        let set = condition.set_name();
        let elements = set
            .and_then(|name| ruleset.set(name))
            .map(|set| &set.elements);
        let words = set.map_or("", set_words);
        match condition {
            Match::Port {
                end: End::Destination,
                test,
                ..
            } => {
                let value = if let Some(Elements::Ports(ports)) = elements {
                    first(ports)
                } else {
                    operand(test).copied().map(Port::number)
                };
                let id = rule.id.as_str();
                let words = match set {
                    Some(_) => words,
                    None if value == Some(DNS) => "DNS",
                    None if id.contains("tunnel-port") || id.contains("own-pod") => {
                        "the tunnel port"
                    }
                    None => "named by a rule",
                };
                push(&mut self.ports, value, words);
            }
            Match::Address { end, test, .. } => {
                let value = if let Some(Elements::Ipv4(ranges)) = elements {
                    first(ranges).map(IpAddr::V4)
                } else if let Some(Elements::Ipv6(ranges)) = elements {
                    first(ranges).map(IpAddr::V6)
                } else {
                    operand(test).map(IpNet::addr)
                };
                match end {
                    End::Source => push(&mut self.sources, value, words),
                    End::Destination => push(&mut self.destinations, value, words),
                }
            }
            Match::Interface { pattern, .. } => {
                let name = match pattern {
                    InterfacePattern::Name(name) => name.clone(),
                    InterfacePattern::Prefix(prefix) => format!("{prefix}0"),
                };
                let value = (name != LOOPBACK).then_some(name);
                push(&mut self.interfaces, value, "a named interface");
            }
            Match::Owner { kind, test } => {
                let value = if let Some(Elements::Uids(ids) | Elements::Gids(ids)) = elements {
                    first(ids)
                } else {
                    operand(test).copied()
                };
                let words = if set.is_some() { words } else { "proxy" };
                match kind {
                    OwnerKind::Uid => push(&mut self.uids, value, words),
                    OwnerKind::Gid => push(&mut self.gids, value, words),
                }
            }
            Match::Port {
                end: End::Source, ..
            }
            | Match::Family(_)
            | Match::Protocol { .. }
            | Match::Mark { .. }
            | Match::State(_) => {}
        }
    }
}

/// Notes a value, unless it is noted already.
fn push<T: PartialEq>(values: &mut Vec<Value<T>>, value: Option<T>, words: &'static str) {
    if let Some(value) = value
        && !values.iter().any(|known| known.value == value)
    {
        values.push(Value { value, words });
    }
}

fn first<T: Bound>(intervals: &Intervals<T>) -> Option<T> {
    intervals.iter().next().map(crate::intent::Interval::first)
}

const fn operand<T>(test: &Test<T>) -> Option<&T> {
    match test {
        Test::Is(value) | Test::IsNot(value) => Some(value),
        Test::In(_) | Test::NotIn(_) => None,
    }
}
