//! Whether a match fits a packet, and if not, why.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::intent::{Family, InterfacePattern, Port, Protocol};
use crate::ruleset::{
    ConnectionState, Direction, Elements, End, MarkOf, Match, OwnerKind, Ruleset, Test,
};

use super::evaluate::Packet;
use crate::connection::{Tracking, Transport};

/// The first match of a rule that did not fit: what the packet has where it looked, and what it looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// The packet is of this family, the rule is for the other.
    Family(Family),
    /// The packet is of this protocol.
    Transport(Transport),
    /// A port.
    Port {
        /// Of this end.
        end: End,
        /// The packet's.
        port: u16,
        /// The comparison that failed.
        test: Test<Port>,
    },
    /// An address.
    Address {
        /// Of this end.
        end: End,
        /// The packet's.
        address: IpAddr,
        /// The comparison that failed.
        test: Test<IpNet>,
    },
    /// An interface.
    Interface {
        /// Whether it came or leaves by it.
        direction: Direction,
        /// The packet's, or `None` where it has none in that direction.
        interface: Option<String>,
        /// What was looked for.
        pattern: InterfacePattern,
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
    /// The rule asks for an owner, and the packet has no socket.
    NoSocket,
    /// A mark.
    Mark {
        /// Whose.
        of: MarkOf,
        /// The packet's.
        mark: u32,
        /// Equality was looked for, when true.
        is: bool,
        /// With this.
        value: u32,
    },
    /// The connection is in this state of tracking.
    State(Tracking),
}

impl Mismatch {
    /// The name of the set that was looked into, if one was.
    #[must_use]
    pub fn set_name(&self) -> Option<&str> {
        match self {
            Self::Port { test, .. } => test.set_name(),
            Self::Address { test, .. } => test.set_name(),
            Self::Owner { test, .. } => test.set_name(),
            Self::Family(_)
            | Self::Transport(_)
            | Self::Interface { .. }
            | Self::NoSocket
            | Self::Mark { .. }
            | Self::State(_) => None,
        }
    }
}

/// Whether the match fits the packet.
pub(super) fn fits(ruleset: &Ruleset, condition: &Match, packet: &Packet) -> Result<(), Mismatch> {
    match condition {
        Match::Family(family) => fits_family(*family, packet),
        Match::Protocol { is, protocol } => {
            let same = packet.transport.protocol() == Some(*protocol);
            unless(same == *is, || Mismatch::Transport(packet.transport))
        }
        Match::Port {
            protocol,
            end,
            test,
        } => fits_port(ruleset, *protocol, *end, test, packet),
        Match::Address { family, end, test } => {
            fits_family(*family, packet)?;
            let (end, address) = (*end, packet.addresses.end(*end));
            let fits = decide(
                test,
                |network| network.contains(&address),
                |name| has_address(ruleset, name, address),
            );
            let test = test.clone();
            unless(fits, || Mismatch::Address { end, address, test })
        }
        Match::Interface { direction, pattern } => {
            let own = packet.interface(*direction);
            let fits = own.is_some_and(|name| pattern.matches(name));
            unless(fits, || Mismatch::Interface {
                direction: *direction,
                interface: own.map(ToOwned::to_owned),
                pattern: pattern.clone(),
            })
        }
        Match::Owner { kind, test } => fits_owner(ruleset, *kind, test, packet),
        Match::Mark { of, is, value } => fits_mark(*of, *is, *value, packet),
        Match::State(state) => {
            let wanted = match state {
                ConnectionState::Invalid => Tracking::Invalid,
                ConnectionState::Tracked => Tracking::Tracked,
            };
            unless(packet.tracking == wanted, || {
                Mismatch::State(packet.tracking)
            })
        }
    }
}

fn unless(fits: bool, mismatch: impl FnOnce() -> Mismatch) -> Result<(), Mismatch> {
    if fits { Ok(()) } else { Err(mismatch()) }
}

fn fits_family(family: Family, packet: &Packet) -> Result<(), Mismatch> {
    let own = packet.addresses.family();
    unless(own == family, || Mismatch::Family(own))
}

fn fits_port(
    ruleset: &Ruleset,
    protocol: Protocol,
    end: End,
    test: &Test<Port>,
    packet: &Packet,
) -> Result<(), Mismatch> {
    let ports = match (packet.transport, protocol) {
        (Transport::Tcp(ports), Protocol::Tcp) | (Transport::Udp(ports), Protocol::Udp) => ports,
        (transport, Protocol::Tcp | Protocol::Udp) => return Err(Mismatch::Transport(transport)),
    };
    let port = ports.end(end);
    let fits = decide(
        test,
        |wanted| wanted.number() == port,
        |name| has_port(ruleset, name, port),
    );
    let test = test.clone();
    unless(fits, || Mismatch::Port { end, port, test })
}

fn fits_owner(
    ruleset: &Ruleset,
    kind: OwnerKind,
    test: &Test<u32>,
    packet: &Packet,
) -> Result<(), Mismatch> {
    let owner = packet.owner.ok_or(Mismatch::NoSocket)?;
    let id = match kind {
        OwnerKind::Uid => owner.uid,
        OwnerKind::Gid => owner.gid,
    };
    let fits = decide(
        test,
        |&wanted| wanted == id,
        |name| has_owner(ruleset, name, kind, id),
    );
    let test = test.clone();
    unless(fits, || Mismatch::Owner { kind, id, test })
}

/// What has no connection fits neither a test of its connection's mark nor the opposite
/// (`nft_ct_get_eval`).
fn fits_mark(of: MarkOf, is: bool, value: u32, packet: &Packet) -> Result<(), Mismatch> {
    let mark = match (of, packet.tracking) {
        (MarkOf::Packet, _) => packet.mark,
        (MarkOf::Connection, Tracking::Invalid) => return Err(Mismatch::State(Tracking::Invalid)),
        (MarkOf::Connection, Tracking::New | Tracking::Tracked) => packet.connection_mark,
    };
    unless((mark == value) == is, || Mismatch::Mark {
        of,
        mark,
        is,
        value,
    })
}

fn decide<T>(test: &Test<T>, equals: impl Fn(&T) -> bool, contains: impl Fn(&str) -> bool) -> bool {
    match test {
        Test::Is(value) => equals(value),
        Test::IsNot(value) => !equals(value),
        Test::In(name) => contains(name),
        Test::NotIn(name) => !contains(name),
    }
}

/// Whether the set of the name has the port. A set that is missing or of another type has nothing;
/// [`Ruleset::check`] finds those.
fn has_port(ruleset: &Ruleset, name: &str, port: u16) -> bool {
    match ruleset.set(name).map(|set| &set.elements) {
        Some(Elements::Ports(ports)) => ports.contains(port),
        Some(Elements::Ipv4(_) | Elements::Ipv6(_) | Elements::Uids(_) | Elements::Gids(_))
        | None => false,
    }
}

fn has_address(ruleset: &Ruleset, name: &str, address: IpAddr) -> bool {
    match (ruleset.set(name).map(|set| &set.elements), address) {
        (Some(Elements::Ipv4(ranges)), IpAddr::V4(address)) => ranges.contains(address),
        (Some(Elements::Ipv6(ranges)), IpAddr::V6(address)) => ranges.contains(address),
        (
            Some(
                Elements::Ipv4(_)
                | Elements::Ipv6(_)
                | Elements::Ports(_)
                | Elements::Uids(_)
                | Elements::Gids(_),
            )
            | None,
            _,
        ) => false,
    }
}

fn has_owner(ruleset: &Ruleset, name: &str, kind: OwnerKind, id: u32) -> bool {
    match (ruleset.set(name).map(|set| &set.elements), kind) {
        (Some(Elements::Uids(ids)), OwnerKind::Uid)
        | (Some(Elements::Gids(ids)), OwnerKind::Gid) => ids.contains(id),
        (
            Some(
                Elements::Uids(_)
                | Elements::Gids(_)
                | Elements::Ports(_)
                | Elements::Ipv4(_)
                | Elements::Ipv6(_),
            )
            | None,
            _,
        ) => false,
    }
}
