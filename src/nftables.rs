//! The rules in the kernel: one transaction installs them, a dump reads them back.
//!
//! Everything acts on the network namespace of the calling thread.

mod assemble;
pub(crate) mod batch;
mod disassemble;
mod dump;
mod elements;
mod instruction;
pub(crate) mod other_chains;
pub mod trace;
mod transaction;
pub mod watch;

pub use crate::netlink::{Error, Refusal, Subject};
pub(crate) use dump::generation;
pub use other_chains::OtherChain;
pub use transaction::{
    Outcome, Removal, apply, differences_from, dump, dump_with_metadata, encode, remove,
    routing_beside,
};
pub(crate) use transaction::{read, retry, send};
