//! The plugin as a runtime meets it, as far as nothing has to be installed: variables and JSON in; JSON and an exit
//! code out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, in its own functions, too"
)]

mod annotations;
mod bounds;
mod configuration;
mod decisions;
mod environment;
mod explain;
mod manual;
mod panics;
mod policy;
mod properties;
mod recorded;
mod results;
mod runtime;
mod signals;
mod streams;
