//! What is wrong with the options, one mistake a line.

use std::ffi::OsString;
use std::fmt;

use thiserror::Error;

use crate::connection::SpecErrorKind;
use crate::parse::ValueError;
use crate::printable::printable;
use crate::trace::FilterError;

use super::{OptionSet, OptionValues};

/// One mistake: the option as the user wrote it, and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionError {
    /// `--inbound-port`, `NETWEIR_INBOUND_PORT` or `inbound-port in FILE`.
    pub option: String,
    /// What is wrong, and what is accepted.
    pub problem: OptionErrorKind,
}

impl OptionError {
    /// A mistake in the text that was given for the setting.
    #[must_use]
    pub fn new<O: OptionSet>(
        given: &OptionValues<O>,
        option: O,
        problem: impl Into<OptionErrorKind>,
    ) -> Self {
        Self {
            option: given.name(option),
            problem: problem.into(),
        }
    }
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is no option may be any text.
        write!(f, "{}: {}", printable(&self.option), self.problem)
    }
}

/// What is wrong with an option.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum OptionErrorKind {
    /// The value is not of its kind.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// No user and no group is the proxy.
    #[error(
        "expected at least one user or group of the proxy: its own connections would be captured again, without end"
    )]
    NoProxyOwner,
    /// The option has an effect only with this other one.
    #[error("requires {0}")]
    Requires(String),
    /// The option cannot be combined with this other one.
    #[error("cannot be combined with {0}")]
    Conflict(String),
    /// `explain` without a connection.
    #[error(
        "expected a connection, such as out tcp 10.0.0.5:443 uid=1000, or --connections or --table"
    )]
    NoConnection,
    /// `explain` with more than one kind of question.
    #[error("expected one of CONNECTION, --connections and --table")]
    SeveralQuestions,
    /// A word is no part of a connection.
    #[error(transparent)]
    Connection(#[from] SpecErrorKind),
    /// A word says nothing about which connections to trace.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// There is no such option.
    #[error("unknown option{}", did_you_mean(.nearest.as_deref(), "; see --help"))]
    Unknown {
        /// The option that is spelled most like it.
        nearest: Option<String>,
    },
    /// A key of the plugin's configuration or an annotation does not name an option.
    #[error("unknown option{}", did_you_mean(.nearest.as_deref(), ""))]
    UnknownKey {
        /// The option that was probably meant.
        nearest: Option<String>,
    },
    /// The option is one of another command.
    #[error("unknown option for this command")]
    Misplaced,
    /// An argument that is not the value of an option.
    #[error(
        "unexpected argument; separate list values with commas (80,443), give switches a value with ="
    )]
    Stray,
    /// Bytes that are no text.
    #[error("{0:?} is not UTF-8")]
    NotUtf8(OsString),
    /// There is no such command.
    #[error("unknown command; {}", command_hint(.nearest.as_deref()))]
    UnknownCommand {
        /// The command that was probably meant.
        nearest: Option<String>,
    },
    /// A flag without its value.
    #[error("needs a value: {value}, such as {example}")]
    NoValue {
        /// What the help calls the value.
        value: &'static str,
        /// A value.
        example: &'static str,
    },
    /// There is no default, and nothing gave it.
    #[error("is missing; accepted is {value}, such as {example}")]
    Required {
        /// What the help calls the value.
        value: &'static str,
        /// A value.
        example: &'static str,
    },
    /// The command line parser's own words, for what none of the above fits.
    #[error("{0}")]
    Usage(String),
    /// An option that says nothing about what to capture.
    #[error(
        "is no option of what to capture in a pod; accepted is one that is, such as exclude-outbound-ports"
    )]
    NotForPods,
    /// The plugin sees the node's resolv.conf, not the pod's.
    #[error(
        "\"resolvers\" takes dns-servers with it, or resolv-conf in the plugin's own configuration: the pod's name \
         servers are not known to the plugin; accepted is also \"all\""
    )]
    ResolversOfNode,
    /// A structured value of an annotation is malformed.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// A mesh's value asks for rules that netweir cannot make.
    #[error("not supported: {0}")]
    Unsupported(&'static str),
    /// Ports that are excluded for users, in Kuma's notation.
    #[error("expected [tcp:|udp:][PORTS:]UID or a range of user ids up to 65535, found {0:?}")]
    UidPorts(String),
    /// A pod has one mesh's proxy.
    #[error("contradicts {0}: both meshes gave the pod a proxy")]
    TwoMeshes(&'static str),
    /// The file says it of itself.
    #[error("a configuration file cannot name another; accepted is a flag or a variable")]
    ConfigInFile,
    /// A value of the file has the wrong TOML type.
    #[error("is {found}; accepted is {accepted}")]
    Type {
        /// The type.
        found: &'static str,
        /// The types of this option.
        accepted: &'static str,
    },
    /// An entry of an array in the file has the wrong TOML type.
    #[error("entry {index} is neither a string nor an integer")]
    EntryType {
        /// Which one, counted from 1.
        index: usize,
    },
    /// The file cannot be read.
    #[error("{file:?} cannot be read: {reason}")]
    File {
        /// Its name.
        file: String,
        /// What the operating system said.
        reason: String,
    },
    /// A file that an option names has something wrong inside.
    #[error("{file:?}, {wrong}")]
    InFile {
        /// Its name.
        file: String,
        /// What is wrong.
        wrong: ValueError,
    },
    /// An empty list of servers to capture queries to.
    #[error("expected at least one address, or dns off: every query would bypass the proxy")]
    NoDnsServer,
    /// Nothing to capture, although it was asked for.
    #[error(
        "expected a name server of a captured family in {file:?}, or dns all or off: every query would bypass the proxy"
    )]
    NoNameServer {
        /// The file.
        file: String,
    },
    /// The file is not TOML.
    #[error("line {line} is not TOML: {reason}")]
    Toml {
        /// The line, counted from 1.
        line: usize,
        /// What the parser said.
        reason: String,
    },
}

fn command_hint(nearest: Option<&str>) -> String {
    nearest.map_or_else(
        || "see netweir --help".to_owned(),
        |nearest| format!("did you mean netweir {nearest}"),
    )
}

fn did_you_mean(nearest: Option<&str>, otherwise: &str) -> String {
    nearest.map_or_else(
        || otherwise.to_owned(),
        |nearest| format!("; did you mean {nearest}"),
    )
}
