//! Errors of the installer.

use std::error::Error as _;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::conflist::UnsupportedVersion;

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
    /// The primary network uses versions of the specification that the plugin does not support.
    #[error("cannot add the plugin to {}: {reason}", path.display())]
    UnsupportedVersion {
        /// The network's file.
        path: PathBuf,
        /// The versions.
        reason: String,
    },
    /// A file that cannot be parsed may still contain the plugin's entry.
    #[error("cannot tell whether {} still has the plugin's entry: {reason}", path.display())]
    Undetermined {
        /// The file.
        path: PathBuf,
        /// Why it cannot be parsed.
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

    pub(super) fn unsupported_version(path: PathBuf, reason: &UnsupportedVersion) -> Self {
        let reason = reason.to_string();
        Self::UnsupportedVersion { path, reason }
    }

    /// The reason code, a label of `netweir_cni_errors_total`.
    pub(super) const fn reason(&self) -> Reason {
        match self {
            Self::File { .. } => Reason::File,
            Self::Kernel { .. } | Self::Health { .. } => Reason::Kernel,
            Self::NoNetwork(_) => Reason::NoNetwork,
            Self::Invalid { .. } => Reason::Invalid,
            Self::UnsupportedVersion { .. } => Reason::UnsupportedVersion,
            Self::Undetermined { .. } => Reason::Undetermined,
            Self::Overtaken(_) => Reason::Overtaken,
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

/// The kind of an error, as Prometheus labels it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    File,
    Kernel,
    NoNetwork,
    Invalid,
    UnsupportedVersion,
    Undetermined,
    Overtaken,
}

impl Reason {
    pub(super) const ALL: [Self; 7] = [
        Self::File,
        Self::Kernel,
        Self::NoNetwork,
        Self::Invalid,
        Self::UnsupportedVersion,
        Self::Undetermined,
        Self::Overtaken,
    ];

    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Kernel => "kernel",
            Self::NoNetwork => "no_network",
            Self::Invalid => "invalid_configuration",
            Self::UnsupportedVersion => "unsupported_version",
            Self::Undetermined => "undetermined",
            Self::Overtaken => "overtaken",
        }
    }
}
