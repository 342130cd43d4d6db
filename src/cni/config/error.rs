//! What is wrong in the configuration.

use serde_json::Value;
use thiserror::Error;

use crate::meshes::decision::Mesh;
use crate::options::OptionError;

use super::{EXCLUDED, OWN_KEYS};

/// Something wrong in the configuration.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ConfigError {
    /// A key that nobody knows.
    #[error("{key}, which is {value}: there is no such key{}", did_you_mean(.nearest.as_deref()))]
    Unknown {
        /// The key.
        key: String,
        /// Its value, as JSON.
        value: String,
        /// The key that is spelled most like it.
        nearest: Option<String>,
    },
    /// A value of the wrong type.
    #[error("{key} is {found}; accepted is {accepted}")]
    Type {
        /// The key.
        key: String,
        /// What it is.
        found: &'static str,
        /// What it should be.
        accepted: &'static str,
    },
    /// Not one of the words.
    #[error("{key}: {text:?} is not one of {accepted}")]
    Word {
        /// The key.
        key: &'static str,
        /// What was written.
        text: String,
        /// The words.
        accepted: &'static str,
    },
    /// A key of `meshes` that is no mesh.
    #[error("meshes.{key}: there is no such mesh; {}", mesh_hint(.nearest.as_deref()))]
    UnknownMesh {
        /// The key.
        key: String,
        /// The mesh that is spelled most like it.
        nearest: Option<String>,
    },
    /// An option of `capture`.
    #[error("{0}")]
    Capture(OptionError),
    /// The network has no name.
    #[error(
        "name: {0:?} is not the name of a network (letters, digits, and after the first of them also _ . -)"
    )]
    Name(String),
    /// The folder that the plugin runs in is the runtime's choice.
    #[error("logFile: {0:?} is not an absolute path")]
    RelativeLogFile(String),
    /// Both lists have the namespace.
    #[error(
        "includeNamespaces: {0:?} is excluded, too; accepted is a namespace in one of the lists ({EXCLUDED} is \
         in excludeNamespaces where that is not given)"
    )]
    IncludedAndExcluded(String),
}

fn did_you_mean(nearest: Option<&str>) -> String {
    match nearest {
        Some(nearest) => format!("; did you mean {nearest}"),
        None => format!("; netweir's own are {}", OWN_KEYS.join(", ")),
    }
}

fn mesh_hint(nearest: Option<&str>) -> String {
    match nearest {
        Some(nearest) => format!("did you mean {nearest}"),
        None => format!("expected one of {}", Mesh::ALL.map(Mesh::key).join(", ")),
    }
}

/// A value of the wrong type; `None` where there is none.
pub(super) fn mistyped(
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
