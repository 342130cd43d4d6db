//! Evaluates a match for a packet.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::connection::{ConnectionEnds, Tracking, Transport};
use crate::intent::{Family, InterfacePattern, Port, Protocol};
use crate::ruleset::{
    ConnectionState, Direction, Elements, End, MarkOf, Match, OwnerKind, Set, SetName, Test,
};

use super::packet::Packet;

/// The first match of a rule that failed: the packet's value, and the expected one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// The packet has this family, not the rule's.
    Family(Family),
    /// The packet has this protocol.
    Transport(Transport),
    /// A port.
    Port {
        /// Source or destination.
        end: End,
        /// The packet's.
        port: u16,
        /// The comparison that failed.
        test: Test<Port>,
    },
    /// An address.
    Address {
        /// Source or destination.
        end: End,
        /// The packet's.
        address: IpAddr,
        /// The comparison that failed.
        test: Test<IpNet>,
    },
    /// An interface.
    Interface {
        /// Input or output.
        direction: Direction,
        /// The packet's; `None` where it has none in that direction.
        interface: Option<String>,
        /// The expected one.
        pattern: InterfacePattern,
    },
    /// A user with a destination port.
    UidAndPort {
        /// The user.
        uid: u32,
        /// The port.
        port: u16,
        /// The set that the pair is not in.
        set: SetName,
    },
    /// An interface that is in no set of names.
    InterfaceIn {
        /// Input or output.
        direction: Direction,
        /// The packet's; `None` where it has none in that direction.
        interface: Option<String>,
        /// The set.
        set: SetName,
    },
    /// An owner of the socket.
    Owner {
        /// User or group.
        kind: OwnerKind,
        /// The packet's.
        id: u32,
        /// The comparison that failed.
        test: Test<u32>,
    },
    /// The rule matches on an owner, and the packet has no socket.
    NoSocket,
    /// A mark.
    Mark {
        /// The packet's or the connection's.
        of: MarkOf,
        /// Its value.
        mark: u32,
        /// Whether the rule expects equality or inequality.
        is: bool,
        /// The value that it is compared with.
        value: u32,
    },
    /// The connection has this tracking state.
    State(Tracking),
    /// The packet opens a connection.
    OpensConnection,
    /// The set does not have the connection.
    NotOpen(SetName),
}

impl Mismatch {
    /// The set that was looked up.
    #[must_use]
    pub const fn set_name(&self) -> Option<&SetName> {
        match self {
            Self::Port { test, .. } => test.set_name(),
            Self::Address { test, .. } => test.set_name(),
            Self::Owner { test, .. } => test.set_name(),
            Self::NotOpen(set) | Self::InterfaceIn { set, .. } | Self::UidAndPort { set, .. } => {
                Some(set)
            }
            Self::Family(_)
            | Self::Transport(_)
            | Self::Interface { .. }
            | Self::NoSocket
            | Self::Mark { .. }
            | Self::State(_)
            | Self::OpensConnection => None,
        }
    }
}

/// Evaluates the match for the packet.
///
/// # Errors
/// The packet does not match.
pub(super) fn matches(sets: &[Set], condition: &Match, packet: &Packet) -> Result<(), Mismatch> {
    match condition {
        Match::Family(family) => match_family(*family, packet),
        Match::Protocol { is, protocol } => {
            let same = packet.transport.protocol() == Some(*protocol);
            unless(same == *is, || Mismatch::Transport(packet.transport))
        }
        Match::Port {
            protocol,
            end,
            test,
        } => match_port(sets, *protocol, *end, test, packet),
        Match::Address { family, end, test } => {
            match_family(*family, packet)?;
            let (end, address) = (*end, packet.addresses.end(*end));
            let matches = decide(
                test,
                |network| network.contains(&address),
                |name| has_address(sets, name, address),
            );
            let test = test.clone();
            unless(matches, || Mismatch::Address { end, address, test })
        }
        Match::Interface { direction, pattern } => {
            let own = packet.interface_in(*direction);
            let matches = own.is_some_and(|name| pattern.matches(name));
            unless(matches, || Mismatch::Interface {
                direction: *direction,
                interface: own.map(ToOwned::to_owned),
                pattern: pattern.clone(),
            })
        }
        Match::InterfaceIn { direction, set } => {
            let own = packet.interface_in(*direction);
            let matches = own.is_some_and(|name| has_interface(sets, set, name));
            unless(matches, || Mismatch::InterfaceIn {
                direction: *direction,
                interface: own.map(ToOwned::to_owned),
                set: set.clone(),
            })
        }
        Match::UidAndPort { protocol, set } => {
            let port = port_of(packet, *protocol, End::Destination)?;
            let uid = packet.owner.ok_or(Mismatch::NoSocket)?.uid;
            let pairs = elements(sets, set);
            let matches = matches!(pairs, Some(Elements::UidPorts(own)) if own.contains(uid, port));
            let set = set.clone();
            unless(matches, || Mismatch::UidAndPort { uid, port, set })
        }
        Match::Owner { kind, test } => match_owner(sets, *kind, test, packet),
        Match::Mark { of, is, value } => match_mark(*of, *is, *value, packet),
        Match::State(state) => {
            let wanted = match state {
                ConnectionState::Invalid => Tracking::Invalid,
                ConnectionState::Tracked => Tracking::Tracked,
            };
            unless(packet.tracking == wanted, || {
                Mismatch::State(packet.tracking)
            })
        }
        Match::OpenConnection { family, local, set } => {
            match_family(*family, packet)?;
            match_open(sets, *local, set, packet)
        }
    }
}

fn unless(matches: bool, mismatch: impl FnOnce() -> Mismatch) -> Result<(), Mismatch> {
    if matches { Ok(()) } else { Err(mismatch()) }
}

fn match_family(family: Family, packet: &Packet) -> Result<(), Mismatch> {
    let own = packet.addresses.family();
    unless(own == family, || Mismatch::Family(own))
}

fn match_port(
    sets: &[Set],
    protocol: Protocol,
    end: End,
    test: &Test<Port>,
    packet: &Packet,
) -> Result<(), Mismatch> {
    let port = port_of(packet, protocol, end)?;
    let matches = decide(
        test,
        |wanted| wanted.number() == port,
        |name| has_port(sets, name, port),
    );
    let test = test.clone();
    unless(matches, || Mismatch::Port { end, port, test })
}

fn match_open(sets: &[Set], local: End, set: &SetName, packet: &Packet) -> Result<(), Mismatch> {
    let ports = match packet.transport {
        Transport::Tcp(ports) => ports,
        other @ (Transport::Udp(_) | Transport::Other(_)) => {
            return Err(Mismatch::Transport(other));
        }
    };
    if packet.tracking == Tracking::New {
        return Err(Mismatch::OpensConnection);
    }
    let ends = ConnectionEnds::new(packet.addresses, ports, local);
    let is_open = matches!(
        elements(sets, set),
        Some(Elements::Connections(_, connections)) if connections.contains(&ends)
    );
    unless(is_open, || Mismatch::NotOpen(set.clone()))
}

fn port_of(packet: &Packet, protocol: Protocol, end: End) -> Result<u16, Mismatch> {
    match (packet.transport, protocol) {
        (Transport::Tcp(ports), Protocol::Tcp) | (Transport::Udp(ports), Protocol::Udp) => {
            Ok(ports.end(end))
        }
        (transport, Protocol::Tcp | Protocol::Udp) => Err(Mismatch::Transport(transport)),
    }
}

fn match_owner(
    sets: &[Set],
    kind: OwnerKind,
    test: &Test<u32>,
    packet: &Packet,
) -> Result<(), Mismatch> {
    let owner = packet.owner.ok_or(Mismatch::NoSocket)?;
    let id = match kind {
        OwnerKind::Uid => owner.uid,
        OwnerKind::Gid => owner.gid,
    };
    let matches = decide(
        test,
        |&wanted| wanted == id,
        |name| has_owner(sets, name, kind, id),
    );
    let test = test.clone();
    unless(matches, || Mismatch::Owner { kind, id, test })
}

/// A packet without a connection matches neither a comparison with the connection's mark nor its negation
/// (`nft_ct_get_eval`).
fn match_mark(of: MarkOf, is: bool, value: u32, packet: &Packet) -> Result<(), Mismatch> {
    let mark = match (of, packet.tracking) {
        (MarkOf::Packet, _) => packet.mark,
        (MarkOf::Connection, Tracking::Invalid) => return Err(Mismatch::State(Tracking::Invalid)),
        (MarkOf::Connection, Tracking::New | Tracking::Midstream | Tracking::Tracked) => {
            packet.connection_mark
        }
    };
    unless((mark == value) == is, || Mismatch::Mark {
        of,
        mark,
        is,
        value,
    })
}

fn decide<T>(
    test: &Test<T>,
    equals: impl Fn(&T) -> bool,
    contains: impl Fn(&SetName) -> bool,
) -> bool {
    match test {
        Test::Is(value) => equals(value),
        Test::IsNot(value) => !equals(value),
        Test::In(name) => contains(name),
        Test::NotIn(name) => !contains(name),
    }
}

/// The elements of the set; `None` if it is missing, which [`Ruleset::check`](crate::ruleset::Ruleset::check) finds.
fn elements<'a>(sets: &'a [Set], name: &SetName) -> Option<&'a Elements> {
    let set = sets.iter().find(|set| set.name == *name)?;
    Some(&set.elements)
}

fn has_port(sets: &[Set], name: &SetName, port: u16) -> bool {
    matches!(elements(sets, name), Some(Elements::Ports(ports)) if ports.contains(port))
}

fn has_interface(sets: &[Set], name: &SetName, interface: &str) -> bool {
    matches!(elements(sets, name), Some(Elements::Interfaces(own)) if own.matches(interface))
}

fn has_address(sets: &[Set], name: &SetName, address: IpAddr) -> bool {
    match (elements(sets, name), address) {
        (Some(Elements::Ipv4(ranges)), IpAddr::V4(address)) => ranges.contains(address),
        (Some(Elements::Ipv6(ranges)), IpAddr::V6(address)) => ranges.contains(address),
        _ => false,
    }
}

fn has_owner(sets: &[Set], name: &SetName, kind: OwnerKind, id: u32) -> bool {
    match (elements(sets, name), kind) {
        (Some(Elements::Uids(ids)), OwnerKind::Uid)
        | (Some(Elements::Gids(ids)), OwnerKind::Gid) => ids.contains(id),
        _ => false,
    }
}
