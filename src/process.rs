//! The process: start-up and shutdown, privileges, network namespace and locks.

pub(crate) mod lock;
pub mod namespace;
pub mod privileges;
pub mod shutdown;
pub mod startup;
pub mod sysctl;
pub(crate) mod wait;
