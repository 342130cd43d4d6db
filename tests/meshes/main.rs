//! The command lines of the meshes' init programs: what they mean, what is refused, and that every connection has the same
//! outcome as under the meshes' own rules.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its own functions, too"
)]

mod arbitrary;
mod consul;
mod istio;
mod istio_changes;
mod kuma;
mod linkerd;
mod outcomes;
mod reading;
mod refusals;
