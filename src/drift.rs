//! The differences between the installed rules and the wanted ones, rule by rule.
//!
//! [`compare`] finds the differences; [`Hunk::all`] prints them like `diff`, and [`json`](json()) as JSON.

mod compare;
mod hunk;
mod json;

pub use compare::{Change, Difference, RuleChange, compare};
pub use hunk::{Amount, Hunk, Line, Sign};
pub(crate) use json::{DifferenceJson, differences_json};
pub use json::{SCHEMA, json};
