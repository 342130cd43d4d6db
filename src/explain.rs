//! Where a connection goes under a [`Ruleset`](crate::ruleset::Ruleset), and why: a second reader of the
//! model, which does what the kernel would do, on paper.
//!
//! [`evaluate`] needs neither a kernel nor a privilege. It names the rule that decides and, for every
//! rule tried before, the first match that did not fit.

mod answer;
mod complete;
mod connection;
mod evaluate;
mod matching;
mod outcome;
mod purpose;
mod syntax;
mod words;

pub use answer::{Answer, SCHEMA};
pub use complete::{Completed, Part, Surroundings, Unknown, Way, complete};
pub use connection::{Addresses, Connection, Owner, Path, PortPair, Tracking, Transport};
pub use evaluate::evaluate;
pub use matching::Mismatch;
pub use outcome::{Fit, NotWalked, Outcome, Step, Verdict, Visit};
pub use purpose::{listener, purpose};
pub use syntax::{AskedEnd, AskedOwner, AskedProtocol, Question, SyntaxError, SyntaxProblem};

#[cfg(test)]
mod tests;
