//! Where a connection goes under a [`Ruleset`](crate::ruleset::Ruleset), and why: a second reader of the
//! model, which does what the kernel would do, on paper.
//!
//! [`evaluate`] needs neither a kernel nor a privilege. It names the rule that decides and, for every
//! rule tried before, the first match that did not fit.

mod answer;
mod cases;
mod complete;
mod evaluate;
mod matching;
mod named;
mod outcome;
mod purpose;
mod table;
mod words;

pub use answer::{Answer, SCHEMA, answer_to_nothing};
pub use complete::{Completed, Part, Surroundings, Unknown, Way, complete};
pub use evaluate::{evaluate, evaluate_installed};
pub use matching::Mismatch;
pub use outcome::{Fit, NotWalked, Outcome, Step, Verdict, Visit};
pub use purpose::{are_alike, listener, purpose, purpose_of_all};
pub use table::Table;

#[cfg(test)]
mod tests;
