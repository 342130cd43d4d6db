//! The comparison of what is installed with what should be.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod changes;
mod patch;
mod shown;

use netweir::ruleset::{Installed, Ruleset};

/// What is read back when a ruleset is installed as it is.
fn installed(ruleset: &Ruleset) -> Installed {
    Installed {
        ruleset: ruleset.clone(),
        counters: ruleset.rules().map(|_| Some(0)).collect(),
        foreign: Vec::new(),
    }
}
