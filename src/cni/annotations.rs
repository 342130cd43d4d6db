//! A pod's annotations as the runtime passes them.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::meshes::decision::Mesh;
use crate::meshes::own;
use crate::options::{OptionError, OptionErrorKind};

/// The annotations as texts, and what is wrong with those of netweir and the meshes that are none. Kubernetes has no
/// others.
pub(super) fn texts(
    annotations: BTreeMap<String, Value>,
) -> (BTreeMap<String, String>, Vec<OptionError>) {
    let mut texts = BTreeMap::new();
    let mut errors = Vec::new();
    for (key, value) in annotations {
        let text = match value {
            Value::String(text) => text,
            other => {
                let text = other.to_string();
                if is_known(&key) {
                    errors.push(not_a_string(&key, &text));
                }
                text
            }
        };
        texts.insert(key, text);
    }
    (texts, errors)
}

fn is_known(key: &str) -> bool {
    let mut meshes = Mesh::ALL.into_iter();
    key.starts_with(own::PREFIX) || meshes.any(|mesh| mesh.has_annotation(key))
}

fn not_a_string(key: &str, text: &str) -> OptionError {
    let problem = OptionErrorKind::Type("not a string", "a string");
    own::with_value(key, text, problem)
}
