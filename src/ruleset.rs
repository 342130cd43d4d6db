//! The model of the rules, in the kernel's terms. [`plan`](crate::plan) builds it; rendering, evaluation, the netlink
//! encoder and decoder, and the comparison read it.
//!
//! Readers match [`Match`], [`Statement`], [`RuleId`] and the value types exhaustively, without a `_` arm: a new kind of
//! match does not compile until every reader handles it.

mod base_chain;
mod chain;
mod condition;
mod hook;
mod installed;
mod metadata_bytes;
mod owner_kind;
mod routing;
mod rule;
mod rule_id;
mod set;
#[cfg(test)]
mod tests;
mod text;

pub use base_chain::BaseChain;
pub use chain::Chain;
pub use condition::{ConnectionState, Direction, End, MarkOf, Match, Test};
pub use hook::{ChainKind, Hook, Priority, TableFamily};
pub use installed::{Installed, InstalledRule, Unmanaged, UnmanagedKind, connection_keeper};
pub use metadata_bytes::MetadataBytes;
pub use owner_kind::OwnerKind;
pub use routing::RoutingObject;
pub use rule::{Rule, Statement};
pub use rule_id::RuleId;
pub use set::{Elements, OpenConnections, Set, SetName};

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

    /// The connections that were open before they could be captured.
    #[must_use]
    pub fn open_connections(&self) -> OpenConnections {
        let open = self.sets.iter().filter_map(|set| match &set.elements {
            Elements::Connections(_, connections) => Some(connections),
            Elements::Ports(_)
            | Elements::Ipv4(_)
            | Elements::Ipv6(_)
            | Elements::Uids(_)
            | Elements::Gids(_)
            | Elements::Interfaces(_)
            | Elements::UidPorts(_) => None,
        });
        open.flatten().copied().collect()
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
