//! What can go wrong on a node.

use std::error::Error as _;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::conflist::NotSpoken;

/// Why the plugin is not installed, or still is.
#[derive(Debug, Error)]
pub enum InstallError {
    /// The operating system refused something with a file or a folder.
    #[error("{} cannot be {doing}", path.display())]
    File {
        /// What was tried.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The operating system refused something else.
    #[error("{doing} cannot be had")]
    Kernel {
        /// What was tried.
        doing: &'static str,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Nobody can be told about health.
    #[error("{address}, as --health has it, cannot be listened on")]
    Health {
        /// The address.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Nothing to add the plugin to.
    #[error("there is no network configuration in {} yet", .0.display())]
    NoNetwork(PathBuf),
    /// Nothing that the plugin can be added to.
    #[error("there is no network configuration in {} but broken ones: {names}", path.display())]
    Broken {
        /// The folder.
        path: PathBuf,
        /// The files.
        names: String,
    },
    /// The plugin cannot be part of the network.
    #[error("the plugin cannot be added to {}: {reason}", path.display())]
    NotSpoken {
        /// The network's file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The entry may still be in a file.
    #[error("whether {} has the plugin's entry cannot be told: {reason}", path.display())]
    Doubtful {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Others rewrite the configurations all the time.
    #[error("the configurations in {} do not stay as they are for long enough to be changed", .0.display())]
    Overtaken(PathBuf),
}

impl InstallError {
    pub(super) fn file(doing: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        Self::File {
            doing,
            path,
            source,
        }
    }

    pub(super) fn not_spoken(path: PathBuf, reason: &NotSpoken) -> Self {
        let reason = reason.to_string();
        Self::NotSpoken { path, reason }
    }

    /// With its sources, on one line.
    pub(super) fn in_full(&self) -> String {
        let mut text = self.to_string();
        let mut source = self.source();
        while let Some(error) = source {
            text.extend([": ", &error.to_string()]);
            source = error.source();
        }
        text
    }
}
