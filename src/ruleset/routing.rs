//! The routing configuration that rules depend on.

use std::fmt;
use std::net::Ipv6Addr;

use crate::intent::Family;

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
