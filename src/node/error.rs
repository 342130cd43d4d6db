//! Errors of the installer.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::error_kind::with_sources;

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
    /// In order: the directory, the files.
    #[error("no valid CNI network configuration in {path}; invalid: {1}", path = .0.display())]
    Invalid(PathBuf, String),
    /// The primary network cannot have the plugin.
    /// In order: the network's file, why not.
    #[error("cannot add the plugin to {path}: {1}", path = .0.display())]
    Unsupported(PathBuf, Unsupported),
    /// A file still runs the plugin, or cannot be parsed and may do so.
    /// In order: the file, what is known of it.
    #[error("{path} may still run the plugin: {1}", path = .0.display())]
    Undetermined(PathBuf, String),
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
            Self::Invalid(..) => "invalid_configuration",
            Self::Unsupported(_, reason) => reason.code(),
            Self::Undetermined(..) => "undetermined",
            Self::Overtaken(_) => "overtaken",
        }
    }

    /// The error with its sources, on one line.
    pub(super) fn in_full(&self) -> String {
        with_sources(self)
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
