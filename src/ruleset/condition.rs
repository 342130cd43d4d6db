//! The matches of a rule.

use ipnet::IpNet;

pub use crate::connection::{Direction, End};
use crate::intent::{Family, InterfacePattern, Port, Protocol};

use super::owner_kind::OwnerKind;
use super::set::SetName;

/// A comparison with a value or with a named set of values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test<T> {
    /// Equal.
    Is(T),
    /// Not equal.
    IsNot(T),
    /// An element of the set.
    In(SetName),
    /// Not an element of the set.
    NotIn(SetName),
}

impl<T> Test<T> {
    /// The set that it looks up.
    #[must_use]
    pub const fn set_name(&self) -> Option<&SetName> {
        match self {
            Self::In(name) | Self::NotIn(name) => Some(name),
            Self::Is(_) | Self::IsNot(_) => None,
        }
    }

    /// The same comparison with the value converted.
    #[must_use]
    pub fn map_value<U>(&self, convert: impl FnOnce(&T) -> U) -> Test<U> {
        match self {
            Self::Is(value) => Test::Is(convert(value)),
            Self::IsNot(value) => Test::IsNot(convert(value)),
            Self::In(set) => Test::In(set.clone()),
            Self::NotIn(set) => Test::NotIn(set.clone()),
        }
    }
}

/// One condition of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// `meta nfproto`.
    Family(Family),
    /// `meta l4proto`.
    Protocol {
        /// Equal, when true.
        is: bool,
        /// The protocol.
        protocol: Protocol,
    },
    /// `tcp dport`, `udp sport` and so on. Implies the protocol.
    Port {
        /// The protocol.
        protocol: Protocol,
        /// Source or destination.
        end: End,
        /// The comparison.
        test: Test<Port>,
    },
    /// `ip daddr`, `ip6 saddr` and so on. Implies the family.
    Address {
        /// The family of the header, and of a network in the test.
        family: Family,
        /// Source or destination.
        end: End,
        /// The comparison.
        test: Test<IpNet>,
    },
    /// `iifname` or `oifname`.
    Interface {
        /// The input or the output interface.
        direction: Direction,
        /// The name.
        pattern: InterfacePattern,
    },
    /// `iifname` or `oifname`, in a set.
    InterfaceIn {
        /// The input or the output interface.
        direction: Direction,
        /// The set of names.
        set: SetName,
    },
    /// `meta skuid . tcp dport` and so on, in a set: the owner and the destination port. Implies the protocol.
    UidAndPort {
        /// The protocol.
        protocol: Protocol,
        /// The set of pairs.
        set: SetName,
    },
    /// `meta skuid` or `meta skgid`: the fsuid or fsgid that the socket was opened with. A packet without a socket
    /// matches neither a test nor its negation (`nft_meta_get_eval_skugid`).
    Owner {
        /// User or group.
        kind: OwnerKind,
        /// The comparison.
        test: Test<u32>,
    },
    /// `meta mark` or `ct mark`.
    Mark {
        /// The packet's or the connection's.
        of: MarkOf,
        /// Equal, when true.
        is: bool,
        /// The value.
        value: u32,
    },
    /// `ct state`.
    State(ConnectionState),
    /// `tcp flags != syn / fin,syn,rst,ack` with `ip saddr . tcp sport . ip daddr . tcp dport`, or the same with source and
    /// destination exchanged: a packet of a TCP connection in the set that does not open it. Implies protocol and family.
    OpenConnection {
        /// The family of the header and of the set.
        family: Family,
        /// The end of the packet that is in this namespace.
        local: End,
        /// The set, of [`Elements::Connections`](super::Elements::Connections).
        set: SetName,
    },
}

impl Match {
    /// The set that it looks up.
    #[must_use]
    pub const fn set_name(&self) -> Option<&SetName> {
        match self {
            Self::Port { test, .. } => test.set_name(),
            Self::Address { test, .. } => test.set_name(),
            Self::Owner { test, .. } => test.set_name(),
            Self::OpenConnection { set, .. }
            | Self::InterfaceIn { set, .. }
            | Self::UidAndPort { set, .. } => Some(set),
            Self::Family(_)
            | Self::Protocol { .. }
            | Self::Interface { .. }
            | Self::Mark { .. }
            | Self::State(_) => None,
        }
    }
}

/// The mark that is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MarkOf {
    /// The packet's (`meta mark`).
    Packet,
    /// The connection's (`ct mark`).
    Connection,
}

/// The connection tracking states that rules match on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionState {
    /// `invalid`.
    Invalid,
    /// `established,related`.
    Tracked,
}
