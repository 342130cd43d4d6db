//! Exit codes.

use std::process;

use crate::error_kind::ErrorKind;
use crate::named::named;

named! {
    /// The exit codes of the process, which `--help` lists.
    #[repr(u8)]
    pub enum ExitCode: meaning {
        /// Success.
        Done = 0 "done";
        /// Any other failure.
        Failed = 1 "failed";
        /// Invalid options; nothing was changed.
        Usage = 2 "wrong options; nothing was changed";
        /// Verification failed, or the rules differ from the wanted ones.
        Drift = 3 "verification failed, or the rules differ from what they should be";
        /// A privilege is missing.
        NotPermitted = 4 "not permitted: a capability is missing";
        /// The kernel lacks a feature that the rules need.
        Unsupported = 5 "the kernel lacks a feature that the rules need";
        /// Failed validation, as Linkerd's network validator reports it.
        NotRedirected = 95 "linkerd-network-validator: traffic is not captured";
        /// Failed validation, as `istio-iptables` reports it.
        NotValidated = 126 "istio-iptables --run-validation: traffic is not captured";
    }
}

impl ExitCode {
    /// The number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
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
