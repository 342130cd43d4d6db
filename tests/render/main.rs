//! `nft` and `iptables-restore` accept the rendered rules and read them as netweir does.

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
