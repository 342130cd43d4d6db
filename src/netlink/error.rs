//! What can go wrong with the kernel, and what it likely means.

use std::{fmt, io};

use nix::errno::Errno;
use thiserror::Error;

use super::{ExchangeError, Refusal};
use crate::error_kind::{ErrorKind, Feature};
use crate::exit_code::ExitCode;
use crate::process::privileges::GRANT;
use crate::ruleset::TABLE;

/// Why the kernel's rules could not be read or changed.
#[derive(Debug, Error)]
pub enum Error {
    /// No netlink socket.
    #[error("cannot open a netlink socket{}", hint(.0))]
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
    #[error("the kernel refused to {doing}: {refusal}{}", hint_of(.refusal))]
    Unreadable {
        /// What was being read.
        doing: &'static str,
        /// The kernel's answer.
        refusal: Refusal,
    },
    /// The kernel refused a part of the transaction; nothing was changed.
    #[error("the kernel refused {subject}: {refusal}{}", cause(.subject, .refusal))]
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
    #[error("the kernel refused to {doing}: {refusal}{}", obstacle(.refusal))]
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

fn hint(error: &io::Error) -> &'static str {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EPROTONOSUPPORT | Errno::EAFNOSUPPORT) => {
            " (the kernel has no nfnetlink; is it built with CONFIG_NF_TABLES?)"
        }
        _ => "",
    }
}

fn permission(refusal: &Refusal) -> String {
    match refusal.errno {
        Errno::EPERM => format!("; {GRANT}"),
        _ => String::new(),
    }
}

/// What is in the way of an address, a policy rule or a route.
fn obstacle(refusal: &Refusal) -> String {
    match refusal.errno {
        Errno::EEXIST => " (somebody else's has the place, and leads elsewhere)".to_owned(),
        Errno::ENETDOWN => {
            " (lo is down; who makes a network namespace is to take it up, as container runtimes do)"
                .to_owned()
        }
        _ => permission(refusal),
    }
}

fn hint_of(refusal: &Refusal) -> String {
    match refusal.errno {
        Errno::EINVAL | Errno::EOPNOTSUPP => {
            " (the kernel has no nf_tables; its module nf_tables is missing or may not be loaded from here)"
                .to_owned()
        }
        _ => permission(refusal),
    }
}

/// The likely cause of a refusal.
fn cause(subject: &Subject, refusal: &Refusal) -> String {
    match (refusal.errno, subject) {
        // A missing capability is noticed before the parts are looked at.
        (Errno::EPERM, Subject::Table) => {
            " (another program owns a table of this name, with the flag owner)".to_owned()
        }
        (Errno::EPERM, _) => format!("; {GRANT}"),
        (Errno::ENOENT | Errno::EOPNOTSUPP | Errno::EINVAL, Subject::Chain(_)) => {
            " (NAT in the family inet needs Linux 5.2 and the module nft_chain_nat)".to_owned()
        }
        (Errno::ENOENT | Errno::EOPNOTSUPP, Subject::ProbeTable) => {
            " (the kernel cannot leave packets untracked; the module is nft_ct)".to_owned()
        }
        (Errno::ENOENT | Errno::EOPNOTSUPP | Errno::EINVAL, Subject::TraceTable(_)) => {
            " (to trace needs tables that end with their owner, Linux 5.12, and the module nft_ct)"
                .to_owned()
        }
        (Errno::ENOENT | Errno::EOPNOTSUPP, Subject::Rule(_)) => {
            " (the kernel lacks an expression of this rule; the modules are nft_redir, nft_ct, nft_tproxy, \
             nft_counter; where modules cannot be loaded from a container, load them on the node)"
                .to_owned()
        }
        (Errno::ENOMEM | Errno::ENOBUFS | Errno::EMSGSIZE, _) => {
            " (not enough kernel memory for the transaction; is the container's memory limit too low?)"
                .to_owned()
        }
        _ => String::new(),
    }
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

    /// What is said names the subject, then the kernel's reason, then this cause.
    #[track_caller]
    fn is_told(subject: &Subject, errnos: &[Errno], cause: &str, exit_code: ExitCode) {
        for &errno in errnos {
            let error = refused(subject.clone(), errno);
            let told = error.to_string();
            let begin = format!("the kernel refused {subject}: {} ({errno:?})", errno.desc());
            let rest = told.strip_prefix(&begin).map(str::to_owned);
            assert!(rest.is_some_and(|rest| rest.contains(cause)), "{told}");
            assert_eq!(error.exit_code(), exit_code, "{told}");
        }
    }

    #[test]
    fn a_refusal_names_the_likely_cause() {
        let rule = Subject::Rule("outbound/redirect".to_owned());
        let chain = Subject::Chain("outbound".to_owned());
        let lacks = [Errno::ENOENT, Errno::EOPNOTSUPP];
        let lacks_or_invalid = [Errno::ENOENT, Errno::EOPNOTSUPP, Errno::EINVAL];
        is_told(&rule, &lacks, "nft_redir", ExitCode::Unsupported);
        let nat = "Linux 5.2 and the module nft_chain_nat";
        is_told(&chain, &lacks_or_invalid, nat, ExitCode::Unsupported);
        is_told(
            &Subject::ProbeTable,
            &lacks,
            "nft_ct",
            ExitCode::Unsupported,
        );
        let trace = Subject::TraceTable("t".to_owned());
        is_told(
            &trace,
            &lacks_or_invalid,
            "Linux 5.12",
            ExitCode::Unsupported,
        );
        let memory = [Errno::ENOMEM, Errno::ENOBUFS, Errno::EMSGSIZE];
        let set = Subject::Set("outbound_exclude_ipv4".to_owned());
        is_told(&set, &memory, "memory limit", ExitCode::Failed);
        for subject in [Subject::Transaction, rule] {
            is_told(&subject, &[Errno::EPERM], GRANT, ExitCode::NotPermitted);
        }
        is_told(
            &Subject::Table,
            &[Errno::EPERM],
            "owner",
            ExitCode::NotPermitted,
        );
        is_told(&Subject::Table, &[Errno::EBUSY], "", ExitCode::Failed);
    }

    #[test]
    fn a_kernel_without_nf_tables_lacks_a_feature() {
        let absent = [Errno::EPROTONOSUPPORT, Errno::EAFNOSUPPORT];
        for errno in absent {
            let error = Error::Open(errno.into());
            assert!(error.to_string().contains("CONFIG_NF_TABLES"), "{error}");
            assert_eq!(error.exit_code(), ExitCode::Unsupported);
        }
        for errno in [Errno::EINVAL, Errno::EOPNOTSUPP] {
            let words = None;
            let refusal = Refusal { errno, words };
            let error = Error::reading("list")(ExchangeError::Refused(refusal));
            assert!(error.to_string().contains("module nf_tables"), "{error}");
            assert_eq!(error.exit_code(), ExitCode::Unsupported);
        }
    }
}
