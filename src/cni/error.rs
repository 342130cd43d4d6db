//! Errors of the plugin, and their JSON form (CNI specification, section 5, "Error").

use std::fmt::Display;
use std::io;
use std::str::Utf8Error;

use serde::Serialize;
use thiserror::Error;

use crate::app::{AppError, Remedies};
use crate::error_kind::ErrorKind;
use crate::named::Named;
use crate::options::OptionError;
use crate::printable::{first_errors, shorten};

use crate::meshes::reason::Reason;

use super::code::Code;
use super::config::ConfigError;
use super::environment::{Command, PRIMARY_INTERFACE, Pod, VariableError};
use super::version::SpecVersion;

const NO_ANNOTATIONS: &str = "the policy is annotated, and the runtime does not pass the pod's annotations: declare \
\"capabilities\": {\"io.kubernetes.cri.pod-annotations\": true}, which containerd and CRI-O understand; with other \
runtimes use the policies all and none";

/// Why the plugin failed.
#[derive(Debug, Error)]
pub enum PluginError {
    /// Variables are missing or wrong.
    #[error("the runtime's CNI variables are wrong: {}", names(.0))]
    Environment(Vec<VariableError>),
    /// Standard input cannot be read.
    #[error("cannot read standard input")]
    Input(#[source] io::Error),
    /// Standard input is longer than a configuration can be.
    #[error("standard input is too long")]
    TooLong(u64),
    /// Standard input is not UTF-8.
    #[error("standard input is not UTF-8")]
    NotUtf8(#[source] Utf8Error),
    /// Standard input is not a JSON object.
    #[error("standard input is not a JSON object")]
    Decode(#[source] serde_json::Error),
    /// The input of `explain` is neither a pod's annotations nor a plugin's standard input. The text says why not.
    #[error("expected a JSON object: a pod's annotations, or what a runtime wrote to the plugin")]
    NotExplainable(String),
    /// The version is missing or unsupported. The text says which.
    #[error("unsupported CNI version")]
    Version(String),
    /// The version does not have the command.
    /// In order: the command, the configuration's version.
    #[error("CNI version {1} has no {0}, which needs {since}", since = .0.since())]
    CommandSince(Command, SpecVersion),
    /// The configuration is wrong.
    #[error("the plugin's configuration is wrong{}", unsupported(.0))]
    Config(Vec<ConfigError>),
    /// The plugin is not chained behind another one.
    #[error("prevResult is missing")]
    NotChained(Command),
    /// An annotation is wrong.
    /// In order: the pod, what is wrong.
    #[error("{0} cannot be captured: its annotations are wrong")]
    Annotations(Pod, Vec<OptionError>),
    /// What is known of the pod does not decide whether to capture it.
    /// In order: the pod, why not.
    #[error("cannot tell whether to capture {0}")]
    Undecidable(Pod, Reason),
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
    /// What is installed differs from what ADD installs.
    /// In order: the pod, every difference, on one line each.
    #[error("the rules of {0} differ from those that ADD installs")]
    Drift(Pod, Vec<String>),
    /// No rules can be installed on this node.
    #[error("pods cannot be captured on this node")]
    NotAvailable(#[source] AppError),
    /// Another process ended the plugin.
    #[error("a signal ended the plugin before it was done")]
    Ended,
    /// The plugin has a bug.
    #[error(
        "internal error; please report it at {} with the output on standard error",
        env!("CARGO_PKG_REPOSITORY")
    )]
    Panic(String),
}

/// The longest answer, in bytes: runtimes keep it in memory and put it into events.
const LONGEST_ANSWER: usize = 32 << 10;
/// The longest of its texts, in bytes: room for the errors that are written out.
const LONGEST_TEXT: usize = 14 << 10;

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

    /// Its code.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Environment(_) => Code::InvalidEnvironment,
            Self::Input(_) => Code::Io,
            Self::TooLong(..) | Self::NotUtf8(_) | Self::Decode(_) | Self::NotExplainable(_) => {
                Code::Decode
            }
            Self::Version(_) | Self::CommandSince(..) => Code::IncompatibleVersion,
            Self::Config(errors) => {
                let unknown = |error: &ConfigError| matches!(error, ConfigError::Unknown(..));
                if errors.iter().any(unknown) {
                    Code::UnsupportedField
                } else {
                    Code::InvalidConfig
                }
            }
            Self::NotChained(_) => Code::InvalidConfig,
            Self::Annotations(..) => Code::Annotations,
            Self::Undecidable(..) => Code::Undecidable,
            Self::Namespace(source)
            | Self::Privilege(source)
            | Self::NotCaptured { source, .. }
            | Self::Unreadable { source, .. } => code_of(source),
            Self::Drift(..) => Code::Drift,
            // Says nothing about the node.
            Self::NotAvailable(AppError::Addresses(_)) => Code::Failed,
            Self::NotAvailable(_) => Code::NotAvailable,
            Self::Ended => Code::TryAgain,
            Self::Panic(..) => Code::Bug,
        }
    }

    /// Details beyond the message.
    #[must_use]
    pub fn details(&self) -> String {
        match self {
            Self::Environment(errors) => listed(errors),
            Self::Config(errors) => listed(errors),
            Self::Annotations(_, errors) => listed(errors),
            Self::Drift(_, differences) => listed(differences),
            Self::Version(found) => format!("{found}; supported: {}", SpecVersion::LISTED),
            Self::CommandSince(..) => format!("supported: {}", SpecVersion::LISTED),
            Self::NotChained(command) => format!(
                "{command} without prevResult: netweir makes no network of its own; put it behind the plugins that do, or \
                 where Multus calls it for the interface {PRIMARY_INTERFACE}, set \"standalone\": true"
            ),
            Self::Undecidable(_, reason) => match reason {
                Reason::AnnotationsUnknown => NO_ANNOTATIONS.to_owned(),
                reason => reason.to_string(),
            },
            Self::NotExplainable(text) => text.clone(),
            Self::Ended => "rules that it had installed by then stay until DEL".to_owned(),
            Self::Panic(place) => place.clone(),
            Self::TooLong(limit) => {
                format!("expected at most {limit} bytes")
            }
            Self::Namespace(source)
            | Self::Privilege(source)
            | Self::NotCaptured { source, .. }
            | Self::Unreadable { source, .. } => source.message(&REMEDIES),
            Self::NotAvailable(source) => source.message(&REMEDIES),
            Self::Input(error) => error.to_string(),
            Self::NotUtf8(error) => error.to_string(),
            Self::Decode(error) => error.to_string(),
        }
    }

    /// Its message and details, each of a bounded length.
    pub(super) fn texts(&self) -> [String; 2] {
        [self.to_string(), self.details()].map(|mut text| {
            if text.len() > LONGEST_TEXT {
                shorten(&mut text, LONGEST_TEXT);
                text.push_str("...");
            }
            text
        })
    }

    /// The error as an object of the specification, on one line.
    ///
    /// # Panics
    /// Never: strings and a number can always be written as JSON.
    #[must_use]
    pub fn to_json(&self, version: SpecVersion) -> String {
        let [msg, details] = self.texts();
        let mut result = ErrorResult {
            cni_version: version.text(),
            code: self.code().number(),
            msg,
            details,
        };
        // Escaped, a text may be longer than it is.
        loop {
            let json = serde_json::to_string(&result).expect("strings and a number serialize");
            if json.len() <= LONGEST_ANSWER {
                return json;
            }
            for text in [&mut result.msg, &mut result.details] {
                let half = text.len() / 2;
                shorten(text, half);
            }
        }
    }
}

/// The names of the variables, which the specification requires in the message.
fn names(errors: &[VariableError]) -> String {
    let mut names: Vec<_> = errors.iter().map(VariableError::name).collect();
    names.dedup();
    names.join(", ")
}

/// The unknown keys and their values, for the same reason.
fn unsupported(errors: &[ConfigError]) -> String {
    let unknown = errors.iter().filter_map(|error| match error {
        ConfigError::Unknown(key, value, _) => Some(format!("{key}, which is {value}")),
        _ => None,
    });
    let unknown: Vec<_> = unknown.collect();
    if unknown.is_empty() {
        return String::new();
    }
    format!(": not supported: {}", listed(&unknown))
}

/// All errors on one line, as in an event of Kubernetes.
fn listed(errors: &[impl Display]) -> String {
    first_errors(errors).join("; ")
}

const REMEDIES: Remedies = Remedies {
    namespace: "CNI_NETNS",
    net_admin: RUN_AS_ROOT,
    net_admin_as_user: RUN_AS_ROOT,
    sys_admin: RUN_AS_ROOT,
    host: "the plugin captures pods only",
    addresses: "ip-families auto needs them",
    name_servers: "dns resolvers needs it",
    modules: "on this node",
    memory: "this node is short of memory",
    loopback: "the container runtime should bring it up",
};
const RUN_AS_ROOT: &str = "the container runtime must run its plugins as root with this capability; check the service of \
the runtime on this node";

/// The code of a failed step.
fn code_of(error: &AppError) -> Code {
    match error.kind() {
        ErrorKind::NotPermitted | ErrorKind::OwnedTable => Code::NotPermitted,
        ErrorKind::Unsupported(_) => Code::Unsupported,
        ErrorKind::Contended | ErrorKind::OutOfMemory => Code::TryAgain,
        ErrorKind::TooLarge | ErrorKind::Occupied | ErrorKind::LoopbackDown | ErrorKind::Other => {
            match error {
                AppError::Namespace(_) | AppError::OwnNamespace(_) => Code::InvalidEnvironment,
                _ => Code::Failed,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::sample_messages;

    #[test]
    fn status_blames_the_node_unless_addresses_are_unreadable() {
        let code = |error| PluginError::NotAvailable(error).code().number();
        let unreadable = io::ErrorKind::InvalidData;
        assert_eq!(code(AppError::Addresses(unreadable.into())), 100);
        assert_eq!(code(AppError::NotInstalled), 50);
    }

    #[test]
    fn speaks_of_the_node_and_never_of_flags_or_containers() {
        for message in sample_messages(&REMEDIES) {
            for word in ["--", "securityContext", "sudo", "init container"] {
                assert!(!message.contains(word), "{message}");
            }
        }
    }
}
