//! The values that rules compare with: the first element of each set, and the operand of each comparison.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::intent::{
    Bound, DNS_PORT, InterfacePattern, Interval, Intervals, LOOPBACK, OwnerId, Port,
};
use crate::ruleset::{Elements, End, Hook, Installed, Match, OwnerKind, Rule, SetName, Test};

use super::purpose::{port_words, set_words};

/// A value, and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NamedValue<T> {
    pub(super) value: T,
    pub(super) words: &'static str,
    /// Its set, if it is an element of one.
    pub(super) set: Option<SetName>,
}

/// The values that the rules of one direction compare with.
#[derive(Clone, Debug, Default)]
pub(super) struct Named {
    /// Destination ports.
    pub(super) ports: Vec<NamedValue<u16>>,
    /// Destinations.
    pub(super) destinations: Vec<NamedValue<IpAddr>>,
    /// Sources.
    pub(super) sources: Vec<NamedValue<IpAddr>>,
    /// Interfaces other than `lo`.
    pub(super) interfaces: Vec<NamedValue<String>>,
    /// Users.
    pub(super) uids: Vec<NamedValue<OwnerId>>,
    /// Groups.
    pub(super) gids: Vec<NamedValue<OwnerId>>,
}

impl Named {
    /// The values in the rules of the hook.
    pub(super) fn on(hook: Hook, installed: &Installed) -> Self {
        let mut named = Self::default();
        for (chain, installed_rule) in installed.ruleset.rules() {
            if chain.hook == hook {
                for condition in &installed_rule.rule.matches {
                    named.add(installed, &installed_rule.rule, condition);
                }
            }
        }
        named
    }

    fn add(&mut self, installed: &Installed, rule: &Rule, condition: &Match) {
        let set = condition.set_name();
        let elements = set
            .and_then(|name| installed.ruleset.set(name))
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
                let words = if set.is_some() {
                    words
                } else if value == Some(DNS_PORT.number()) {
                    "DNS"
                } else {
                    port_words(&rule.id)
                };
                push(&mut self.ports, value, words, set);
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
                    End::Source => push(&mut self.sources, value, words, set),
                    End::Destination => push(&mut self.destinations, value, words, set),
                }
            }
            Match::Interface { pattern, .. } => {
                let value = interface(pattern);
                push(&mut self.interfaces, value, "a named interface", None);
            }
            Match::UidAndPort { .. } => {
                let first = match elements {
                    Some(Elements::UidPorts(pairs)) => pairs.iter().next(),
                    Some(_) | None => None,
                };
                let port = first.map(|(_, ports)| ports.first());
                push(&mut self.ports, port, words, set);
                let uid = first.map(|(uids, _)| uids.first());
                push(&mut self.uids, uid, "with excluded ports", set);
            }
            Match::InterfaceIn { .. } => {
                let value = match elements {
                    Some(Elements::Interfaces(own)) => own.iter().find_map(interface),
                    Some(_) | None => None,
                };
                push(&mut self.interfaces, value, words, set);
            }
            Match::Owner { kind, test } => {
                let value = if let Some(Elements::Uids(ids) | Elements::Gids(ids)) = elements {
                    first(ids)
                } else {
                    operand(test).copied()
                };
                let words = if set.is_some() { words } else { "proxy" };
                match kind {
                    OwnerKind::Uid => push(&mut self.uids, value, words, set),
                    OwnerKind::Gid => push(&mut self.gids, value, words, set),
                }
            }
            Match::Port {
                end: End::Source, ..
            }
            | Match::Family(_)
            | Match::Protocol { .. }
            | Match::Mark { .. }
            | Match::State(_)
            | Match::OpenConnection { .. } => {}
        }
    }
}

/// Adds a value, unless it is there already.
fn push<T: PartialEq>(
    values: &mut Vec<NamedValue<T>>,
    value: Option<T>,
    words: &'static str,
    set: Option<&SetName>,
) {
    if let Some(value) = value
        && !values.iter().any(|known| known.value == value)
    {
        values.push(NamedValue {
            value,
            words,
            set: set.cloned(),
        });
    }
}

/// An interface that the pattern fits, unless it is `lo`.
fn interface(pattern: &InterfacePattern) -> Option<String> {
    let name = match pattern {
        InterfacePattern::Name(name) => name.clone(),
        InterfacePattern::Prefix(prefix) => format!("{prefix}0"),
    };
    (name != LOOPBACK).then_some(name)
}

fn first<T: Bound>(intervals: &Intervals<T>) -> Option<T> {
    intervals.iter().next().map(Interval::first)
}

const fn operand<T>(test: &Test<T>) -> Option<&T> {
    match test {
        Test::Is(value) | Test::IsNot(value) => Some(value),
        Test::In(_) | Test::NotIn(_) => None,
    }
}
