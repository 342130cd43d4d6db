//! What is installed against what should be, rule by rule.
//!
//! [`compare`] finds the differences, [`Hunk::all`] writes them for people, and [`json`](json()) for programs.

mod compare;
mod hunk;
mod json;

pub use compare::{Change, Difference, RuleChange, compare};
pub use hunk::{Amount, Hunk, Line, Sign};
pub(crate) use json::{Object, objects};
pub use json::{SCHEMA, json};
