//! The path of real connections through the rules, from the kernel's rule tracing.
//!
//! ```text
//! kernel ─► Message (a packet matched a rule) ─► Assembler ─► Traced (a new connection) ─► TraceReport (with rule ids)
//! ```

mod assembler;
mod filter;
mod report;
#[cfg(test)]
mod tests;

use crate::connection::{Addresses, Transport};
use crate::ruleset::{Direction, Rule};

pub use assembler::{Assembler, Traced};
pub use filter::{Condition, Filter, Kind};
pub use report::{SCHEMA, TraceReport};

/// The prefix of the names of the temporary tables that turn on tracing, in the family inet.
pub const TABLES: &str = "netweir-trace-";

/// The chains of the temporary table that turns on tracing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waypoint {
    /// Starts tracing packets that match the filter.
    Start(Direction),
    /// Stops tracing packets of established connections.
    Known(Direction),
    /// The end of the path.
    End(Direction),
}

impl Waypoint {
    /// All of them, in the order in which packets pass them.
    pub const ALL: [Self; 6] = [
        Self::Start(Direction::Out),
        Self::Start(Direction::In),
        Self::Known(Direction::Out),
        Self::Known(Direction::In),
        Self::End(Direction::Out),
        Self::End(Direction::In),
    ];

    /// The name of the chain.
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

/// A packet matched a rule, or reached the end of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The number of the packet.
    pub packet: u32,
    /// The family and name of the table.
    pub table: String,
    /// The chain.
    pub chain: String,
    /// The handle of the rule; `None` for the policy of the chain.
    pub rule: Option<u64>,
    /// What happens to the packet next.
    pub after: After,
    /// The headers of the packet, if the message has them.
    pub headers: Option<Headers>,
}

/// What happens to a packet after a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// It continues, in this chain or the next.
    GoesOn,
    /// It is dropped.
    Dropped,
}

/// The headers of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headers {
    /// The input interface.
    pub came_by: Option<String>,
    /// The output interface.
    pub leaves_by: Option<String>,
    /// Source and destination address.
    pub addresses: Addresses,
    /// The transport protocol.
    pub transport: Transport,
    /// The TCP sequence number, which a retransmission shares with the first packet; 0 for other protocols.
    pub sequence: u32,
    /// The packet's mark.
    pub mark: u32,
}

/// A rule of the table `inet netweir`, with its handle.
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
