//! The command lines of the meshes' init programs: what they mean, what they refuse, and that every connection fares as
//! it does under the meshes' own rules.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its own functions, too"
)]

mod fates;
mod istio;
mod istio_changes;
mod linkerd;
mod odd;
mod reading;
mod refusals;
