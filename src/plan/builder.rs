//! Collects chains, and the sets that their rules refer to.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv6Net};

use crate::intent::{
    Capture, Families, Family, InterfacePattern, Interfaces, IpRanges, OwnerId, Owners,
    PassthroughSources, Port, Ports, Protocol,
};
use crate::ruleset::{
    BaseChain, Chain, Elements, End, Match, OwnerKind, RoutingObject, Rule, RuleId, Ruleset, Set,
    SetName, Statement, Test,
};

/// A ruleset under construction.
#[derive(Default)]
pub(super) struct Builder {
    sets: Vec<Set>,
    chains: Vec<Chain>,
}

impl Builder {
    /// Adds a chain, unless it has no rules.
    pub(super) fn chain(&mut self, chain: BaseChain, rules: Vec<Rule>) {
        if !rules.is_empty() {
            self.chains.push(Chain::new(chain, rules));
        }
    }

    /// Adds a set, unless it is there already, and returns its name.
    pub(super) fn set(&mut self, name: SetName, elements: Elements) -> SetName {
        if !self.sets.iter().any(|set| set.name == name) {
            self.sets.push(Set {
                name: name.clone(),
                elements,
            });
        }
        name
    }

    /// `PROTOCOL dport`, compared with a set.
    pub(super) fn ports(
        &mut self,
        protocol: Protocol,
        name: SetName,
        ports: &Ports,
        test: fn(SetName) -> Test<Port>,
    ) -> Match {
        let name = self.set(name, Elements::Ports(ports.clone()));
        destination_port(protocol, test(name))
    }

    /// `meta skuid` or `meta skgid`, compared with a set.
    pub(super) fn owners(
        &mut self,
        kind: OwnerKind,
        name: SetName,
        owners: &Owners,
        test: fn(SetName) -> Test<OwnerId>,
    ) -> Match {
        let elements = match kind {
            OwnerKind::Uid => Elements::Uids(owners.clone()),
            OwnerKind::Gid => Elements::Gids(owners.clone()),
        };
        owner(kind, test(self.set(name, elements)))
    }

    /// The users and the groups that the proxy runs as.
    pub(super) fn proxy_owners(&mut self, capture: &Capture) -> Vec<ProxyOwners> {
        let proxy = &capture.proxy;
        let kinds = [(OwnerKind::Uid, &proxy.uids), (OwnerKind::Gid, &proxy.gids)];
        let owners = kinds.into_iter().filter_map(|(kind, ids)| {
            let &first = ids.first()?;
            let only = (ids.len() == 1).then_some(first);
            let any = if let Some(id) = only {
                owner(kind, Test::Is(id))
            } else {
                let ids = ids.iter().copied().collect();
                self.owners(kind, SetName::ProxyOwners(kind), &ids, Test::In)
            };
            Some(ProxyOwners {
                kind,
                first,
                only,
                any,
            })
        });
        owners.collect()
    }

    /// The interfaces of the chain's direction, if there are any: the pattern if there is only one, and a match with it or
    /// with the set of all.
    pub(super) fn interfaces(
        &mut self,
        chain: BaseChain,
        name: SetName,
        patterns: &[InterfacePattern],
    ) -> Option<(Option<InterfacePattern>, Match)> {
        let interfaces: Interfaces = patterns.iter().cloned().collect();
        let first = interfaces.iter().next()?;
        Some(if interfaces.len() == 1 {
            (Some(first.clone()), interface(chain, first))
        } else {
            let set = self.set(name, Elements::Interfaces(interfaces));
            let direction = chain.direction();
            (None, Match::InterfaceIn { direction, set })
        })
    }

    /// The rule for excluded interfaces.
    pub(super) fn leave_excluded_interfaces(
        &mut self,
        chain: BaseChain,
        capture: &Capture,
    ) -> Option<Rule> {
        let patterns = &capture.exclude_interfaces;
        let (only, excluded) = self.interfaces(chain, SetName::ExcludeInterfaces, patterns)?;
        Some(leave(RuleId::LeaveInterface(chain, only), [excluded]))
    }

    /// The rules, over `lo`, for the passthrough sources of the captured families.
    pub(super) fn leave_passthrough_sources(
        &mut self,
        chain: BaseChain,
        capture: &Capture,
    ) -> Vec<Rule> {
        let PassthroughSources { ipv4, ipv6 } = &capture.passthrough;
        let rule = |family| {
            let (only, elements) = match family {
                Family::Ipv4 => (only(ipv4), Elements::Ipv4(ipv4.iter().copied().collect())),
                Family::Ipv6 => (only(ipv6), Elements::Ipv6(ipv6.iter().copied().collect())),
            };
            if elements.is_empty() {
                return None;
            }
            let (id, test) = match only {
                Some(address) => (
                    RuleId::LeavePassthroughSource(chain, address),
                    Test::Is(IpNet::from(address)),
                ),
                None => (
                    RuleId::LeavePassthroughSources(chain, family),
                    Test::In(self.set(SetName::PassthroughSources(family), elements)),
                ),
            };
            let end = End::Source;
            let source = Match::Address { family, end, test };
            Some(leave(id, [loopback(chain), source]))
        };
        capture.families.iter().filter_map(rule).collect()
    }

    /// For each captured family with ranges: the family, and a match with the set of its ranges.
    pub(super) fn ranges(
        &mut self,
        capture: &Capture,
        end: End,
        name: fn(Family) -> SetName,
        ranges: &IpRanges,
    ) -> Vec<(Family, Match)> {
        let families = capture.families.iter();
        families
            .filter(|&family| !ranges.is_empty_for(family))
            .map(|family| {
                let elements = match family {
                    Family::Ipv4 => Elements::Ipv4(ranges.ipv4.clone()),
                    Family::Ipv6 => Elements::Ipv6(ranges.ipv6.clone()),
                };
                let test = Test::In(self.set(name(family), elements));
                (family, Match::Address { family, end, test })
            })
            .collect()
    }

    pub(super) fn finish(self, routing: Vec<RoutingObject>) -> Ruleset {
        Ruleset {
            sets: self.sets,
            chains: self.chains,
            routing,
        }
    }
}

/// The only address; `None` if there are none or several.
fn only<T: Copy + Into<IpAddr>>(addresses: &[T]) -> Option<IpAddr> {
    match addresses {
        [only] => Some((*only).into()),
        _ => None,
    }
}

/// The users, or the groups, that the proxy runs as.
pub(super) struct ProxyOwners {
    pub(super) kind: OwnerKind,
    /// The first in the order given.
    pub(super) first: OwnerId,
    /// The only one; `None` if there are several.
    pub(super) only: Option<OwnerId>,
    /// Owned by one of them.
    pub(super) any: Match,
}

pub(super) fn rule(
    id: RuleId,
    matches: impl IntoIterator<Item = Match>,
    statements: impl IntoIterator<Item = Statement>,
) -> Rule {
    Rule {
        id,
        matches: matches.into_iter().collect(),
        statements: statements.into_iter().collect(),
    }
}

/// A rule that bypasses capture.
pub(super) fn leave(id: RuleId, matches: impl IntoIterator<Item = Match>) -> Rule {
    rule(id, matches, [Statement::Accept])
}

/// `meta l4proto tcp`.
pub(super) const TCP: Match = Match::Protocol {
    is: true,
    protocol: Protocol::Tcp,
};

/// `meta l4proto != PROTOCOL`.
pub(super) const fn not_protocol(protocol: Protocol) -> Match {
    Match::Protocol {
        is: false,
        protocol,
    }
}

/// `PROTOCOL dport TEST`.
pub(super) const fn destination_port(protocol: Protocol, test: Test<Port>) -> Match {
    Match::Port {
        protocol,
        end: End::Destination,
        test,
    }
}

/// `iifname` or `oifname`, by the direction of the chain.
pub(super) fn interface(chain: BaseChain, pattern: &InterfacePattern) -> Match {
    Match::Interface {
        direction: chain.direction(),
        pattern: pattern.clone(),
    }
}

/// `iifname lo` or `oifname lo`, by the direction of the chain.
pub(super) fn loopback(chain: BaseChain) -> Match {
    interface(chain, &InterfacePattern::loopback())
}

/// The first rule of every chain: bypasses the family that is not captured.
pub(super) fn leave_other_family(chain: BaseChain, capture: &Capture) -> Option<Rule> {
    let other = match capture.families {
        Families::Both => return None,
        Families::Only(Family::Ipv4) => Family::Ipv6,
        Families::Only(Family::Ipv6) => Family::Ipv4,
    };
    Some(leave(
        RuleId::LeaveFamily(chain, other),
        [Match::Family(other)],
    ))
}

/// The destination, compared with the loopback range of the family.
pub(super) fn to_loopback_range(
    capture: &Capture,
    family: Family,
    test: fn(IpNet) -> Test<IpNet>,
) -> Match {
    let range = match family {
        Family::Ipv4 => IpNet::V4(capture.loopback_range),
        Family::Ipv6 => IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128)),
    };
    Match::Address {
        family,
        end: End::Destination,
        test: test(range),
    }
}

/// `meta skuid` or `meta skgid`.
pub(super) const fn owner(kind: OwnerKind, test: Test<OwnerId>) -> Match {
    Match::Owner { kind, test }
}
