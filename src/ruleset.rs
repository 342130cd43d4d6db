//! The model of the rules, in the kernel's terms. [`plan`](crate::plan) builds it; rendering, evaluation, the netlink
//! encoder and decoder, and the comparison read it.
//!
//! Readers match [`Match`], [`Statement`], [`RuleId`] and the value types exhaustively, without a `_` arm: a new kind of
//! match does not compile until every reader handles it.

mod chain;
mod check;
mod condition;
mod hook;
mod installed;
mod metadata_bytes;
mod rule_id;
mod set;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::Ipv6Addr;

use crate::intent::{Family, Port};

pub use chain::{BaseChain, Chain, ChainKind};
pub use check::CheckError;
pub use condition::{ConnectionState, Direction, End, MarkOf, Match, OwnerKind, Test};
pub use hook::{Hook, Priority, TableFamily};
pub use installed::{Installed, InstalledRule, Unmanaged, UnmanagedKind};
pub use metadata_bytes::MetadataBytes;
pub use rule_id::RuleId;
pub use set::{Elements, Set, SetName};

/// The name of the table of family `inet` that holds all rules.
pub const TABLE: &str = "netweir";

/// The contents of the table `inet netweir`, and the routing configuration that the rules depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruleset<R = Rule> {
    /// The named sets, in the order of their first use.
    pub sets: Vec<Set>,
    /// The base chains.
    pub chains: Vec<Chain<R>>,
    /// Addresses, policy rules and routes.
    pub routing: Vec<RoutingObject>,
}

impl<R> Default for Ruleset<R> {
    fn default() -> Self {
        Self {
            sets: Vec::new(),
            chains: Vec::new(),
            routing: Vec::new(),
        }
    }
}

impl<R> Ruleset<R> {
    /// The set with this name.
    #[must_use]
    pub fn set(&self, name: &SetName) -> Option<&Set> {
        self.sets.iter().find(|set| set.name == *name)
    }

    /// The chain with this name.
    #[must_use]
    pub fn chain(&self, name: &str) -> Option<&Chain<R>> {
        self.chains.iter().find(|chain| chain.name == name)
    }

    /// All rules with their chains, in evaluation order within a chain.
    pub fn rules(&self) -> impl Iterator<Item = (&Chain<R>, &R)> {
        self.chains
            .iter()
            .flat_map(|chain| chain.rules.iter().map(move |rule| (chain, rule)))
    }
}

/// A rule: counts the packets that satisfy every match, and then executes the statements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its id, which is its comment in the kernel.
    pub id: RuleId,
    /// The matches, in evaluation order.
    pub matches: Vec<Match>,
    /// The statements, in order. After a rule without a terminal statement the next rule is evaluated.
    pub statements: Vec<Statement>,
}

impl AsRef<Self> for Rule {
    fn as_ref(&self) -> &Self {
        self
    }
}

/// What a rule does to a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statement {
    /// Sets the packet's mark (`meta mark set`).
    SetPacketMark(u32),
    /// Sets the connection's mark (`ct mark set`).
    SetConnectionMark(u32),
    /// Copies the connection's mark to the packet (`meta mark set ct mark`).
    RestoreMark,
    /// Tracks the connection in a conntrack zone (`ct zone set`).
    SetZone(u16),
    /// Hands the packet to the transparent socket on this port (`tproxy ip to`).
    Tproxy(Family, Port),
    /// Rewrites the destination to this port of this host (`redirect to`). Terminal.
    Redirect(Port),
    /// Ends the chain; the packet continues to the next one. Terminal.
    Accept,
    /// Drops the packet. Terminal.
    Drop,
}

impl Statement {
    /// Whether it captures: hands the connection to the proxy.
    #[must_use]
    pub const fn captures(self) -> bool {
        match self {
            Self::Redirect(_) | Self::Tproxy(..) => true,
            Self::SetPacketMark(_)
            | Self::SetConnectionMark(_)
            | Self::RestoreMark
            | Self::SetZone(_)
            | Self::Accept
            | Self::Drop => false,
        }
    }

    /// Whether it ends its chain.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        match self {
            Self::Redirect(_) | Self::Accept | Self::Drop => true,
            Self::Tproxy(..)
            | Self::SetPacketMark(_)
            | Self::SetConnectionMark(_)
            | Self::RestoreMark
            | Self::SetZone(_) => false,
        }
    }
}

/// An object of the namespace's routing configuration that the rules depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RoutingObject {
    /// An address on `lo`, with the full prefix length.
    LoopbackAddress(Ipv6Addr),
    /// A policy rule: packets with the mark use the table.
    MarkRule {
        /// The family.
        family: Family,
        /// The packet's mark, without a mask.
        mark: u32,
        /// The routing table.
        table: u32,
    },
    /// The only route of the table: every destination is local, on `lo`.
    LocalRoute {
        /// The family.
        family: Family,
        /// The routing table.
        table: u32,
    },
}

impl RoutingObject {
    /// The family that it is of.
    #[must_use]
    pub const fn family(&self) -> Family {
        match self {
            Self::LoopbackAddress(_) => Family::Ipv6,
            Self::MarkRule { family, .. } | Self::LocalRoute { family, .. } => *family,
        }
    }
}

impl fmt::Display for RoutingObject {
    /// `ipv4 policy rule fwmark 0x539 lookup 133`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LoopbackAddress(address) => write!(f, "address {address} of lo"),
            Self::MarkRule {
                family,
                mark,
                table,
            } => {
                let family = family.name();
                write!(f, "{family} policy rule fwmark {mark:#x} lookup {table}")
            }
            Self::LocalRoute { family, table } => {
                let family = family.name();
                write!(f, "{family} route to everything on lo in table {table}")
            }
        }
    }
}
