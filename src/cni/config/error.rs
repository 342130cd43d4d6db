//! Errors in the configuration.

use serde_json::Value;
use thiserror::Error;

use crate::meshes::decision::Mesh;
use crate::named::Named;
use crate::options::OptionError;
use crate::parse::ValueError;

use super::keys::{EXCLUDED, OWN_KEYS};

/// An error in the configuration.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ConfigError {
    /// An unknown key.
    /// In order: the key, its value, as JSON, the known key with the most similar spelling.
    #[error("{0}, which is {1}: unknown key{hint}", hint = did_you_mean(.2.as_deref()))]
    Unknown(String, String, Option<String>),
    /// A value of the wrong type.
    /// In order: the key, the type of its value, the expected type.
    #[error("{0}: expected {2}, found {1}")]
    Type(String, &'static str, &'static str),
    /// A word other than those accepted.
    #[error("{0}: {1}")]
    Value(String, ValueError),
    /// A key of `meshes` that is no mesh.
    /// In order: the key, the mesh with the most similar spelling.
    #[error("meshes.{0}: unknown mesh; {hint}", hint = mesh_hint(.1.as_deref()))]
    UnknownMesh(String, Option<String>),
    /// An option of `capture`.
    #[error("{0}")]
    Capture(OptionError),
    /// The network has no valid name.
    #[error(
        "name: expected a network name (a letter or digit, then letters, digits, _ . -), found {0:?}"
    )]
    Name(String),
    /// A relative path, which would depend on the runtime's working directory.
    #[error("logFile: expected an absolute path, found {0:?}")]
    RelativeLogFile(String),
    /// Both lists have the namespace.
    #[error(
        "includeNamespaces: {0:?} is also excluded; name it in one of the two lists only (excludeNamespaces is \
         {EXCLUDED} by default)"
    )]
    IncludedAndExcluded(String),
}

fn did_you_mean(nearest: Option<&str>) -> String {
    match nearest {
        Some(nearest) => format!("; did you mean {nearest}"),
        None => format!("; netweir's keys are {}", OWN_KEYS.join(", ")),
    }
}

fn mesh_hint(nearest: Option<&str>) -> String {
    match nearest {
        Some(nearest) => format!("did you mean {nearest}"),
        None => format!("expected one of {}", Mesh::LISTED),
    }
}

/// A value of the wrong type; `None` where there is none.
pub(in crate::cni) fn mistyped(
    key: impl Into<String>,
    value: Option<&Value>,
    accepted: &'static str,
) -> ConfigError {
    let found = match value {
        None => "missing",
        Some(Value::Null) => "null",
        Some(Value::Bool(_)) => "a boolean",
        Some(Value::Number(_)) => "a number",
        Some(Value::String(_)) => "a string",
        Some(Value::Array(_)) => "an array",
        Some(Value::Object(_)) => "an object",
    };
    ConfigError::Type(key.into(), found, accepted)
}
