//! Rules and their statements.

use std::net::IpAddr;

use crate::intent::{Family, Port};

use super::condition::Match;
use super::rule_id::RuleId;

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

impl Rule {
    /// Whether it redirects.
    #[must_use]
    pub fn redirects(&self) -> bool {
        let mut statements = self.statements.iter();
        statements.any(|statement| matches!(statement, Statement::Redirect(_)))
    }
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
    /// Tracks the connection in a conntrack zone, and its answers outside of zones (`ct original zone set`).
    SetZone(u16),
    /// Hands the packet to the transparent socket on this port (`tproxy ip to`).
    Tproxy(Family, Port),
    /// Rewrites the destination to this port of this host (`redirect to`). Terminal.
    Redirect(Port),
    /// Rewrites the destination to this address and port (`dnat to`). Terminal.
    Dnat(IpAddr, Port),
    /// Ends the chain; the packet continues to the next one. Terminal.
    Accept,
    /// Drops the packet. Terminal.
    Drop,
}

impl Statement {
    /// Whether it captures: hands the connection to the proxy, or to a server in its place.
    #[must_use]
    pub const fn captures(self) -> bool {
        match self {
            Self::Redirect(_) | Self::Dnat(..) | Self::Tproxy(..) => true,
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
            Self::Redirect(_) | Self::Dnat(..) | Self::Accept | Self::Drop => true,
            Self::Tproxy(..)
            | Self::SetPacketMark(_)
            | Self::SetConnectionMark(_)
            | Self::RestoreMark
            | Self::SetZone(_) => false,
        }
    }
}
