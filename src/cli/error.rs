//! Errors of the commands, once the options are valid.

use std::error::Error as _;
use std::io;

use thiserror::Error;

use crate::app::AppError;
use crate::exit_code::ExitCode;
use crate::log::Log;
use crate::nftables;
use crate::node::InstallError;

/// Why a command failed.
#[derive(Debug, Error)]
pub(super) enum CliError {
    /// A step failed.
    #[error(transparent)]
    App(#[from] AppError),
    /// The node agent failed.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// The connections to explain cannot be read.
    #[error("the connections cannot be read")]
    Input(#[source] io::Error),
    /// Standard output cannot be written.
    #[error("standard output cannot be written")]
    Output(#[source] io::Error),
}

impl From<nftables::Error> for CliError {
    fn from(error: nftables::Error) -> Self {
        Self::App(error.into())
    }
}

impl CliError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::App(error) => exit_code(error),
            Self::Install(_) | Self::Input(_) | Self::Output(_) => ExitCode::Failed,
        }
    }

    /// Logs the error with its sources.
    pub(super) fn report(&self, log: Log) -> ExitCode {
        let option = match self {
            Self::App(AppError::Namespace(_)) => "--netns: ",
            Self::App(_) | Self::Install(_) | Self::Input(_) | Self::Output(_) => "",
        };
        let mut message = format!("{option}{self}");
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

/// The exit code of a failed step.
pub(super) fn exit_code(error: &AppError) -> ExitCode {
    match error {
        AppError::Privilege(error) => error.exit_code(),
        AppError::Namespace(error) => error.exit_code(),
        AppError::Kernel(error) => error.exit_code(),
        AppError::NotCaptured | AppError::Verification(_) => ExitCode::Drift,
        AppError::OwnNamespace(_)
        | AppError::Addresses(_)
        | AppError::NameServers(_)
        | AppError::Sysctl { .. }
        | AppError::NotInstalled => ExitCode::Failed,
    }
}
