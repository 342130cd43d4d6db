//! The matches of a rule as iptables options.

use std::fmt::Display;

use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};

use crate::connection::ConnectionEnds;
use crate::intent::{Bound, Family, InterfacePattern, Interval, Port, Protocol, UidPorts};
use crate::ruleset::{
    ConnectionState, Direction, Elements, End, MarkOf, Match, OwnerKind, Ruleset, SetName, Test,
};

/// The capacity of a `multiport` match in ports; a range counts as two (`XT_MULTI_PORTS`).
const MULTIPORT_SLOTS: usize = 15;
/// The largest owner id: `(uid_t) -1` means none.
const LARGEST_OWNER: u32 = u32::MAX - 1;

/// The conditions of a rule. Every option starts with a space.
#[derive(Default)]
pub(super) struct Terms {
    /// Options that must all match.
    pub(super) all_of: String,
    /// For each set, options of which one must match.
    pub(super) any_of: Vec<Vec<String>>,
    /// Options none of which may match.
    pub(super) none_of: Vec<String>,
    protocol: Option<Protocol>,
    not_protocols: Vec<Protocol>,
    /// Written as one `multiport` match for each end: `iptables-nft-save` 1.8.9 prints only one of two `tcp` matches.
    not_ports: Vec<(End, Port)>,
}

impl Terms {
    /// The conditions for packets of the family; `None` if none can match.
    ///
    /// iptables has one source, one destination and one interface per direction; no rule of the plan has two.
    pub(super) fn of(matches: &[Match], ruleset: &Ruleset, family: Family) -> Option<Self> {
        let mut terms = Self::default();
        for condition in matches {
            terms.add(condition, ruleset, family)?;
        }
        terms.close()
    }

    fn add(&mut self, condition: &Match, ruleset: &Ruleset, family: Family) -> Option<()> {
        match condition {
            Match::Family(own)
            | Match::Address { family: own, .. }
            | Match::OpenConnection { family: own, .. }
                if *own != family =>
            {
                None
            }
            Match::Family(_) => Some(()),
            Match::Protocol { is: true, protocol } => self.require(*protocol),
            Match::Protocol {
                is: false,
                protocol,
            } => {
                self.not_protocols.push(*protocol);
                Some(())
            }
            Match::Port {
                protocol,
                end,
                test,
            } => {
                self.require(*protocol)?;
                self.port(*protocol, *end, test, ruleset)
            }
            Match::Address { end, test, .. } => self.address(*end, test, ruleset),
            Match::Interface { direction, pattern } => {
                self.demand(&interface(*direction, pattern));
                Some(())
            }
            Match::UidAndPort { protocol, set } => {
                self.require(*protocol)?;
                let Some(Elements::UidPorts(pairs)) = elements(ruleset, set) else {
                    return None;
                };
                self.one_of(uid_ports(pairs, *protocol))
            }
            Match::InterfaceIn { direction, set } => {
                let Some(Elements::Interfaces(interfaces)) = elements(ruleset, set) else {
                    return None;
                };
                let options = interfaces.iter();
                self.one_of(options.map(|own| interface(*direction, own)).collect())
            }
            Match::Owner { kind, test } => self.owner(*kind, test, ruleset),
            Match::Mark { of, is, value } => {
                let module = match of {
                    MarkOf::Packet => "mark",
                    MarkOf::Connection => "connmark",
                };
                self.demand(&format!(" -m {module}{} --mark {value:#x}", not(*is)));
                Some(())
            }
            Match::State(state) => {
                let state = match state {
                    ConnectionState::Invalid => "INVALID",
                    ConnectionState::Tracked => "ESTABLISHED,RELATED",
                };
                self.demand(&format!(" -m conntrack --ctstate {state}"));
                Some(())
            }
            Match::OpenConnection { local, set, .. } => {
                self.require(Protocol::Tcp)?;
                self.one_of(connections(elements(ruleset, set), *local))
            }
        }
    }

    fn require(&mut self, protocol: Protocol) -> Option<()> {
        match self.protocol.replace(protocol) {
            Some(other) if other != protocol => None,
            Some(_) | None => Some(()),
        }
    }

    fn close(mut self) -> Option<Self> {
        for end in [End::Source, End::Destination] {
            let ports = self.not_ports.iter().filter(|(of, _)| *of == end);
            let ports: Vec<_> = ports.map(|(_, port)| port.to_string()).collect();
            match (self.protocol, ports.as_slice()) {
                (Some(protocol), [port]) => self.demand(&port_option(protocol, end, "! ", port)),
                (_, []) => {}
                (_, ports) => self.demand(&ports_option(end, "! ", ports)),
            }
        }
        // A rule has one `-p`, before the matches that need it.
        match (self.protocol, self.not_protocols.as_slice()) {
            (Some(protocol), others) if others.contains(&protocol) => return None,
            (Some(protocol), _) => self.all_of.insert_str(0, &is_protocol(protocol)),
            (None, []) => {}
            (None, [only]) => self.all_of.insert_str(0, &format!(" ! -p {}", only.name())),
            (None, several) => {
                let several = several.iter().copied().map(is_protocol);
                self.none_of.extend(several);
            }
        }
        Some(self)
    }

    fn port(
        &mut self,
        protocol: Protocol,
        end: End,
        test: &Test<Port>,
        ruleset: &Ruleset,
    ) -> Option<()> {
        let elements = |name: &SetName| ports(elements(ruleset, name), protocol, end);
        match test {
            Test::Is(port) => self.demand(&port_option(protocol, end, "", port)),
            Test::IsNot(port) => self.not_ports.push((end, *port)),
            Test::In(name) => self.one_of(elements(name))?,
            Test::NotIn(name) => self.none_of.extend(elements(name)),
        }
        Some(())
    }

    fn address(&mut self, end: End, test: &Test<IpNet>, ruleset: &Ruleset) -> Option<()> {
        let option = match end {
            End::Source => "-s",
            End::Destination => "-d",
        };
        let elements = |name: &SetName| networks(elements(ruleset, name), option);
        match test {
            Test::Is(net) => self.demand(&format!(" {option} {net}")),
            Test::IsNot(net) => self.demand(&format!(" ! {option} {net}")),
            Test::In(name) => self.one_of(elements(name))?,
            Test::NotIn(name) => self.none_of.extend(elements(name)),
        }
        Some(())
    }

    fn owner(&mut self, kind: OwnerKind, test: &Test<u32>, ruleset: &Ruleset) -> Option<()> {
        let option = match kind {
            OwnerKind::Uid => "--uid-owner",
            OwnerKind::Gid => "--gid-owner",
        };
        let elements = |name: &SetName| owners(elements(ruleset, name), option);
        match test {
            Test::Is(id) if *id > LARGEST_OWNER => return None,
            Test::Is(id) => self.demand(&format!(" -m owner {option} {id}")),
            Test::IsNot(id) => {
                self.demand(" -m owner --socket-exists");
                if *id <= LARGEST_OWNER {
                    self.demand(&format!(" ! {option} {id}"));
                }
            }
            Test::In(name) => self.one_of(elements(name))?,
            Test::NotIn(name) => {
                self.demand(" -m owner --socket-exists");
                self.none_of.extend(elements(name));
            }
        }
        Some(())
    }

    fn demand(&mut self, option: &str) {
        self.all_of.push_str(option);
    }

    fn one_of(&mut self, elements: Vec<String>) -> Option<()> {
        if elements.is_empty() {
            return None;
        }
        self.any_of.push(elements);
        Some(())
    }
}

const fn not(is: bool) -> &'static str {
    if is { "" } else { " !" }
}

fn is_protocol(protocol: Protocol) -> String {
    format!(" -p {}", protocol.name())
}

fn interface(direction: Direction, pattern: &InterfacePattern) -> String {
    let option = match direction {
        Direction::In => "-i",
        Direction::Out => "-o",
    };
    match pattern {
        InterfacePattern::Name(name) => format!(" {option} \"{name}\""),
        InterfacePattern::Prefix(prefix) => format!(" {option} \"{prefix}+\""),
    }
}

fn elements<'a>(ruleset: &'a Ruleset, set: &SetName) -> Option<&'a Elements> {
    ruleset.set(set).map(|set| &set.elements)
}

fn port_option(protocol: Protocol, end: End, not: &str, port: impl Display) -> String {
    let end = match end {
        End::Source => "sport",
        End::Destination => "dport",
    };
    format!(" -m {} {not}--{end} {port}", protocol.name())
}

fn ports_option(end: End, not: &str, ports: &[String]) -> String {
    let end = match end {
        End::Source => "sports",
        End::Destination => "dports",
    };
    format!(" -m multiport {not}--{end} {}", ports.join(","))
}

/// Matches that are each filled with as many ports as they hold.
fn ports(elements: Option<&Elements>, protocol: Protocol, end: End) -> Vec<String> {
    let Some(Elements::Ports(intervals)) = elements else {
        return Vec::new();
    };
    let mut chunks: Vec<(usize, Vec<&Interval<u16>>)> = Vec::new();
    for interval in intervals {
        let slots = if interval.first() == interval.last() {
            1
        } else {
            2
        };
        match chunks.last_mut() {
            Some((filled, chunk)) if *filled + slots <= MULTIPORT_SLOTS => {
                *filled += slots;
                chunk.push(interval);
            }
            Some(_) | None => chunks.push((slots, vec![interval])),
        }
    }
    let options = chunks.iter().map(|(_, chunk)| match chunk.as_slice() {
        [only] if only.first() == only.last() => port_option(protocol, end, "", only.first()),
        several => {
            let ports: Vec<_> = several.iter().map(|only| range(only, ':')).collect();
            ports_option(end, "", &ports)
        }
    });
    options.collect()
}

/// The elements as networks: ranges would need another module.
fn networks(elements: Option<&Elements>, option: &str) -> Vec<String> {
    let text = |net: &dyn Display| format!(" {option} {net}");
    match elements {
        Some(Elements::Ipv4(intervals)) => intervals
            .iter()
            .flat_map(|interval| Ipv4Subnets::new(interval.first(), interval.last(), 0))
            .map(|net| text(&net))
            .collect(),
        Some(Elements::Ipv6(intervals)) => intervals
            .iter()
            .flat_map(|interval| Ipv6Subnets::new(interval.first(), interval.last(), 0))
            .map(|net| text(&net))
            .collect(),
        Some(
            Elements::Ports(_)
            | Elements::Uids(_)
            | Elements::Gids(_)
            | Elements::Interfaces(_)
            | Elements::UidPorts(_)
            | Elements::Connections(..),
        )
        | None => Vec::new(),
    }
}

/// The connections, of which the packet has one end here and does not open them.
fn connections(elements: Option<&Elements>, local: End) -> Vec<String> {
    let Some(Elements::Connections(_, connections)) = elements else {
        return Vec::new();
    };
    let options = |ends: &ConnectionEnds| {
        let (source, destination) = match local {
            End::Source => (ends.local, ends.remote),
            End::Destination => (ends.remote, ends.local),
        };
        format!(
            " -s {} -d {} -m tcp ! --syn --sport {} --dport {}",
            IpNet::from(source.ip()),
            IpNet::from(destination.ip()),
            source.port(),
            destination.port()
        )
    };
    connections.iter().map(options).collect()
}

/// The owners, without the invalid id.
fn owners(elements: Option<&Elements>, option: &str) -> Vec<String> {
    let Some(Elements::Uids(intervals) | Elements::Gids(intervals)) = elements else {
        return Vec::new();
    };
    let options = intervals.iter();
    options.filter_map(|&ids| owner(ids, option)).collect()
}

/// The owners, without the invalid id; `None` if that is the only one.
fn owner(ids: Interval<u32>, option: &str) -> Option<String> {
    let last = ids.last().min(LARGEST_OWNER);
    let ids = (ids.first() <= last).then(|| Interval::between(ids.first(), last))?;
    Some(format!(" -m owner {option} {}", range(&ids, '-')))
}

/// Users with ports.
fn uid_ports(pairs: &UidPorts, protocol: Protocol) -> Vec<String> {
    let options = pairs.iter().filter_map(|(uids, ports)| {
        let ports = range(ports, ':');
        let port = port_option(protocol, End::Destination, "", ports);
        Some(owner(*uids, "--uid-owner")? + &port)
    });
    options.collect()
}

fn range<T: Bound + Display>(interval: &Interval<T>, separator: char) -> String {
    if interval.first() == interval.last() {
        interval.first().to_string()
    } else {
        format!("{}{separator}{}", interval.first(), interval.last())
    }
}
