//! The variables that a runtime sets.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

use crate::meshes::pod::NomadFacts;
use crate::named::{Named, named};
use crate::printable::printable;

use super::version::SpecVersion;

/// The variable that makes the program a plugin.
pub const COMMAND: &str = "CNI_COMMAND";

/// The interface of a pod's primary network, in Kubernetes.
pub(super) const PRIMARY_INTERFACE: &str = "eth0";

/// The key of `CNI_ARGS` in which Nomad passes Consul's redirection configuration.
const CONSUL_CONFIG: &str = crate::meshes::consul::annotations::ARGUMENT;

named! {
    /// A command of the specification.
    pub enum Command: text {
        /// Set up a pod.
        Add "ADD";
        /// Take down a pod.
        Del "DEL";
        /// Check that a pod is as ADD left it.
        Check "CHECK";
        /// Check that pods can be set up.
        Status "STATUS";
        /// Clean up after pods that are gone.
        Gc "GC";
        /// List the supported versions.
        Version "VERSION";
    }
}

impl Command {
    /// The first version of the specification that has it.
    #[must_use]
    pub const fn since(self) -> SpecVersion {
        match self {
            Self::Add | Self::Del | Self::Version => SpecVersion::V0_3_0,
            Self::Check => SpecVersion::V0_4_0,
            Self::Status | Self::Gc => SpecVersion::V1_1_0,
        }
    }

    /// Whether it is about one pod.
    const fn is_about_a_pod(self) -> bool {
        match self {
            Self::Add | Self::Check => true,
            // DEL is, but never fails for want of information.
            Self::Del | Self::Status | Self::Gc | Self::Version => false,
        }
    }
}

/// An error in a variable.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum VariableError {
    /// It is not set, or empty.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// Not a command.
    #[error("CNI_COMMAND: expected ADD, DEL, CHECK, STATUS, GC or VERSION, found {0:?}")]
    Command(OsString),
    /// Not a container id.
    #[error(
        "CNI_CONTAINERID: expected a container id (letters, digits, and after the first also _ . -), found {0:?}"
    )]
    Container(OsString),
    /// Not an interface name.
    #[error(
        "CNI_IFNAME: expected an interface name (1-15 bytes, without / : and white space), found {0:?}"
    )]
    Interface(OsString),
    /// Not a key and a value.
    #[error("CNI_ARGS: expected KEY=VALUE pairs separated by semicolons, found {0:?}")]
    Arguments(String),
}

impl VariableError {
    /// The variable.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Missing(name) => name,
            Self::Command(_) => COMMAND,
            Self::Container(_) => "CNI_CONTAINERID",
            Self::Interface(_) => "CNI_IFNAME",
            Self::Arguments(_) => "CNI_ARGS",
        }
    }
}

/// The pod, as far as the runtime says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pod {
    /// `K8S_POD_NAMESPACE`.
    pub namespace: Option<String>,
    /// `K8S_POD_NAME`.
    pub name: Option<String>,
    /// `CNI_CONTAINERID`.
    pub container: String,
    /// What Nomad says of an allocation.
    pub nomad: Option<NomadFacts>,
}

impl fmt::Display for Pod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.namespace, &self.name) {
            (Some(namespace), Some(name)) => {
                write!(f, "pod {}/{}", printable(namespace), printable(name))
            }
            (None, Some(name)) => write!(f, "pod {}", printable(name)),
            (_, None) => write!(f, "container {}", self.container),
        }
    }
}

/// The variables of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// The command.
    pub command: Command,
    /// The pod.
    pub pod: Pod,
    /// `CNI_IFNAME`.
    pub interface: OsString,
    /// Its network namespace; empty when it is gone.
    pub namespace: PathBuf,
}

impl Environment {
    /// Reads the variables.
    ///
    /// # Errors
    /// All errors in the variables that the command needs.
    pub fn read(variable: &dyn Fn(&str) -> Option<OsString>) -> Result<Self, Vec<VariableError>> {
        let text = |name| variable(name).unwrap_or_default();
        let command = command(text(COMMAND)).map_err(|error| vec![error])?;
        let (container, interface) = (text("CNI_CONTAINERID"), text("CNI_IFNAME"));
        let namespace = text("CNI_NETNS");
        let (pod, mut errors) = Pod::read_variables(variable);
        if command.is_about_a_pod() {
            errors.extend(container_error(container));
            errors.extend(interface_error(interface.clone()));
            if namespace.is_empty() {
                errors.push(VariableError::Missing("CNI_NETNS"));
            }
        } else {
            errors.clear();
        }
        if errors.is_empty() {
            let namespace = namespace.into();
            Ok(Self {
                command,
                pod,
                interface,
                namespace,
            })
        } else {
            Err(errors)
        }
    }
}

impl Pod {
    /// Reads what the variables say of the pod, and finds errors in `CNI_ARGS`.
    pub(super) fn read_variables(
        variable: &dyn Fn(&str) -> Option<OsString>,
    ) -> (Self, Vec<VariableError>) {
        let text = |name| variable(name).unwrap_or_default();
        let text = |name| text(name).to_string_lossy().into_owned();
        let mut pod = Self {
            container: text("CNI_CONTAINERID"),
            ..Self::default()
        };
        let errors = pod.read_arguments(&text("CNI_ARGS"));
        (pod, errors)
    }

    /// Reads `CNI_ARGS`: pairs of keys and values in any order, of which some are other plugins'.
    fn read_arguments(&mut self, arguments: &str) -> Vec<VariableError> {
        let mut errors = Vec::new();
        for pair in arguments.split(';').filter(|pair| !pair.is_empty()) {
            let value = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            match pair.split_once('=') {
                Some(("K8S_POD_NAMESPACE", namespace)) => self.namespace = value(namespace),
                Some(("K8S_POD_NAME", name)) => self.name = value(name),
                Some((CONSUL_CONFIG, config)) => {
                    self.nomad.get_or_insert_default().consul_config = value(config);
                }
                Some((key, _)) if key.starts_with("NOMAD_") => {
                    self.nomad.get_or_insert_default();
                }
                Some(_) => {}
                None => errors.push(VariableError::Arguments(pair.to_owned())),
            }
        }
        errors
    }
}

fn command(text: OsString) -> Result<Command, VariableError> {
    if text.is_empty() {
        return Err(VariableError::Missing(COMMAND));
    }
    let known = text.to_str().and_then(Command::named);
    known.ok_or(VariableError::Command(text))
}

fn container_error(text: OsString) -> Option<VariableError> {
    if text.is_empty() {
        return Some(VariableError::Missing("CNI_CONTAINERID"));
    }
    (!is_name(text.as_encoded_bytes())).then_some(VariableError::Container(text))
}

/// Whether it is a name by the specification.
pub(crate) fn is_name(bytes: &[u8]) -> bool {
    let first = bytes.first().is_some_and(u8::is_ascii_alphanumeric);
    let known = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-".contains(byte);
    first && bytes.iter().all(known)
}

/// As the kernel checks it (`dev_valid_name`).
fn interface_error(text: OsString) -> Option<VariableError> {
    if text.is_empty() {
        return Some(VariableError::Missing("CNI_IFNAME"));
    }
    let bytes = text.as_encoded_bytes();
    let strange = |byte: &u8| byte.is_ascii_whitespace() || b"/:".contains(byte);
    let wrong = bytes.len() > 15
        || bytes.iter().any(strange)
        || [OsStr::new("."), OsStr::new("..")].contains(&text.as_os_str());
    wrong.then_some(VariableError::Interface(text))
}
