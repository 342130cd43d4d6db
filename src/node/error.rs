//! Errors of the installer.

use std::error::Error as _;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::reconcile::Unsupported;

/// Why the plugin is not installed, or not uninstalled.
#[derive(Debug, Error)]
pub enum InstallError {
    /// A file or directory operation failed.
    #[error("{} cannot be {doing}", path.display())]
    File {
        /// The participle of the operation, such as "written".
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The operating system's reason.
        #[source]
        source: io::Error,
    },
    /// Another system call failed.
    #[error("cannot {doing}")]
    Kernel {
        /// The infinitive of the operation, such as "wait for events".
        doing: &'static str,
        /// The operating system's reason.
        #[source]
        source: io::Error,
    },
    /// The HTTP endpoint cannot be opened.
    #[error("--health: cannot listen on {address}")]
    Health {
        /// The address.
        address: SocketAddr,
        /// The operating system's reason.
        #[source]
        source: io::Error,
    },
    /// The directory has no network configuration.
    #[error("waiting for a CNI network configuration in {}", .0.display())]
    NoNetwork(PathBuf),
    /// The directory has only invalid network configurations.
    #[error("no valid CNI network configuration in {}; invalid: {names}", path.display())]
    Invalid {
        /// The directory.
        path: PathBuf,
        /// The files.
        names: String,
    },
    /// The primary network cannot have the plugin.
    #[error("cannot add the plugin to {}: {reason}", path.display())]
    Unsupported {
        /// The network's file.
        path: PathBuf,
        /// Why not.
        reason: Unsupported,
    },
    /// A file still runs the plugin, or cannot be parsed and may do so.
    #[error("{} may still run the plugin: {reason}", path.display())]
    Undetermined {
        /// The file.
        path: PathBuf,
        /// What is known of it.
        reason: String,
    },
    /// Other programs keep rewriting the configurations.
    #[error("{}: other programs keep changing the network configurations; try again", .0.display())]
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

    /// The reason code: the label of `netweir_cni_errors_total`.
    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::File { .. } => "file",
            Self::Kernel { .. } | Self::Health { .. } => "kernel",
            Self::NoNetwork(_) => "no_network",
            Self::Invalid { .. } => "invalid_configuration",
            Self::Unsupported { reason, .. } => reason.code(),
            Self::Undetermined { .. } => "undetermined",
            Self::Overtaken(_) => "overtaken",
        }
    }

    /// The error with its sources, on one line.
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

/// The reason codes of errors that an installer can count.
pub(super) const CODES: [&str; 7] = [
    "file",
    "kernel",
    "no_network",
    "invalid_configuration",
    "unsupported_version",
    "unsupported_network",
    "overtaken",
];
