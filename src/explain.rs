//! Where a connection goes under a [`Ruleset`](crate::ruleset::Ruleset), and why: evaluates the rules as the kernel
//! would.
//!
//! [`evaluate`] needs no kernel and no privileges. It names the rule that decides and, for every earlier rule, the first
//! match that failed.

mod answer;
mod cases;
mod complete;
mod evaluate;
mod matching;
mod named;
mod outcome;
mod packet;
mod purpose;
mod table;
mod words;

pub use answer::{Answer, SCHEMA, errors_json};
pub use complete::{Completed, Network, Part, Route, complete};
pub use evaluate::{evaluate, evaluate_installed};
pub use matching::Mismatch;
pub use outcome::{Fit, Outcome, Step, Verdict, Visit};
pub use purpose::{are_similar, listener, no_address, purpose, purpose_of_all};
pub use table::Table;

#[cfg(test)]
mod tests;
