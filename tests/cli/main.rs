//! The program as its users meet it: arguments in; text, messages and an exit code out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking, in its own functions, too"
)]

mod compat;
mod completions;
mod diff;
mod errors;
mod explain;
mod explain_installed;
mod explain_many;
mod graph;
mod help;
mod istio_releases;
mod messages;
mod namespaces;
mod precedence;
mod privileges;
mod program;
mod streams;
mod system_calls;
