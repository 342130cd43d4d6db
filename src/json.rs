//! JSON output.

use serde::Serialize;

/// The value as JSON on one line.
///
/// # Panics
/// The value has a map whose keys are not strings, which no output of netweir has.
pub(crate) fn line(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("maps have strings as keys")
}
