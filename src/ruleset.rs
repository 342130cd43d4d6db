//! The one model of the rules, in the kernel's words. [`plan`](crate::plan) makes it; the
//! renderers, the evaluator, the netlink encoder and decoder and the comparison read it.
//!
//! A reader matches [`Match`], [`Statement`] and the value types exhaustively, without a `_` arm: a
//! new kind of match does not compile until every reader knows it.

mod check;
mod condition;
mod installed;
mod metadata_bytes;
mod set;

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv6Addr;

use crate::intent::{Family, Port};

pub use check::CheckError;
pub use condition::{ConnectionState, Direction, End, MarkOf, Match, OwnerKind, Test};
pub use installed::{Installed, Unmanaged, UnmanagedKind};
pub use metadata_bytes::MetadataBytes;
pub use set::{Elements, Set};

/// The name of the table, in the family `inet`, that holds all of the rules.
pub const TABLE: &str = "netweir";

/// The contents of the table `inet netweir`, and what the rules need of the routing tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ruleset {
    /// The named sets, in the order of their first use.
    pub sets: Vec<Set>,
    /// The base chains.
    pub chains: Vec<Chain>,
    /// Addresses, policy rules and routes.
    pub routing: Vec<RoutingObject>,
}

impl Ruleset {
    /// The set of the name.
    #[must_use]
    pub fn set(&self, name: &str) -> Option<&Set> {
        self.sets.iter().find(|set| set.name == name)
    }

    /// All rules with the chains that they are in, in evaluation order within a chain.
    pub fn rules(&self) -> impl Iterator<Item = (&Chain, &Rule)> {
        self.chains
            .iter()
            .flat_map(|chain| chain.rules.iter().map(move |rule| (chain, rule)))
    }
}

/// A base chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Its name.
    pub name: Cow<'static, str>,
    /// What its verdicts can do.
    pub kind: ChainKind,
    /// Where packets meet it.
    pub hook: Hook,
    /// When, among the chains on the same hook.
    pub priority: Priority,
    /// Its rules in evaluation order. The policy is to accept.
    pub rules: Vec<Rule>,
}

/// The type of a base chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChainKind {
    /// Sees every packet.
    Filter,
    /// Sees the first packet of a connection; what it decides holds for the connection.
    Nat,
    /// Sees every packet and has it routed anew when it changed the mark (output only).
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

/// A netfilter hook of the family inet (`linux/netfilter.h`, `nf_inet_hooks`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hook {
    /// `NF_INET_PRE_ROUTING`: packets that arrive.
    Prerouting,
    /// `NF_INET_LOCAL_OUT`: packets that are made here.
    Output,
}

impl Hook {
    /// nft's word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prerouting => "prerouting",
            Self::Output => "output",
        }
    }

    /// `NF_INET_PRE_ROUTING` or `NF_INET_LOCAL_OUT`.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::Prerouting => 0,
            Self::Output => 3,
        }
    }
}

/// A chain priority (`linux/netfilter_ipv4.h`, `nf_ip_hook_priorities`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Priority {
    /// -300: before connection tracking.
    Raw,
    /// -150.
    Mangle,
    /// -100: destination NAT.
    Dstnat,
}

impl Priority {
    /// Every priority in use.
    pub const ALL: [Self; 3] = [Self::Raw, Self::Mangle, Self::Dstnat];

    /// The kernel's number.
    #[must_use]
    pub const fn number(self) -> i32 {
        match self {
            Self::Raw => -300,
            Self::Mangle => -150,
            Self::Dstnat => -100,
        }
    }
}

/// A rule: when every match fits, count, and then do what the statements say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its stable name: the comment in the kernel, unique within the table.
    pub id: RuleId,
    /// All must fit. The order is the order of evaluation.
    pub matches: Vec<Match>,
    /// What happens then, in order. A rule without a terminal statement goes on to the next.
    pub statements: Vec<Statement>,
}

/// The stable, purpose-named id of a rule, such as `outbound/leave-proxy-uid/1337`. At most 99 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleId(Cow<'static, str>);

impl RuleId {
    /// An id.
    #[must_use]
    pub fn new(id: impl Into<Cow<'static, str>>) -> Self {
        Self(id.into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statement {
    /// Give the packet a mark (`meta mark set`).
    SetPacketMark(u32),
    /// Give the connection a mark (`ct mark set`).
    SetConnectionMark(u32),
    /// Give the packet the mark of its connection (`meta mark set ct mark`).
    RestoreMark,
    /// Track the connection in a zone of its own (`ct zone set`).
    SetZone(u16),
    /// Hand the packet to the transparent socket on this port of the family (`tproxy ip to`).
    Tproxy(Family, Port),
    /// Rewrite the destination to this port of this host (`redirect to`). Terminal.
    Redirect(Port),
    /// Leave this chain; the packet goes on. Terminal.
    Accept,
    /// Drop the packet. Terminal.
    Drop,
}

/// Something outside nf_tables that the rules need, in the namespace's routing configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RoutingObject {
    /// An address of `lo`, with the full prefix.
    LoopbackAddress(Ipv6Addr),
    /// Packets with the mark look up the table.
    MarkRule {
        /// The family.
        family: Family,
        /// The packet mark, all 32 bits.
        mark: u32,
        /// The routing table.
        table: u32,
    },
    /// The table's one route: every destination is local, on `lo`.
    LocalRoute {
        /// The family.
        family: Family,
        /// The routing table.
        table: u32,
    },
}

impl fmt::Display for RoutingObject {
    /// In words, such as `ipv4 policy rule fwmark 0x539 lookup 133`.
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
