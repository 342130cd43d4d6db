//! What the renderers print is what other programs take, and it means the same to them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its own functions, too"
)]

mod iptables;
mod nft;
mod outcome;
mod program;
mod scenarios;
mod size;
