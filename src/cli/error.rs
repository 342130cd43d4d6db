//! What can go wrong once the options are right.

use std::error::Error as _;
use std::io;

use thiserror::Error;

use crate::exit_code::ExitCode;
use crate::log::Log;
use crate::nftables;
use crate::node::InstallError;
use crate::process::namespace::NamespaceError;
use crate::process::privileges::PrivilegeError;
use crate::verify;

/// Why a verb failed.
#[derive(Debug, Error)]
pub(super) enum Error {
    /// A capability is missing or cannot be dropped.
    #[error(transparent)]
    Privilege(#[from] PrivilegeError),
    /// The network namespace cannot be entered.
    #[error("--netns")]
    Namespace(#[from] NamespaceError),
    /// The rules in the kernel cannot be read or changed.
    #[error(transparent)]
    Kernel(#[from] nftables::Error),
    /// Connections do not go where the rules send them.
    #[error("the rules are installed, but traffic is not captured as it should be")]
    NotCaptured,
    /// Whether they do cannot be found out.
    #[error(transparent)]
    Verification(#[from] verify::Error),
    /// The addresses of the namespace cannot be read.
    #[error("the addresses of the network namespace cannot be read, as --ip-families auto needs")]
    Addresses(#[source] io::Error),
    /// Validation, as Istio's program calls it, failed.
    #[error("validation failed: traffic is not captured as it should be")]
    NotValidated,
    /// The name servers to capture queries to are not known.
    #[error(
        "/etc/resolv.conf cannot be read, as --redirect-dns without --capture-all-dns needs: {0}"
    )]
    NameServers(String),
    /// A kernel parameter cannot be set.
    #[error("{name} cannot be set to {value}")]
    Parameter {
        /// The parameter, as sysctl(8) has it.
        name: &'static str,
        /// The value.
        value: u32,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There are no rules to look at.
    #[error("no table inet netweir is installed in this network namespace: nothing is captured")]
    NotInstalled,
    /// The plugin is not on the node as it should be.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// What is asked cannot be read.
    #[error("the connections cannot be read")]
    Input(#[source] io::Error),
    /// Standard output takes nothing.
    #[error("standard output cannot be written")]
    Output(#[source] io::Error),
}

impl Error {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Privilege(error) => error.exit_code(),
            Self::Namespace(error) => error.exit_code(),
            Self::Kernel(error) => error.exit_code(),
            Self::NotCaptured | Self::Verification(_) => ExitCode::Drift,
            Self::NotValidated => ExitCode::NotValidated,
            Self::Addresses(_)
            | Self::NameServers(_)
            | Self::Parameter { .. }
            | Self::NotInstalled
            | Self::Install(_)
            | Self::Input(_)
            | Self::Output(_) => ExitCode::Failed,
        }
    }

    /// Writes down the error and its sources.
    pub(super) fn report(&self, log: Log) -> ExitCode {
        let mut message = self.to_string();
        let mut source = self.source();
        while let Some(error) = source {
            message.push_str(": ");
            message.push_str(&error.to_string());
            source = error.source();
        }
        log.error(message, &[]);
        self.exit_code()
    }
}
