//! Errors in options.

use std::ffi::OsString;
use std::fmt;

use thiserror::Error;

use crate::connection::{SpecError, SpecErrorKind};
use crate::parse::ValueError;
use crate::printable::printable;

/// An error in one option, which is named as the user wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionError {
    /// `--inbound-port`, `NETWEIR_INBOUND_PORT` or `inbound-port in FILE`.
    pub option: String,
    /// What is wrong.
    pub problem: OptionErrorKind,
}

impl OptionError {
    /// An error in what has this name.
    #[must_use]
    pub fn of(option: impl Into<String>, problem: impl Into<OptionErrorKind>) -> Self {
        Self {
            option: option.into(),
            problem: problem.into(),
        }
    }
}

impl From<SpecError> for OptionError {
    fn from(error: SpecError) -> Self {
        Self::of(error.word, error.kind)
    }
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An unknown option may be any text.
        write!(f, "{}: {}", printable(&self.option), self.problem)
    }
}

/// What is wrong with an option. Other options are named as the user wrote or would write them.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum OptionErrorKind {
    /// The value is not valid.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// The proxy has neither a user nor a group.
    #[error(
        "expected a user, or a group in {0}; without either, the proxy's own connections would be captured again, in \
         a loop"
    )]
    NoProxyOwner(String),
    /// The list is longer than what rules and interfaces hold at little cost.
    #[error("expected at most {most} {what}")]
    TooMany {
        /// The largest number.
        most: usize,
        /// What is counted.
        what: &'static str,
    },
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
    /// A word is not part of a connection.
    #[error(transparent)]
    Connection(#[from] SpecErrorKind),
    /// There is no such option.
    #[error("unknown option{}", did_you_mean(.0.as_deref(), "; see --help"))]
    Unknown(Option<String>),
    /// A key of the plugin's configuration or an annotation does not name an option.
    #[error("unknown option{}", did_you_mean(.0.as_deref(), ""))]
    UnknownKey(Option<String>),
    /// The option is one of another command.
    #[error("unknown option for this command")]
    Misplaced,
    /// An argument that is not the value of an option.
    #[error(
        "unexpected argument; separate list values with commas (80,443), give switches a value with ="
    )]
    Stray,
    /// Not UTF-8.
    #[error("{0:?} is not UTF-8")]
    NotUtf8(OsString),
    /// There is no such command.
    #[error("unknown command; {}", command_hint(.0.as_deref()))]
    UnknownCommand(Option<String>),
    /// A flag without its value.
    /// In order: the placeholder of the value in help, a value.
    #[error("expected a value: {0}, such as {1}")]
    NoValue(&'static str, &'static str),
    /// There is no default, and the option is not set.
    /// In order: the placeholder of the value in help, a value.
    #[error("missing; expected {0}, such as {1}")]
    Required(&'static str, &'static str),
    /// Another message.
    #[error("{0}")]
    Usage(String),
    /// An option that does not say what to capture, in a pod's annotations or the plugin's configuration.
    #[error(
        "not an option for pods; expected one that says what to capture, such as exclude-outbound-ports"
    )]
    NotForPods,
    /// The plugin sees the node's resolv.conf, not the pod's.
    #[error(
        "\"resolvers\" needs dns-servers, or resolv-conf in the plugin's own configuration, since the plugin does not know \
         the pod's name servers; \"all\" needs neither"
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
    /// A pod with the proxies of two meshes.
    #[error("contradicts {0}: both meshes injected a proxy")]
    TwoMeshes(&'static str),
    /// A configuration file that names a configuration file.
    #[error("not allowed in a configuration file; use a flag or a variable")]
    ConfigInFile,
    /// A value in a file has the wrong type.
    /// In order: the type, the types of this option.
    #[error("expected {1}, found {0}")]
    Type(&'static str, &'static str),
    /// An entry of an array in a file has the wrong type.
    #[error("entry {0}: expected a string or an integer")]
    EntryType(usize),
    /// The file cannot be read.
    /// In order: its name, the operating system's error.
    #[error("cannot read {0:?}: {1}")]
    File(String, String),
    /// Something in the named file is wrong.
    /// In order: its name, what is wrong.
    #[error("{0:?}, {1}")]
    InFile(String, ValueError),
    /// An empty list of name servers.
    #[error(
        "expected at least one address, since queries would bypass the proxy otherwise; to capture no DNS, set {0} to off"
    )]
    NoDnsServer(String),
    /// No name server to capture queries to.
    /// In order: the file, the option for DNS.
    #[error(
        "{0:?} has no name server of a captured family, so that queries would bypass the proxy; add a nameserver line, or \
         set {1} to all or off"
    )]
    NoNameServer(String, String),
    /// The file is not TOML.
    /// In order: the line, counted from 1, the parser's error.
    #[error("line {0} is not valid TOML: {1}")]
    Toml(usize, String),
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
