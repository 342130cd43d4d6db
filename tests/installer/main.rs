//! `netweir cni install` and `uninstall` on nodes that are directories: with the files of common network agents, while those
//! rewrite them, when the process is killed, and when a disk is full.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its own functions, too"
)]

mod agents;
mod crashes;
mod disks;
mod exposition;
mod node;
mod options;
mod plugin;
mod probes;
mod races;
mod repairs;
mod runtime;
mod storms;
mod streams;
mod tracer;
