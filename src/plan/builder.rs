//! Collects chains and the sets that their rules refer to.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv6Net};

use crate::intent::{Capture, Family, InterfacePattern, IpRanges, Owners, Port, Ports, Protocol};
use crate::ruleset::{
    Chain, Direction, Elements, End, Match, OwnerKind, RoutingObject, Rule, RuleId, Ruleset, Set,
    Statement, Test,
};

/// The ruleset in the making.
#[derive(Default)]
pub(super) struct Builder {
    sets: Vec<Set>,
    chains: Vec<Chain>,
}

impl Builder {
    /// Adds a chain, unless it has no rules.
    pub(super) fn chain(&mut self, chain: Chain) {
        if !chain.rules.is_empty() {
            self.chains.push(chain);
        }
    }

    /// The name of a set with these elements. Equal sets of the same name are one.
    pub(super) fn set(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        elements: Elements,
    ) -> Cow<'static, str> {
        let name = name.into();
        if !self.sets.iter().any(|set| set.name == name) {
            self.sets.push(Set {
                name: name.clone(),
                elements,
            });
        }
        name
    }

    /// A match of the port with a set of ports.
    pub(super) fn ports(
        &mut self,
        protocol: Protocol,
        name: impl Into<Cow<'static, str>>,
        ports: &Ports,
    ) -> Match {
        let name = self.set(name, Elements::Ports(ports.clone()));
        Match::Port {
            protocol,
            end: End::Destination,
            test: Test::In(name),
        }
    }

    /// A match of the owner with a set of owners: that it is in it, or not.
    pub(super) fn owners(
        &mut self,
        kind: OwnerKind,
        name: impl Into<Cow<'static, str>>,
        owners: &Owners,
        test: fn(Cow<'static, str>) -> Test<u32>,
    ) -> Match {
        let elements = match kind {
            OwnerKind::Uid => Elements::Uids(owners.clone()),
            OwnerKind::Gid => Elements::Gids(owners.clone()),
        };
        Match::Owner {
            kind,
            test: test(self.set(name, elements)),
        }
    }

    /// For each captured family that has ranges: the family, and a match with the set of its ranges. The
    /// set's name is the name given, and the family.
    pub(super) fn ranges(
        &mut self,
        capture: &Capture,
        end: End,
        name: &str,
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
                let name = self.set(format!("{name}_{}", family.name()), elements);
                let test = Test::In(name);
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

/// A rule.
pub(super) fn rule(
    id: impl Into<Cow<'static, str>>,
    matches: impl IntoIterator<Item = Match>,
    statements: impl IntoIterator<Item = Statement>,
) -> Rule {
    Rule {
        id: RuleId::new(id),
        matches: matches.into_iter().collect(),
        statements: statements.into_iter().collect(),
    }
}

/// A rule that leaves the connection alone.
pub(super) fn leave(
    id: impl Into<Cow<'static, str>>,
    matches: impl IntoIterator<Item = Match>,
) -> Rule {
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
pub(super) fn destination_port(protocol: Protocol, test: Test<Port>) -> Match {
    Match::Port {
        protocol,
        end: End::Destination,
        test,
    }
}

/// The packet comes by the interface, or leaves by it.
pub(super) fn interface(direction: Direction, pattern: &InterfacePattern) -> Match {
    Match::Interface {
        direction,
        pattern: pattern.clone(),
    }
}

/// The packet comes by `lo`, or leaves by it.
pub(super) fn loopback(direction: Direction) -> Match {
    interface(direction, &InterfacePattern::loopback())
}

/// One rule for each excluded interface.
pub(super) fn leave_excluded_interfaces(
    chain: &str,
    direction: Direction,
    capture: &Capture,
) -> impl Iterator<Item = Rule> {
    capture.exclude_interfaces.iter().map(move |pattern| {
        leave(
            format!("{chain}/leave-interface/{pattern}"),
            [interface(direction, pattern)],
        )
    })
}

/// One rule for each passthrough source of a captured family, by `lo` in the direction.
pub(super) fn leave_passthrough_sources(
    chain: &str,
    direction: Direction,
    capture: &Capture,
) -> impl Iterator<Item = Rule> {
    let ipv4 = capture.passthrough.ipv4.iter().copied().map(IpAddr::from);
    let ipv6 = capture.passthrough.ipv6.iter().copied().map(IpAddr::from);
    ipv4.chain(ipv6)
        .map(IpNet::from)
        .filter(move |net| capture.families.contains(family_of(net)))
        .map(move |net| {
            let source = Match::Address {
                family: family_of(&net),
                end: End::Source,
                test: Test::Is(net),
            };
            leave(
                format!("{chain}/leave-passthrough-source/{}", net.addr()),
                [loopback(direction), source],
            )
        })
}

/// The family of a network.
pub(super) const fn family_of(net: &IpNet) -> Family {
    match net {
        IpNet::V4(_) => Family::Ipv4,
        IpNet::V6(_) => Family::Ipv6,
    }
}

/// The loopback range of the family.
pub(super) fn loopback_range(capture: &Capture, family: Family) -> IpNet {
    match family {
        Family::Ipv4 => IpNet::V4(capture.loopback_range),
        Family::Ipv6 => IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128)),
    }
}

/// A comparison of the destination with the loopback range of the family.
pub(super) fn to_loopback_range(
    capture: &Capture,
    family: Family,
    test: fn(IpNet) -> Test<IpNet>,
) -> Match {
    Match::Address {
        family,
        end: End::Destination,
        test: test(loopback_range(capture, family)),
    }
}

/// The proxy's owners, users before groups, each with the name of its kind.
pub(super) fn proxy_owners(
    capture: &Capture,
) -> impl Iterator<Item = (OwnerKind, &'static str, u32)> {
    let uids = capture
        .proxy
        .uids
        .iter()
        .map(|&uid| (OwnerKind::Uid, "uid", uid));
    let gids = capture
        .proxy
        .gids
        .iter()
        .map(|&gid| (OwnerKind::Gid, "gid", gid));
    uids.chain(gids)
}

/// A comparison with one owner.
pub(super) const fn owner(kind: OwnerKind, test: Test<u32>) -> Match {
    Match::Owner { kind, test }
}
