//! Failures of exchanges with the kernel: facts, without remedies.

use std::{fmt, io};

use nix::errno::Errno;
use thiserror::Error;

use super::{ExchangeError, Refusal};
use crate::error_kind::{ErrorKind, Feature};
use crate::exit_code::ExitCode;
use crate::ruleset::TABLE;

/// Why the kernel's rules could not be read or changed.
#[derive(Debug, Error)]
pub enum Error {
    /// No netlink socket.
    #[error("cannot open a netlink socket")]
    Open(#[source] io::Error),
    /// The netlink socket failed.
    #[error("cannot {doing}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The socket's error.
        #[source]
        source: io::Error,
    },
    /// The kernel refused to list what is installed.
    #[error("the kernel refused to {doing}: {refusal}")]
    Unreadable {
        /// What was being read.
        doing: &'static str,
        /// The kernel's answer.
        refusal: Refusal,
    },
    /// The kernel refused a part of the transaction; nothing was changed.
    #[error("the kernel refused {subject}: {refusal}")]
    Refused {
        /// The part.
        subject: Subject,
        /// The kernel's answer.
        refusal: Refusal,
    },
    /// Others kept changing the ruleset.
    #[error(
        "other programs changed the ruleset again and again while this one tried to ({attempts} attempts)"
    )]
    Contended {
        /// How often it was tried.
        attempts: u32,
    },
    /// The kernel refused an address, a policy rule or a route.
    #[error("the kernel refused to {doing}: {refusal}")]
    Routing {
        /// What was being done, as the `ip` command that it equals.
        doing: String,
        /// The kernel's answer.
        refusal: Refusal,
    },
    /// Something does not fit into a message.
    #[error("{0} does not fit into a netlink message")]
    TooLarge(Subject),
}

impl Error {
    /// The kind of the failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Open(source) => match errno(source) {
                Errno::EPROTONOSUPPORT | Errno::EAFNOSUPPORT => {
                    ErrorKind::Unsupported(Feature::Netlink)
                }
                errno => kind(errno),
            },
            Self::Io { source, .. } => kind(errno(source)),
            Self::Unreadable { refusal, .. } => match refusal.errno {
                // The subsystem itself is missing.
                Errno::EINVAL | Errno::EOPNOTSUPP => ErrorKind::Unsupported(Feature::NfTables),
                errno => kind(errno),
            },
            Self::Refused { subject, refusal } => subject.kind(refusal.errno),
            Self::Routing { refusal, .. } => match refusal.errno {
                Errno::EEXIST => ErrorKind::Occupied,
                Errno::ENETDOWN => ErrorKind::LoopbackDown,
                errno => kind(errno),
            },
            Self::Contended { .. } => ErrorKind::Contended,
            Self::TooLarge(_) => ErrorKind::TooLarge,
        }
    }

    /// The exit code that tells a script what to do about it.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        self.kind().into()
    }

    pub(crate) fn reading(doing: &'static str) -> impl Fn(ExchangeError) -> Self {
        move |error| match error {
            ExchangeError::Io(source) => Self::Io { doing, source },
            ExchangeError::Refused(refusal) => Self::Unreadable { doing, refusal },
            ExchangeError::Interrupted => Self::Io {
                doing,
                source: io::ErrorKind::Interrupted.into(),
            },
        }
    }
}

/// The temporary table of a verification, in the family inet.
pub(crate) const PROBE_TABLE: &str = "netweir-probe";

/// What a message of the transaction is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The transaction as a whole.
    Transaction,
    /// The table.
    Table,
    /// The temporary table of a verification, and what is in it.
    ProbeTable,
    /// The temporary table of this name that has packets traced, and what is in it.
    TraceTable(String),
    /// The set of the name, or its elements.
    Set(String),
    /// The chain of the name.
    Chain(String),
    /// The rule of the id.
    Rule(String),
}

impl Subject {
    /// The kind of the kernel's refusal of it. A missing capability is noticed before the parts are looked at, so that EPERM
    /// for the table comes from its owner.
    fn kind(&self, errno: Errno) -> ErrorKind {
        let feature = match (self, errno) {
            (Self::Table, Errno::EPERM) => return ErrorKind::OwnedTable,
            // EINVAL: a hook that the type of chain does not have in this family.
            (Self::Chain(_), Errno::ENOENT | Errno::EOPNOTSUPP | Errno::EINVAL) => Feature::InetNat,
            // EINVAL: a flag of the table that the kernel does not know.
            (Self::TraceTable(_), Errno::ENOENT | Errno::EOPNOTSUPP | Errno::EINVAL) => {
                Feature::Tracing
            }
            (Self::ProbeTable, Errno::ENOENT | Errno::EOPNOTSUPP) => Feature::NoTrack,
            (Self::Rule(_), Errno::ENOENT | Errno::EOPNOTSUPP) => Feature::Expression,
            (_, errno) => return kind(errno),
        };
        ErrorKind::Unsupported(feature)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transaction => f.write_str("the transaction"),
            Self::Table => write!(f, "the table inet {TABLE}"),
            Self::ProbeTable => write!(f, "the temporary table inet {PROBE_TABLE}"),
            Self::TraceTable(name) => write!(f, "the temporary table inet {name}"),
            Self::Set(name) => write!(f, "the set {name}"),
            Self::Chain(name) => write!(f, "the chain {name}"),
            Self::Rule(id) => write!(f, "the rule {id}"),
        }
    }
}

/// The kind of an error number that says nothing more in its place.
fn kind(errno: Errno) -> ErrorKind {
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

fn errno(error: &io::Error) -> Errno {
    error
        .raw_os_error()
        .map_or(Errno::UnknownErrno, Errno::from_raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(subject: Subject, errno: Errno) -> Error {
        let words = None;
        Error::Refused {
            subject,
            refusal: Refusal { errno, words },
        }
    }

    #[test]
    fn kind_follows_from_subject_and_error_number() {
        let rule = Subject::Rule("outbound/redirect".to_owned());
        let chain = Subject::Chain("outbound".to_owned());
        let trace = Subject::TraceTable("t".to_owned());
        let unsupported = ErrorKind::Unsupported;
        for (subject, errnos, kind) in [
            (
                &rule,
                &[Errno::ENOENT, Errno::EOPNOTSUPP][..],
                unsupported(Feature::Expression),
            ),
            (
                &chain,
                &[Errno::ENOENT, Errno::EOPNOTSUPP, Errno::EINVAL],
                unsupported(Feature::InetNat),
            ),
            (
                &trace,
                &[Errno::ENOENT, Errno::EOPNOTSUPP, Errno::EINVAL],
                unsupported(Feature::Tracing),
            ),
            (
                &Subject::ProbeTable,
                &[Errno::ENOENT, Errno::EOPNOTSUPP],
                unsupported(Feature::NoTrack),
            ),
            (
                &rule,
                &[Errno::ENOMEM, Errno::ENOBUFS],
                ErrorKind::OutOfMemory,
            ),
            (&rule, &[Errno::EPERM], ErrorKind::NotPermitted),
            (
                &Subject::Transaction,
                &[Errno::EPERM],
                ErrorKind::NotPermitted,
            ),
            (&Subject::Table, &[Errno::EPERM], ErrorKind::OwnedTable),
            (&Subject::Table, &[Errno::EBUSY], ErrorKind::Other),
        ] {
            for &errno in errnos {
                let error = refused(subject.clone(), errno);
                assert_eq!(error.kind(), kind, "{error}");
            }
        }
    }

    #[test]
    fn kernel_without_nf_tables_lacks_a_feature() {
        for errno in [Errno::EPROTONOSUPPORT, Errno::EAFNOSUPPORT] {
            let kind = Error::Open(errno.into()).kind();
            assert_eq!(kind, ErrorKind::Unsupported(Feature::Netlink));
        }
        for errno in [Errno::EINVAL, Errno::EOPNOTSUPP] {
            let words = None;
            let refusal = Refusal { errno, words };
            let error = Error::reading("list")(ExchangeError::Refused(refusal));
            assert_eq!(error.kind(), ErrorKind::Unsupported(Feature::NfTables));
        }
    }
}
