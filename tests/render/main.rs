//! What the renderers print is what other programs take, and it means the same to them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its own functions, too"
)]

#[path = "../support/captures.rs"]
mod captures;
#[path = "../support/connections.rs"]
mod connections;
mod iptables;
mod nft;
mod outcome;
mod program;
#[path = "../support/scenarios.rs"]
mod scenario_captures;
mod scenarios;
mod size;
#[path = "../support/sparse_captures.rs"]
mod sparse_captures;
#[path = "../support/xtables.rs"]
mod xtables;
