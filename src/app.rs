//! The steps of a run, for the command line, the compatibility commands and the plugin: enter a network namespace, resolve
//! what the options leave to it, plan, install, verify, remove, read what is installed, compare.
//!
//! Errors say what happened. Each caller adds the remedy and its own code.

mod enter;
mod error;
mod files;
mod host;
mod install;
mod read;
mod remedy;
mod resolve;

pub(crate) use enter::{Access, OpenConnections, Place, enter, remove};
pub use error::{AppError, HostSign};
pub(crate) use files::SystemFiles;
pub(crate) use install::{Planned, set_close_wait_timeout, test_redirect};
pub(crate) use read::{InstalledStatus, compare, installed};
pub(crate) use remedy::Remedies;
#[cfg(test)]
pub(crate) use remedy::sample_messages;
pub(crate) use resolve::{resolve_flags, resolve_options};
