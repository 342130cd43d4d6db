//! The base chains of the plan.

use crate::connection::Direction;

use super::hook::{ChainKind, Hook, Priority};

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

    /// Its type.
    #[must_use]
    pub const fn kind(self) -> ChainKind {
        match self {
            Self::InboundRaw | Self::OutboundRaw | Self::InboundMangle => ChainKind::Filter,
            Self::OutboundMangle => ChainKind::Route,
            Self::Inbound | Self::Outbound => ChainKind::Nat,
        }
    }

    /// Its hook.
    #[must_use]
    pub const fn hook(self) -> Hook {
        match self.direction() {
            Direction::In => Hook::Prerouting,
            Direction::Out => Hook::Output,
        }
    }

    /// Its priority.
    #[must_use]
    pub const fn priority(self) -> Priority {
        match self {
            Self::InboundRaw | Self::OutboundRaw => Priority::Raw,
            Self::InboundMangle | Self::OutboundMangle => Priority::Mangle,
            Self::Inbound | Self::Outbound => Priority::BeforeDstnat,
        }
    }
}
