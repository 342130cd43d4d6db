//! JSON objects whose values are kept as they are spelled.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

/// A JSON object, each value as its source.
pub(super) type Object<'a> = BTreeMap<String, &'a RawValue>;

/// The value as a string, if it is one.
pub(super) fn string(raw: &RawValue) -> Option<String> {
    match serde_json::from_str(raw.get()) {
        Ok(Value::String(text)) => Some(text),
        _ => None,
    }
}
