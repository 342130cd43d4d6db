//! The process: its start and end, its privileges, its network namespace, and what only one process does at a time.

pub(crate) mod lock;
pub mod namespace;
pub mod privileges;
pub mod shutdown;
pub mod startup;
pub mod sysctl;
pub(crate) mod wait;
