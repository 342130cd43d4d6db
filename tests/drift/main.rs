//! The comparison of installed rules with the wanted ones.

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

/// The ruleset, as it is read back after its installation.
fn installed(ruleset: &Ruleset) -> Installed {
    ruleset.clone().into()
}
