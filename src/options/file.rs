//! The configuration file: TOML, a key for each option.

use std::rc::Rc;

use toml::de::{DeTable, DeValue};

use super::{Given, Mistake, Origin, Problem, Setting, Shape};

/// How alike a misspelling and a name must be: 1 is equal, 0 has nothing in common.
const RESEMBLANCE: f64 = 0.7;

/// The options in the text of the file, and everything that is wrong with it.
#[must_use]
pub fn read_file(file: &str, text: &str) -> (Given, Vec<Mistake>) {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut given = Given::default();
    let mut mistakes: Vec<_> = errors
        .iter()
        .map(|error| not_toml(file, text, error))
        .collect();
    if !mistakes.is_empty() {
        return (given, mistakes);
    }
    let origin = Origin::File(Rc::from(file));
    for (key, value) in table.get_ref() {
        let key = key.get_ref().as_ref();
        match read_entry(key, value.get_ref()) {
            Ok((setting, text)) => given.set(setting, origin.clone(), text),
            Err(problems) => mistakes.extend(problems.into_iter().map(|problem| Mistake {
                option: format!("{key} in {file}"),
                problem,
            })),
        }
    }
    (given, mistakes)
}

/// The option's name that is spelled most like the word, if one is.
#[must_use]
pub fn nearest(word: &str) -> Option<&'static str> {
    Setting::ALL
        .iter()
        .map(|setting| setting.spec().name)
        .map(|name| (strsim::normalized_damerau_levenshtein(word, name), name))
        .filter(|(resemblance, _)| *resemblance >= RESEMBLANCE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}

fn not_toml(file: &str, text: &str, error: &toml::de::Error) -> Mistake {
    let before = error.span().and_then(|span| text.get(..span.start));
    Mistake {
        option: file.to_owned(),
        problem: Problem::Toml {
            line: before.map_or(1, |before| before.matches('\n').count() + 1),
            reason: error.message().to_owned(),
        },
    }
}

fn read_entry(key: &str, value: &DeValue<'_>) -> Result<(Setting, String), Vec<Problem>> {
    match Setting::named(key) {
        None => Err(vec![Problem::Unknown {
            nearest: nearest(key).map(str::to_owned),
        }]),
        Some(Setting::Config) => Err(vec![Problem::ConfigInFile]),
        Some(setting) => Ok((setting, text_of(setting.spec().shape, value)?)),
    }
}

/// The value as the text that a flag would have.
fn text_of(shape: Shape, value: &DeValue<'_>) -> Result<String, Vec<Problem>> {
    let accepted = match shape {
        Shape::One => "a string or an integer",
        Shape::List => "an array or a comma-separated string",
        Shape::Several => "an array or a string with semicolons",
        Shape::Switch => "true or false",
        Shape::Count => "an integer",
    };
    let wrong = |found| vec![Problem::Type { found, accepted }];
    match value {
        DeValue::Array(entries) if shape == Shape::List => join(entries, ','),
        DeValue::Array(entries) if shape == Shape::Several => join(entries, ';'),
        DeValue::String(text) if !matches!(shape, Shape::Switch | Shape::Count) => {
            Ok(text.clone().into_owned())
        }
        DeValue::Integer(number) if !matches!(shape, Shape::Switch | Shape::Several) => {
            Ok(decimal(number))
        }
        DeValue::Boolean(switch) if shape == Shape::Switch => Ok(switch.to_string()),
        DeValue::String(_) => Err(wrong("a string")),
        DeValue::Integer(_) => Err(wrong("an integer")),
        DeValue::Float(_) => Err(wrong("a float")),
        DeValue::Boolean(_) => Err(wrong("a boolean")),
        DeValue::Datetime(_) => Err(wrong("a date")),
        DeValue::Array(_) => Err(wrong("an array")),
        DeValue::Table(_) => Err(wrong("a table")),
    }
}

/// The entries with separators between: ten thousand of them are one text, not ten thousand.
fn join(entries: &[toml::Spanned<DeValue<'_>>], separator: char) -> Result<String, Vec<Problem>> {
    let mut text = String::new();
    let mut problems = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        if index > 0 {
            text.push(separator);
        }
        match entry.get_ref() {
            DeValue::String(entry) => text.push_str(entry),
            DeValue::Integer(number) => text.push_str(&decimal(number)),
            DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => problems.push(Problem::EntryType { index: index + 1 }),
        }
    }
    if problems.is_empty() {
        Ok(text)
    } else {
        Err(problems)
    }
}

/// The number in decimal digits, whatever radix it was written in; too large a one as it was written.
fn decimal(number: &toml::de::DeInteger<'_>) -> String {
    i64::from_str_radix(number.as_str(), number.radix())
        .map_or_else(|_| number.to_string(), |number| number.to_string())
}
