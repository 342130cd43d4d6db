//! What can go wrong, and how a runtime is told.

use std::io;
use std::str::Utf8Error;

use nix::errno::Errno;
use serde::Serialize;
use thiserror::Error;

use crate::app::AppError;
use crate::exit_code::ExitCode;
use crate::nftables;
use crate::options::OptionError;

use super::code::Code;
use super::config::ConfigError;
use super::environment::{Command, Pod, VariableError};
use super::version::SpecVersion;

/// Why the plugin failed.
#[derive(Debug, Error)]
pub enum PluginError {
    /// Variables are missing or wrong.
    #[error("the runtime's CNI variables are wrong: {}", names(.0))]
    Environment(Vec<VariableError>),
    /// Standard input cannot be read.
    #[error("standard input cannot be read")]
    Input(#[source] io::Error),
    /// Standard input does not end.
    #[error("standard input is too long")]
    TooLong {
        /// The most that is read, in bytes.
        limit: u64,
    },
    /// Standard input is no text.
    #[error("standard input is not UTF-8")]
    NotUtf8(#[source] Utf8Error),
    /// Standard input is no JSON object.
    #[error("standard input is not a JSON object")]
    Decode(#[source] serde_json::Error),
    /// The version is missing or not spoken.
    #[error("the version of the CNI specification is not spoken")]
    Version(String),
    /// The command is younger than the version.
    #[error("there is no {command} in version {version} of the CNI specification, but since {}", command.since())]
    CommandSince {
        /// The command.
        command: Command,
        /// The configuration's version.
        version: SpecVersion,
    },
    /// The configuration is wrong.
    #[error("the plugin's configuration is wrong{}", unsupported(.0))]
    Config(Vec<ConfigError>),
    /// The plugin is the first of its list.
    #[error("there is no prevResult")]
    NotChained(Command),
    /// An annotation is wrong.
    #[error("{pod} cannot be captured: its annotations are wrong")]
    Annotations {
        /// The pod.
        pod: Pod,
        /// What is wrong.
        errors: Vec<OptionError>,
    },
    /// Whether the pod should be captured cannot be told.
    #[error("whether {pod} should be captured cannot be told")]
    Undecidable {
        /// The pod.
        pod: Pod,
        /// Why not.
        reason: &'static str,
    },
    /// The pod's network namespace cannot be entered.
    #[error("CNI_NETNS is wrong")]
    Namespace(#[source] Box<AppError>),
    /// A capability is missing.
    #[error("the plugin lacks privileges")]
    Privilege(#[source] Box<AppError>),
    /// ADD failed.
    #[error("{pod} cannot be captured")]
    NotCaptured {
        /// The pod.
        pod: Pod,
        /// The reason.
        #[source]
        source: Box<AppError>,
    },
    /// CHECK failed to read the rules.
    #[error("the rules of {pod} cannot be read")]
    Unreadable {
        /// The pod.
        pod: Pod,
        /// The reason.
        #[source]
        source: Box<AppError>,
    },
    /// What is installed is not what should be.
    #[error("{pod} is not captured as it should be")]
    Drift {
        /// The pod.
        pod: Pod,
        /// Every difference, a line each.
        differences: Vec<String>,
    },
    /// No rules can be installed on this node.
    #[error("pods cannot be captured on this node")]
    NotAvailable(#[source] AppError),
    /// The plugin has a bug.
    #[error(
        "internal error; please report it at {} with the output on standard error",
        env!("CARGO_PKG_REPOSITORY")
    )]
    Panic {
        /// Where.
        place: String,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorResult<'a> {
    cni_version: &'a str,
    code: u8,
    msg: String,
    details: String,
}

impl PluginError {
    /// ADD or DEL of the pod failed.
    pub(super) fn of_pod(pod: &Pod, source: AppError) -> Self {
        let (pod, source) = (pod.clone(), Box::new(source));
        match *source {
            AppError::Namespace(_) | AppError::OwnNamespace(_) => Self::Namespace(source),
            AppError::Privilege(_) => Self::Privilege(source),
            _ => Self::NotCaptured { pod, source },
        }
    }

    /// CHECK of the pod failed.
    pub(super) fn unreadable(pod: &Pod, source: AppError) -> Self {
        match Self::of_pod(pod, source) {
            Self::NotCaptured { pod, source } => Self::Unreadable { pod, source },
            other => other,
        }
    }

    /// Its number.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Environment(_) => Code::InvalidEnvironment,
            Self::Input(_) => Code::Io,
            Self::TooLong { .. } | Self::NotUtf8(_) | Self::Decode(_) => Code::Decode,
            Self::Version(_) | Self::CommandSince { .. } => Code::IncompatibleVersion,
            Self::Config(errors) => {
                let unknown = |error: &ConfigError| matches!(error, ConfigError::Unknown { .. });
                if errors.iter().any(unknown) {
                    Code::UnsupportedField
                } else {
                    Code::InvalidConfig
                }
            }
            Self::NotChained(_) => Code::InvalidConfig,
            Self::Annotations { .. } => Code::Annotations,
            Self::Undecidable { .. } => Code::Undecidable,
            Self::Namespace(source)
            | Self::Privilege(source)
            | Self::NotCaptured { source, .. }
            | Self::Unreadable { source, .. } => code_of(source),
            Self::Drift { .. } => Code::Drift,
            Self::NotAvailable(_) => Code::NotAvailable,
            Self::Panic { .. } => Code::Bug,
        }
    }

    /// Everything that the message leaves out.
    #[must_use]
    pub fn details(&self) -> String {
        match self {
            Self::Environment(errors) => listed(errors),
            Self::Config(errors) => listed(errors),
            Self::Annotations { errors, .. } => listed(errors),
            Self::Drift { differences, .. } => listed(differences),
            Self::Version(found) => format!("{found}; supported: {}", SpecVersion::listed()),
            Self::CommandSince { .. } => format!("supported: {}", SpecVersion::listed()),
            Self::NotChained(command) => format!(
                "{command} without prevResult: netweir makes no network of its own; accepted is a place in the list \
                 of plugins behind the ones that do"
            ),
            Self::Undecidable { reason, .. } => (*reason).to_owned(),
            Self::Panic { place } => place.clone(),
            Self::TooLong { limit } => {
                format!("it has more than {limit} bytes; accepted is that many at most")
            }
            Self::Input(_)
            | Self::NotUtf8(_)
            | Self::Decode(_)
            | Self::Namespace(_)
            | Self::Privilege(_)
            | Self::NotCaptured { .. }
            | Self::Unreadable { .. }
            | Self::NotAvailable(_) => sources(self),
        }
    }

    /// As the specification wants it printed, on one line.
    #[must_use]
    pub fn to_json(&self, version: SpecVersion) -> String {
        let result = ErrorResult {
            cni_version: version.text(),
            code: self.code().number(),
            msg: self.to_string(),
            details: self.details(),
        };
        serde_json::to_string(&result).expect("strings and a number serialize")
    }
}

/// The specification wants them in the message, not in the details alone.
fn names(errors: &[VariableError]) -> String {
    let mut names: Vec<_> = errors.iter().map(VariableError::name).collect();
    names.dedup();
    names.join(", ")
}

/// The keys that nobody knows and their values, for the same reason.
fn unsupported(errors: &[ConfigError]) -> String {
    let unknown = errors.iter().filter_map(|error| match error {
        ConfigError::Unknown { key, value, .. } => Some(format!("{key}, which is {value}")),
        _ => None,
    });
    let unknown: Vec<_> = unknown.collect();
    if unknown.is_empty() {
        return String::new();
    }
    format!(": not supported: {}", unknown.join("; "))
}

/// The mistakes on one line: an event of Kubernetes is one.
fn listed(errors: &[impl ToString]) -> String {
    let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

fn sources(error: &dyn std::error::Error) -> String {
    let mut texts = Vec::new();
    let mut source = error.source();
    while let Some(error) = source {
        texts.push(error.to_string());
        source = error.source();
    }
    texts.join(": ")
}

/// The number of a failed step.
fn code_of(error: &AppError) -> Code {
    let permitted = |code: ExitCode, other| match code {
        ExitCode::NotPermitted => Code::NotPermitted,
        _ => other,
    };
    match error {
        AppError::Namespace(error) => permitted(error.exit_code(), Code::InvalidEnvironment),
        AppError::OwnNamespace(_) => Code::InvalidEnvironment,
        AppError::Privilege(error) => permitted(error.exit_code(), Code::Failed),
        AppError::Kernel(error) => of_kernel(error),
        AppError::Addresses(_)
        | AppError::NameServers(_)
        | AppError::NotInstalled
        | AppError::Sysctl { .. }
        | AppError::Verification(_)
        | AppError::NotCaptured => Code::Failed,
    }
}

fn of_kernel(error: &nftables::Error) -> Code {
    let short_of_memory =
        |errno: Errno| matches!(errno, Errno::ENOMEM | Errno::ENOBUFS | Errno::EAGAIN);
    let passes = match error {
        nftables::Error::Contended { .. } => true,
        nftables::Error::Open(source) | nftables::Error::Io { source, .. } => source
            .raw_os_error()
            .is_some_and(|errno| short_of_memory(Errno::from_raw(errno))),
        nftables::Error::Refused { refusal, .. }
        | nftables::Error::Routing { refusal, .. }
        | nftables::Error::Unreadable { refusal, .. } => short_of_memory(refusal.errno),
        nftables::Error::TooLarge(_) => false,
    };
    if passes {
        Code::TryAgain
    } else {
        match error.exit_code() {
            ExitCode::NotPermitted => Code::NotPermitted,
            ExitCode::Unsupported => Code::Unsupported,
            _ => Code::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nftables::{Refusal, Subject};

    fn code(source: nftables::Error) -> Code {
        PluginError::of_pod(&Pod::default(), source.into()).code()
    }

    #[test]
    fn the_number_tells_whether_it_is_of_use_to_try_again() {
        let attempts = 3;
        assert_eq!(
            code(nftables::Error::Contended { attempts }),
            Code::TryAgain
        );
        for (errno, expected) in [
            (Errno::ENOMEM, Code::TryAgain),
            (Errno::ENOBUFS, Code::TryAgain),
            (Errno::EPERM, Code::NotPermitted),
            (Errno::EOPNOTSUPP, Code::Unsupported),
            (Errno::EEXIST, Code::Failed),
        ] {
            let refusal = || Refusal { errno, words: None };
            let (subject, doing) = (Subject::Table, "add".to_owned());
            let refused = nftables::Error::Refused {
                subject,
                refusal: refusal(),
            };
            assert_eq!(code(refused), expected, "{errno}");
            let refusal = refusal();
            let routing = nftables::Error::Routing { doing, refusal };
            assert_eq!(code(routing), expected, "{errno}");
            let open = nftables::Error::Open(errno.into());
            assert_eq!(code(open), expected, "{errno}");
        }
    }
}
