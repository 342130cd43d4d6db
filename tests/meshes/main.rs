//! The command lines of the meshes' init programs: what they mean, what they refuse, and that every connection fares as
//! it does under the meshes' own rules.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its own functions, too"
)]

#[path = "../support/connections.rs"]
mod connections;
mod fates;
mod istio;
mod istio_changes;
#[path = "../support/meshes/istio_flags.rs"]
mod istio_flags;
#[path = "../support/meshes/istio_rules.rs"]
mod istio_rules;
mod linkerd;
#[path = "../support/meshes/linkerd_rules.rs"]
mod linkerd_rules;
mod odd;
mod reading;
mod refusals;
#[path = "../support/xtables.rs"]
mod xtables;
