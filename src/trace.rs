//! The way of real connections through the rules, as the kernel's own rule tracing tells it.
//!
//! ```text
//! kernel ─► Message (one rule that one packet fitted) ─► Assembler ─► Seen (one new connection) ─► Told (in the rules' ids)
//! ```

mod assembler;
mod filter;
#[cfg(test)]
mod tests;
mod told;

use crate::connection::{Addresses, Transport};
use crate::ruleset::{Direction, Rule};

pub use assembler::{Assembler, Seen};
pub use filter::{Condition, Filter, FilterError, Kind};
pub use told::{SCHEMA, Told};

/// How the names of the temporary tables begin that have packets traced, in the family inet.
pub const TABLES: &str = "netweir-trace-";

/// The chains of the temporary table that has packets traced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waypoint {
    /// A packet that the filter fits is traced from here on.
    Start(Direction),
    /// A packet of a connection that was there before is not traced any further.
    Known(Direction),
    /// A packet has met everything.
    End(Direction),
}

impl Waypoint {
    /// All of them, in the order in which packets meet them.
    pub const ALL: [Self; 6] = [
        Self::Start(Direction::Out),
        Self::Start(Direction::In),
        Self::Known(Direction::Out),
        Self::Known(Direction::In),
        Self::End(Direction::Out),
        Self::End(Direction::In),
    ];

    /// The name of its chain.
    #[must_use]
    pub const fn chain(self) -> &'static str {
        match self {
            Self::Start(Direction::Out) => "start-out",
            Self::Start(Direction::In) => "start-in",
            Self::Known(Direction::Out) => "known-out",
            Self::Known(Direction::In) => "known-in",
            Self::End(Direction::Out) => "end-out",
            Self::End(Direction::In) => "end-in",
        }
    }

    fn named(chain: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|waypoint| waypoint.chain() == chain)
    }
}

/// That one packet met one rule, or the end of one chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The packet.
    pub packet: u32,
    /// Family and name of the table.
    pub table: String,
    /// The chain.
    pub chain: String,
    /// The handle of the rule; `None` where no rule decided, but the chain's policy.
    pub rule: Option<u64>,
    /// What became of the packet there.
    pub after: After,
    /// The packet itself, where it is told.
    pub headers: Option<Headers>,
}

/// What becomes of a packet after a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// It goes on, in this chain or in the next.
    GoesOn,
    /// It is dropped.
    Dropped,
}

/// What is told of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headers {
    /// The interface that it came by.
    pub came_by: Option<String>,
    /// The interface that it leaves by.
    pub leaves_by: Option<String>,
    /// Where from and where to.
    pub addresses: Addresses,
    /// The transport protocol.
    pub transport: Transport,
    /// The sequence number of TCP, which a packet that is sent again shares with the first; 0 of others.
    pub sequence: u32,
    /// Its mark.
    pub mark: u32,
}

/// A rule of the table `inet netweir`, and what the kernel tells of it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownRule {
    /// Its chain.
    pub chain: String,
    /// Its handle.
    pub handle: u64,
    /// The rule.
    pub rule: Rule,
}

/// The rules of the table `inet netweir`.
pub type Rules = Vec<KnownRule>;
