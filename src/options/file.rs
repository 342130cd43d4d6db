//! The configuration file: TOML with a key for each option.

use std::rc::Rc;

use toml::de::{DeTable, DeValue};

use super::value::{Value, text_of};
use super::{OptionError, OptionErrorKind, OptionSet, OptionValues, Origin, Setting};

/// How similar a misspelling and a name must be: 1 is equal, 0 has nothing in common.
const RESEMBLANCE: f64 = 0.7;

/// The options in the text of the file, and every error in it.
#[must_use]
pub fn read_file(file: &str, text: &str) -> (OptionValues, Vec<OptionError>) {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut given = OptionValues::default();
    let mut errors: Vec<_> = errors
        .iter()
        .map(|error| not_toml(file, text, error))
        .collect();
    if !errors.is_empty() {
        return (given, errors);
    }
    let origin = Origin::File(Rc::from(file));
    for (key, value) in table.get_ref() {
        let key = key.get_ref().as_ref();
        match read_entry(key, value.get_ref()) {
            Ok((setting, text)) => given.set(setting, origin.clone(), text),
            Err(problems) => errors.extend(
                problems
                    .into_iter()
                    .map(|problem| OptionError::of(format!("{key} in {file}"), problem)),
            ),
        }
    }
    (given, errors)
}

/// The option's name that is most similar to the word, if one is similar enough.
#[must_use]
pub fn nearest(word: &str) -> Option<&'static str> {
    nearest_of(word, Setting::ALL.iter().map(|setting| setting.spec().name))
}

/// The name that is most similar to the word, if one is similar enough.
#[must_use]
pub fn nearest_of<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    names
        .into_iter()
        .map(|name| (strsim::normalized_damerau_levenshtein(word, name), name))
        .filter(|(resemblance, _)| *resemblance >= RESEMBLANCE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}

/// The prefix of all variables.
const PREFIX: &str = "NETWEIR_";

/// The error for a variable whose name is similar to an option's: its value would be ignored silently. Variables with
/// the same prefix that are not similar may belong to other programs.
#[must_use]
pub fn misspelled_variable(name: &str) -> Option<OptionError> {
    let specs = Setting::ALL.iter().map(|setting| setting.spec());
    let own = specs.flat_map(|spec| spec.variables.iter().copied());
    let own = own.filter_map(|variable| variable.strip_prefix(PREFIX));
    let word = name.strip_prefix(PREFIX)?;
    if own.clone().any(|variable| variable == word) {
        return None;
    }
    let nearest = nearest_of(word, own)?;
    Some(OptionError::of(
        name,
        OptionErrorKind::Unknown(Some(format!("{PREFIX}{nearest}"))),
    ))
}

fn not_toml(file: &str, text: &str, error: &toml::de::Error) -> OptionError {
    let before = error.span().and_then(|span| text.get(..span.start));
    OptionError::of(
        file,
        OptionErrorKind::Toml(
            before.map_or(1, |before| before.matches('\n').count() + 1),
            error.message().to_owned(),
        ),
    )
}

fn read_entry(key: &str, value: &DeValue<'_>) -> Result<(Setting, String), Vec<OptionErrorKind>> {
    match Setting::named(key) {
        None => Err(vec![OptionErrorKind::Unknown(
            nearest(key).map(str::to_owned),
        )]),
        Some(Setting::Config) => Err(vec![OptionErrorKind::ConfigInFile]),
        Some(setting) => Ok((setting, text_of(setting.spec().shape, value_of(value))?)),
    }
}

/// The value for [`text_of`].
fn value_of<'a>(value: &'a DeValue<'_>) -> Value<'a> {
    match value {
        DeValue::String(text) => Value::Text(text),
        DeValue::Integer(number) => Value::Integer(decimal(number)),
        DeValue::Boolean(switch) => Value::Boolean(*switch),
        DeValue::Array(entries) => Value::Array(Box::new(
            entries.iter().map(|entry| value_of(entry.get_ref())),
        )),
        DeValue::Float(_) => Value::Other("a float"),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Table(_) => Value::Other("a table"),
    }
}

/// The number in decimal digits; if it is too large, as it is written.
fn decimal(number: &toml::de::DeInteger<'_>) -> String {
    i64::from_str_radix(number.as_str(), number.radix())
        .map_or_else(|_| number.to_string(), |number| number.to_string())
}
