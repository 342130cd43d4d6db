//! The rules in the kernel: one transaction installs them, a dump reads them back.
//!
//! Everything acts on the network namespace of the calling thread.

mod batch;
mod c_string;
mod dump;
mod elements;
mod expression;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod message;
mod object;
pub(crate) mod other_chains;
pub(crate) mod probe_table;
mod rule;
pub mod trace;
mod trace_table;
mod transaction;
pub mod turn;
pub mod watch;

pub use crate::netlink::{Error, Refusal};
pub use other_chains::OtherChain;
pub use transaction::{
    Kernel, Outcome, Removal, apply, differences_from, dump, dump_with_metadata, encode, remove,
    remove_keeping_connections, routing_beside,
};
