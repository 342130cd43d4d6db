//! Why a verification cannot start.

use std::io;

use thiserror::Error;

use crate::nftables;

/// Why a verification cannot start.
#[derive(Debug, Error)]
pub enum Error {
    /// Another process verifies, and does not end in time.
    #[error("cannot verify: another verification in this network namespace does not end")]
    Lock(#[source] io::Error),
    /// The same, of a privileged process.
    #[error("cannot verify: no turn beside other verifications in this network namespace")]
    Turn(#[source] nftables::Error),
    /// The addresses cannot be listed.
    #[error("cannot list the addresses of the network namespace")]
    Addresses(#[source] io::Error),
    /// Signals cannot be waited for.
    #[error("cannot wait for signals")]
    Signals(#[source] io::Error),
    /// What it made for its connections cannot be deleted either.
    #[error(
        "{error}; cannot delete the temporary links and table of the verification; netweir remove deletes them: {clean_up}"
    )]
    NotCleanedUp {
        /// Why there is no result.
        error: Box<Error>,
        /// Why it cannot be deleted.
        clean_up: nftables::Error,
    },
    /// The routes cannot be read.
    #[error(transparent)]
    Kernel(#[from] nftables::Error),
}
