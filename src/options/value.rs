//! Turns values of TOML and JSON into the texts that flags would have.

use super::{OptionErrorKind, Shape};

/// A value of a TOML or JSON file.
pub(super) enum Value<'a> {
    /// A string.
    Text(&'a str),
    /// An integer, in decimal digits.
    Integer(String),
    /// True or false.
    Boolean(bool),
    /// An array, read entry by entry: it may have ten thousand.
    Array(Box<dyn Iterator<Item = Value<'a>> + 'a>),
    /// A type that no option takes, with its article.
    Other(&'static str),
}

impl Value<'_> {
    /// The type, with its article.
    const fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Boolean(_) => "a boolean",
            Self::Array(_) => "an array",
            Self::Other(kind) => kind,
        }
    }
}

/// The value as the text that a flag would have.
pub(super) fn text_of(shape: Shape, value: Value<'_>) -> Result<String, Vec<OptionErrorKind>> {
    match (shape, value) {
        (Shape::List, Value::Array(entries)) => join(entries, ','),
        (Shape::Several, Value::Array(entries)) => join(entries, ';'),
        (Shape::One | Shape::Number | Shape::List | Shape::Several, Value::Text(text)) => {
            Ok(text.to_owned())
        }
        (Shape::One | Shape::Number | Shape::List | Shape::Count, Value::Integer(number)) => {
            Ok(number)
        }
        (Shape::Switch, Value::Boolean(switch)) => Ok(switch.to_string()),
        (shape, value) => Err(vec![OptionErrorKind::Type(value.kind(), accepted(shape))]),
    }
}

const fn accepted(shape: Shape) -> &'static str {
    match shape {
        Shape::One | Shape::Number => "a string or an integer",
        Shape::List => "an array or a comma-separated string",
        Shape::Several => "an array or a string with semicolons",
        Shape::Switch => "true or false",
        Shape::Count => "an integer",
    }
}

/// The entries, joined by the separator.
fn join<'a>(
    entries: impl Iterator<Item = Value<'a>>,
    separator: char,
) -> Result<String, Vec<OptionErrorKind>> {
    let mut text = String::new();
    let mut problems = Vec::new();
    for (index, entry) in entries.enumerate() {
        if index > 0 {
            text.push(separator);
        }
        match entry {
            Value::Text(entry) => text.push_str(entry),
            Value::Integer(number) => text.push_str(&number),
            Value::Boolean(_) | Value::Array(_) | Value::Other(_) => {
                problems.push(OptionErrorKind::EntryType(index + 1));
            }
        }
    }
    if problems.is_empty() {
        Ok(text)
    } else {
        Err(problems)
    }
}
