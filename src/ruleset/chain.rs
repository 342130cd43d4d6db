//! Base chains.

use std::borrow::Cow;

use crate::connection::Direction;

use super::{Hook, Priority, Rule};

/// A base chain. Its policy is `accept`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain<R = Rule> {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Its type.
    pub kind: ChainKind,
    /// The hook that it is attached to.
    pub hook: Hook,
    /// Its place among the chains of the hook.
    pub priority: Priority,
    /// Its rules in evaluation order.
    pub rules: Vec<R>,
}

impl<R> Chain<R> {
    /// The same chain with other rules.
    #[must_use]
    pub fn with_rules<S>(&self, rules: Vec<S>) -> Chain<S> {
        Chain {
            name: self.name.clone(),
            kind: self.kind,
            hook: self.hook,
            priority: self.priority,
            rules,
        }
    }

    /// Whether name, type, hook and priority are those of the other chain.
    #[must_use]
    pub fn has_same_head<S>(&self, other: &Chain<S>) -> bool {
        self.name == other.name
            && (self.kind, self.hook, self.priority) == (other.kind, other.hook, other.priority)
    }
}

/// The type of a base chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChainKind {
    /// Sees every packet.
    Filter,
    /// Sees only the first packet of a connection; its decision holds for the whole connection.
    Nat,
    /// Sees every packet; one whose mark it changes is routed again (output only).
    Route,
}

impl ChainKind {
    /// nft's word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Nat => "nat",
            Self::Route => "route",
        }
    }
}

/// The chains that the plan makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BaseChain {
    /// Puts the answers of DNS servers into their conntrack zone.
    InboundRaw,
    /// Puts DNS queries into their conntrack zones.
    OutboundRaw,
    /// Drops invalid packets; in tproxy mode, hands packets to the transparent listener.
    InboundMangle,
    /// In tproxy mode, marks the packets of the proxy.
    OutboundMangle,
    /// Redirects inbound connections.
    Inbound,
    /// Redirects outbound connections.
    Outbound,
}

impl BaseChain {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::InboundRaw,
        Self::OutboundRaw,
        Self::InboundMangle,
        Self::OutboundMangle,
        Self::Inbound,
        Self::Outbound,
    ];

    /// The chain's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InboundRaw => "inbound_raw",
            Self::OutboundRaw => "outbound_raw",
            Self::InboundMangle => "inbound_mangle",
            Self::OutboundMangle => "outbound_mangle",
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }

    /// The first part of the ids of its rules.
    pub(super) const fn id_prefix(self) -> &'static str {
        match self {
            Self::InboundRaw => "inbound-raw",
            Self::OutboundRaw => "outbound-raw",
            Self::InboundMangle => "inbound-packet",
            Self::OutboundMangle => "outbound-packet",
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }

    /// The direction of the packets that meet it.
    #[must_use]
    pub const fn direction(self) -> Direction {
        match self {
            Self::InboundRaw | Self::InboundMangle | Self::Inbound => Direction::In,
            Self::OutboundRaw | Self::OutboundMangle | Self::Outbound => Direction::Out,
        }
    }

    /// The chain with these rules.
    #[must_use]
    pub fn with(self, rules: Vec<Rule>) -> Chain {
        let (kind, priority) = match self {
            Self::InboundRaw | Self::OutboundRaw => (ChainKind::Filter, Priority::Raw),
            Self::InboundMangle => (ChainKind::Filter, Priority::Mangle),
            Self::OutboundMangle => (ChainKind::Route, Priority::Mangle),
            Self::Inbound | Self::Outbound => (ChainKind::Nat, Priority::Dstnat),
        };
        Chain {
            name: self.name().into(),
            kind,
            hook: match self.direction() {
                Direction::In => Hook::Prerouting,
                Direction::Out => Hook::Output,
            },
            priority,
            rules,
        }
    }
}
