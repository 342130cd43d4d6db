//! Exit codes.

use std::process;

use crate::error_kind::ErrorKind;

/// The exit codes of the process, which `--help` lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Success.
    Done = 0,
    /// Any other failure.
    Failed = 1,
    /// Invalid options; nothing was changed.
    Usage = 2,
    /// Verification failed, or the rules differ from the wanted ones.
    Drift = 3,
    /// A privilege is missing.
    NotPermitted = 4,
    /// The kernel lacks a feature that the rules need.
    Unsupported = 5,
    /// Failed validation, as `istio-iptables` reports it.
    NotValidated = 126,
}

impl ExitCode {
    /// All of them, ascending.
    pub const ALL: [Self; 7] = [
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::Drift,
        Self::NotPermitted,
        Self::Unsupported,
        Self::NotValidated,
    ];

    /// The number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Its meaning, as in `--help`.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Usage => "wrong options; nothing was changed",
            Self::Drift => "verification failed, or the rules differ from what they should be",
            Self::NotPermitted => "not permitted: a capability is missing",
            Self::Unsupported => "the kernel lacks a feature that the rules need",
            Self::NotValidated => "istio-iptables --run-validation: traffic is not captured",
        }
    }
}

impl From<ErrorKind> for ExitCode {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::NotPermitted | ErrorKind::OwnedTable => Self::NotPermitted,
            ErrorKind::Unsupported(_) => Self::Unsupported,
            ErrorKind::OutOfMemory
            | ErrorKind::TooLarge
            | ErrorKind::Contended
            | ErrorKind::Occupied
            | ErrorKind::LoopbackDown
            | ErrorKind::Other => Self::Failed,
        }
    }
}

impl From<ExitCode> for process::ExitCode {
    fn from(code: ExitCode) -> Self {
        code.number().into()
    }
}
