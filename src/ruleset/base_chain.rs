//! The base chains of the plan.

use crate::connection::Direction;
use crate::named::named;

use super::hook::{ChainKind, Hook, Priority};

named! {
    /// The chains that the plan makes.
    pub enum BaseChain: name, id_prefix {
        /// Puts DNS queries into their conntrack zones.
        OutboundRaw "outbound_raw" "outbound-raw";
        /// Drops invalid packets; in tproxy mode, hands packets to the transparent listener.
        InboundMangle "inbound_mangle" "inbound-packet";
        /// In tproxy mode, marks the packets of the proxy.
        OutboundMangle "outbound_mangle" "outbound-packet";
        /// Redirects inbound connections.
        Inbound "inbound" "inbound";
        /// Redirects outbound connections.
        Outbound "outbound" "outbound";
    }
}

impl BaseChain {
    /// The direction of the packets that meet it.
    #[must_use]
    pub const fn direction(self) -> Direction {
        match self {
            Self::InboundMangle | Self::Inbound => Direction::In,
            Self::OutboundRaw | Self::OutboundMangle | Self::Outbound => Direction::Out,
        }
    }

    /// Its type.
    #[must_use]
    pub const fn kind(self) -> ChainKind {
        match self {
            Self::OutboundRaw | Self::InboundMangle => ChainKind::Filter,
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
            Self::OutboundRaw => Priority::Raw,
            Self::InboundMangle | Self::OutboundMangle => Priority::Mangle,
            Self::Inbound | Self::Outbound => Priority::BeforeDstnat,
        }
    }
}
