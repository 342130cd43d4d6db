//! Errors of the commands, once the options are valid.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::app::{AppError, Remedies};
use crate::error_kind::with_sources;
use crate::exit_code::ExitCode;
use crate::log::Log;
use crate::nftables;
use crate::node::InstallError;

/// Why a command failed.
#[derive(Debug, Error)]
pub(super) enum CliError {
    /// A step failed.
    #[error("{}", .0.message(&REMEDIES))]
    App(#[from] AppError),
    /// The node agent failed.
    #[error("{}", with_sources(.0))]
    Install(#[from] InstallError),
    /// The connections to explain cannot be read.
    #[error("cannot read the connections: {0}")]
    Input(io::Error),
    /// The rules cannot be written to a file.
    #[error("cannot write the rules to {}: {source}; nothing was changed", .file.display())]
    RulesFile {
        /// The file.
        file: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// Standard output cannot be written.
    #[error("cannot write standard output: {0}")]
    Output(io::Error),
}

const REMEDIES: Remedies = Remedies {
    namespace: "--netns",
    net_admin: "in a container, add the capability NET_ADMIN",
    net_admin_as_user: "use sudo; in a container, add the capability NET_ADMIN, and run as user 0 or give the program the \
                        file capability cap_net_admin+p",
    sys_admin: "--netns needs it to enter another network namespace: use sudo, or run netweir inside that namespace",
    host: "capture would redirect that traffic, too; give --netns to capture one pod, or --host to capture here",
    addresses: "--ip-families auto needs them",
    name_servers: "--dns resolvers needs it",
    modules: "on the host",
    memory: "in a container, raise the memory limit",
    loopback: "bring it up with ip link set lo up",
};

impl From<nftables::Error> for CliError {
    fn from(error: nftables::Error) -> Self {
        Self::App(error.into())
    }
}

impl CliError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::App(error) => exit_code(error),
            Self::Install(_) | Self::Input(_) | Self::Output(_) | Self::RulesFile { .. } => {
                ExitCode::Failed
            }
        }
    }

    /// Logs the error.
    pub(super) fn report(&self, log: Log) -> ExitCode {
        log.error(self, &[]);
        self.exit_code()
    }
}

/// The exit code of a failed step.
pub(super) fn exit_code(error: &AppError) -> ExitCode {
    match error {
        AppError::NotCaptured | AppError::Verification(_) => ExitCode::Drift,
        error => error.kind().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::sample_messages;

    #[test]
    fn speaks_of_options_and_never_of_kubernetes() {
        let messages = sample_messages(&REMEDIES);
        for word in ["securityContext", "init container", "CNI_"] {
            assert!(
                !messages.iter().any(|message| message.contains(word)),
                "{word}"
            );
        }
        for word in ["--netns", "sudo", "--ip-families"] {
            assert!(
                messages.iter().any(|message| message.contains(word)),
                "{word}"
            );
        }
    }
}
