//! The differences between the installed rules and the wanted ones, rule by rule.
//!
//! [`compare`] finds the differences; [`DiffSection::all`] prints them like `diff`, and [`json`](json()) as JSON.

mod compare;
mod json;
mod section;

pub use compare::{Change, Difference, RuleChange, compare};
pub(crate) use json::{DifferenceJson, differences_json};
pub use json::{SCHEMA, json};
pub use section::{Amount, DiffSection, Sign};
