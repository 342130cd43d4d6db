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
    #[error("{key}, which is {value}: unknown key{}", did_you_mean(.nearest.as_deref()))]
    Unknown {
        /// The key.
        key: String,
        /// Its value, as JSON.
        value: String,
        /// The known key with the most similar spelling.
        nearest: Option<String>,
    },
    /// A value of the wrong type.
    #[error("{key}: expected {accepted}, found {found}")]
    Type {
        /// The key.
        key: String,
        /// The type of its value.
        found: &'static str,
        /// The expected type.
        accepted: &'static str,
    },
    /// A word other than those accepted.
    #[error("{0}: {1}")]
    Value(String, ValueError),
    /// A key of `meshes` that is no mesh.
    #[error("meshes.{key}: unknown mesh; {}", mesh_hint(.nearest.as_deref()))]
    UnknownMesh {
        /// The key.
        key: String,
        /// The mesh with the most similar spelling.
        nearest: Option<String>,
    },
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
    ConfigError::Type {
        key: key.into(),
        found,
        accepted,
    }
}
