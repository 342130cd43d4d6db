//! Options as a JSON object: keys and values as in the configuration file.

use serde_json::{Map, Value as Json};

use super::file::nearest_of;
use super::value::{Value, text_of};
use super::{OptionError, OptionErrorKind, OptionSet, OptionValues, Origin, Setting};

/// The options in the object `capture` of the CNI plugin's configuration, and every error in it, such as an option that is
/// not `accepted`.
#[must_use]
pub fn read_object(
    object: &Map<String, Json>,
    accepted: impl Fn(Setting) -> bool,
) -> (OptionValues, Vec<OptionError>) {
    let mut given = OptionValues::by_key();
    let mut errors = Vec::new();
    for (key, value) in object {
        match read_entry(key, value, &accepted) {
            Ok((setting, text)) => given.set(setting, Origin::Plugin, text),
            Err(problems) => errors.extend(
                problems
                    .into_iter()
                    .map(|problem| OptionError::of(format!("capture.{key}"), problem)),
            ),
        }
    }
    (given, errors)
}

fn read_entry(
    key: &str,
    value: &Json,
    accepted: &impl Fn(Setting) -> bool,
) -> Result<(Setting, String), Vec<OptionErrorKind>> {
    let setting = known(key, accepted).map_err(|problem| vec![problem])?;
    Ok((setting, text_of(setting.spec().shape, value_of(value))?))
}

/// The option of this name, if it is accepted.
pub fn known(name: &str, accepted: impl Fn(Setting) -> bool) -> Result<Setting, OptionErrorKind> {
    match Setting::named(name) {
        Some(setting) if accepted(setting) => Ok(setting),
        Some(_) => Err(OptionErrorKind::NotForPods),
        None => {
            let mut all = Setting::ALL.to_vec();
            all.retain(|&setting| accepted(setting));
            let nearest = nearest_of(name, all.iter().map(|setting| setting.spec().name));
            Err(OptionErrorKind::UnknownKey(nearest.map(str::to_owned)))
        }
    }
}

fn value_of(value: &Json) -> Value<'_> {
    match value {
        Json::String(text) => Value::Text(text),
        Json::Number(number) if number.is_f64() => Value::Other("a float"),
        Json::Number(number) => Value::Integer(number.to_string()),
        Json::Bool(switch) => Value::Boolean(*switch),
        Json::Array(entries) => Value::Array(Box::new(entries.iter().map(value_of))),
        Json::Null => Value::Other("null"),
        Json::Object(_) => Value::Other("an object"),
    }
}
