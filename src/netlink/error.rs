//! Failures of exchanges with the kernel. They state facts; remedies are their callers'.

use std::{fmt, io};

use nix::errno::Errno;

use super::Subsystem;
use crate::error_kind::{ErrorKind, Feature, with_sources};

/// Why an exchange with the kernel failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no netlink socket.
    #[error("cannot open a netlink socket")]
    Open(#[source] io::Error),
    /// The netlink socket failed.
    #[error("cannot {doing}")]
    Io {
        /// What was being done.
        doing: String,
        /// The socket's error.
        #[source]
        source: io::Error,
    },
    /// A request was sent and its answer cannot be read: it may have been carried out.
    #[error("cannot {doing}: the kernel's answer cannot be read")]
    Unconfirmed {
        /// What was being done.
        doing: String,
        /// The socket's error.
        #[source]
        source: io::Error,
    },
    /// The kernel refused a request or a part of a transaction; then nothing was changed.
    #[error("the kernel refused {what}: {refusal}")]
    Refused {
        /// A part of the transaction, or what the request was to do.
        what: String,
        /// The kernel's answer.
        refusal: Refusal,
        /// What the answer means there.
        kind: ErrorKind,
    },
    /// Other programs' changes came between until the time for attempts was over.
    #[error("cannot {doing}: other programs kept changing the configuration for 5 seconds")]
    Contended {
        /// What was being done.
        doing: String,
    },
    /// Something does not fit into a message.
    #[error("{0} does not fit into a netlink message")]
    TooLarge(String),
    /// Several failures, the first of which is the cause of the others, if there is one.
    #[error("{}", all(.0))]
    Several(Vec<Error>),
}

fn all(errors: &[Error]) -> String {
    let texts = errors.iter().map(|error| with_sources(error));
    texts.collect::<Vec<_>>().join("; ")
}

impl Error {
    /// The kind of the failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Open(source) => match errno_of(source) {
                Some(Errno::EPROTONOSUPPORT | Errno::EAFNOSUPPORT) => {
                    ErrorKind::Unsupported(Feature::Netlink)
                }
                errno => errno.map_or(ErrorKind::Other, kind_of),
            },
            Self::Io { source, .. } | Self::Unconfirmed { source, .. } => {
                errno_of(source).map_or(ErrorKind::Other, kind_of)
            }
            Self::Refused { kind, .. } => *kind,
            Self::Contended { .. } => ErrorKind::Contended,
            Self::TooLarge(_) => ErrorKind::TooLarge,
            Self::Several(errors) => errors.first().map_or(ErrorKind::Other, Self::kind),
        }
    }

    /// The number of the kernel's refusal.
    pub(crate) fn refused_with(&self) -> Option<Errno> {
        match self {
            Self::Refused { refusal, .. } => Some(refusal.errno),
            _ => None,
        }
    }

    /// Whether a request may have been carried out although it failed.
    pub(crate) const fn is_unconfirmed(&self) -> bool {
        matches!(self, Self::Unconfirmed { .. })
    }

    /// Whether a socket failed, and another one may not.
    pub(crate) fn is_of_socket(&self) -> bool {
        match self {
            Self::Io { .. } | Self::Unconfirmed { .. } => true,
            Self::Several(errors) => errors.iter().any(Self::is_of_socket),
            Self::Open(_) | Self::Refused { .. } | Self::Contended { .. } | Self::TooLarge(_) => {
                false
            }
        }
    }

    /// One error of those, of which there is one at least.
    pub(crate) fn several(mut errors: Vec<Self>) -> Self {
        match (errors.pop(), errors.is_empty()) {
            (Some(only), true) => only,
            (last, _) => {
                errors.extend(last);
                Self::Several(errors)
            }
        }
    }

    pub(crate) fn unconfirmed(doing: &str, source: io::Error) -> Self {
        let doing = doing.to_owned();
        Self::Unconfirmed { doing, source }
    }

    pub(crate) fn io(doing: &str, source: io::Error) -> Self {
        let doing = doing.to_owned();
        Self::Io { doing, source }
    }

    pub(crate) fn contended(doing: &str) -> Self {
        let doing = doing.to_owned();
        Self::Contended { doing }
    }

    /// The refusal of a request to the subsystem.
    pub(super) fn refused(subsystem: Subsystem, doing: &str, refusal: Refusal) -> Self {
        let kind = match (subsystem, refusal.errno) {
            // The subsystem itself is missing.
            (Subsystem::Nftables, Errno::EINVAL | Errno::EOPNOTSUPP) => {
                ErrorKind::Unsupported(Feature::NfTables)
            }
            (Subsystem::Route, Errno::EEXIST) => ErrorKind::Occupied,
            (Subsystem::Route, Errno::ENETDOWN) => ErrorKind::LoopbackDown,
            (_, errno) => kind_of(errno),
        };
        let what = format!("to {doing}");
        Self::Refused {
            what,
            refusal,
            kind,
        }
    }
}

/// Why the kernel refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The error number.
    pub errno: Errno,
    /// The kernel's own explanation, if it has one (extended acknowledgement).
    pub explanation: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", self.errno.desc(), self.errno)?;
        match &self.explanation {
            Some(explanation) => write!(f, ": {explanation}"),
            None => Ok(()),
        }
    }
}

fn errno_of(error: &io::Error) -> Option<Errno> {
    error.raw_os_error().map(Errno::from_raw)
}

/// The kind of an error number that means nothing special where it occurred.
pub(crate) fn kind_of(errno: Errno) -> ErrorKind {
    match errno {
        Errno::EPERM | Errno::EACCES => ErrorKind::NotPermitted,
        Errno::ENOENT
        | Errno::EOPNOTSUPP
        | Errno::EAFNOSUPPORT
        | Errno::EPROTONOSUPPORT
        | Errno::ESOCKTNOSUPPORT => ErrorKind::Unsupported(Feature::Unnamed),
        Errno::ENOMEM | Errno::ENOBUFS | Errno::EAGAIN => ErrorKind::OutOfMemory,
        Errno::EMSGSIZE => ErrorKind::TooLarge,
        _ => ErrorKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_failures_are_all_reported() {
        let io = || Error::io("delete the address ::6 of lo", Errno::ENOBUFS.into());
        let refusal = Refusal {
            errno: Errno::EPERM,
            explanation: None,
        };
        let refused = || Error::refused(Subsystem::Route, "delete the route", refusal.clone());
        assert_eq!(
            Error::several(vec![refused(), io()]).to_string(),
            "the kernel refused to delete the route: Operation not permitted (EPERM); cannot delete the address ::6 of lo: \
             No buffer space available (os error 105)"
        );
        assert!(Error::several(vec![refused(), io()]).is_of_socket());
        assert!(matches!(Error::several(vec![io()]), Error::Io { .. }));
    }

    #[test]
    fn kernel_without_nf_tables_lacks_a_feature() {
        for errno in [Errno::EPROTONOSUPPORT, Errno::EAFNOSUPPORT] {
            let kind = Error::Open(errno.into()).kind();
            assert_eq!(kind, ErrorKind::Unsupported(Feature::Netlink));
        }
        for errno in [Errno::EINVAL, Errno::EOPNOTSUPP] {
            let refusal = Refusal {
                errno,
                explanation: None,
            };
            let error = Error::refused(Subsystem::Nftables, "list", refusal);
            assert_eq!(error.kind(), ErrorKind::Unsupported(Feature::NfTables));
        }
    }

    #[test]
    fn refused_routing_object_names_what_is_in_its_place() {
        for (errno, kind) in [
            (Errno::EEXIST, ErrorKind::Occupied),
            (Errno::ENETDOWN, ErrorKind::LoopbackDown),
            (Errno::EPERM, ErrorKind::NotPermitted),
        ] {
            let refusal = Refusal {
                errno,
                explanation: None,
            };
            assert_eq!(
                Error::refused(Subsystem::Route, "add", refusal).kind(),
                kind
            );
        }
    }
}
