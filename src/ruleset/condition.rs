//! The conditions of a rule.

use std::borrow::Cow;

use ipnet::IpNet;

pub use crate::connection::{Direction, End};
use crate::intent::{Family, InterfacePattern, Port, Protocol};

/// A comparison with a value or with a named set of values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test<T> {
    /// Equal.
    Is(T),
    /// Not equal.
    IsNot(T),
    /// An element of the set of this name.
    In(Cow<'static, str>),
    /// No element of it.
    NotIn(Cow<'static, str>),
}

impl<T> Test<T> {
    /// The name of the set, if it is a comparison with one.
    #[must_use]
    pub fn set_name(&self) -> Option<&str> {
        match self {
            Self::In(name) | Self::NotIn(name) => Some(name),
            Self::Is(_) | Self::IsNot(_) => None,
        }
    }

    /// The same comparison with the value in another form.
    #[must_use]
    pub fn map_value<U>(&self, form: impl FnOnce(&T) -> U) -> Test<U> {
        match self {
            Self::Is(value) => Test::Is(form(value)),
            Self::IsNot(value) => Test::IsNot(form(value)),
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
    /// `meta l4proto`, for a rule without a port match.
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
        /// The family of the header; a network in the test is of the same family.
        family: Family,
        /// Source or destination.
        end: End,
        /// The comparison.
        test: Test<IpNet>,
    },
    /// `iifname` or `oifname`.
    Interface {
        /// The one that the packet came by, or the one it leaves by.
        direction: Direction,
        /// The interface.
        pattern: InterfacePattern,
    },
    /// `meta skuid` or `meta skgid`: fsuid and fsgid of whoever opened the socket. A packet without a socket
    /// fits neither a test nor its opposite (`nft_meta_get_eval_skugid`).
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
}

impl Match {
    /// The name of the set that it looks into, if it does.
    #[must_use]
    pub fn set_name(&self) -> Option<&str> {
        match self {
            Self::Port { test, .. } => test.set_name(),
            Self::Address { test, .. } => test.set_name(),
            Self::Owner { test, .. } => test.set_name(),
            Self::Family(_)
            | Self::Protocol { .. }
            | Self::Interface { .. }
            | Self::Mark { .. }
            | Self::State(_) => None,
        }
    }
}

/// Which owner of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OwnerKind {
    /// Its user (fsuid).
    Uid,
    /// Its group (fsgid).
    Gid,
}

/// Whose mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MarkOf {
    /// The packet's (`meta mark`).
    Packet,
    /// The connection's (`ct mark`).
    Connection,
}

/// A state of connection tracking that rules ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionState {
    /// `invalid`.
    Invalid,
    /// `established,related`.
    Tracked,
}
