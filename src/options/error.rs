//! Errors in options.

use std::ffi::OsString;
use std::fmt;

use thiserror::Error;

use crate::connection::SpecErrorKind;
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
        "expected a user, or a group in {groups}; without either, the proxy's own connections would be captured again, in \
         a loop"
    )]
    NoProxyOwner {
        /// The option for groups.
        groups: String,
    },
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
    #[error("unknown option{}", did_you_mean(.nearest.as_deref(), "; see --help"))]
    Unknown {
        /// The option with the most similar name.
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
    /// Not UTF-8.
    #[error("{0:?} is not UTF-8")]
    NotUtf8(OsString),
    /// There is no such command.
    #[error("unknown command; {}", command_hint(.nearest.as_deref()))]
    UnknownCommand {
        /// The command that was probably meant.
        nearest: Option<String>,
    },
    /// A flag without its value.
    #[error("expected a value: {value}, such as {example}")]
    NoValue {
        /// The placeholder of the value in help.
        value: &'static str,
        /// A value.
        example: &'static str,
    },
    /// There is no default, and the option is not set.
    #[error("missing; expected {value}, such as {example}")]
    Required {
        /// The placeholder of the value in help.
        value: &'static str,
        /// A value.
        example: &'static str,
    },
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
    #[error("expected {accepted}, found {found}")]
    Type {
        /// The type.
        found: &'static str,
        /// The types of this option.
        accepted: &'static str,
    },
    /// An entry of an array in a file has the wrong type.
    #[error("entry {index}: expected a string or an integer")]
    EntryType {
        /// The entry, counted from 1.
        index: usize,
    },
    /// The file cannot be read.
    #[error("cannot read {file:?}: {reason}")]
    File {
        /// Its name.
        file: String,
        /// The operating system's error.
        reason: String,
    },
    /// Something in the named file is wrong.
    #[error("{file:?}, {wrong}")]
    InFile {
        /// Its name.
        file: String,
        /// What is wrong.
        wrong: ValueError,
    },
    /// An empty list of name servers.
    #[error(
        "expected at least one address, since queries would bypass the proxy otherwise; to capture no DNS, set {dns} to off"
    )]
    NoDnsServer {
        /// The option for DNS.
        dns: String,
    },
    /// No name server to capture queries to.
    #[error(
        "{file:?} has no name server of a captured family, so that queries would bypass the proxy; add a nameserver line, or \
         set {dns} to all or off"
    )]
    NoNameServer {
        /// The file.
        file: String,
        /// The option for DNS.
        dns: String,
    },
    /// The file is not TOML.
    #[error("line {line} is not valid TOML: {reason}")]
    Toml {
        /// The line, counted from 1.
        line: usize,
        /// The parser's error.
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
