//! Comma-separated lists.

use std::collections::BTreeSet;

use super::ValueError;

/// Everything, or the value that was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection<T> {
    /// `*`.
    All,
    /// What was named.
    Only(T),
}

/// The entries of a comma-separated list, without the white space around them. An empty text has
/// none.
pub fn entries(text: &str) -> impl Iterator<Item = &str> {
    let text = text.trim();
    let count = if text.is_empty() { 0 } else { usize::MAX };
    text.split(',').map(str::trim).take(count)
}

/// The values of all entries, or what is wrong with each bad one.
pub fn list<T, L: FromIterator<T>>(
    text: &str,
    entry: impl Fn(&str) -> Result<T, ValueError>,
) -> Result<L, Vec<ValueError>> {
    let mut errors = Vec::new();
    let values = entries(text)
        .filter_map(|text| {
            let value = if text.is_empty() {
                Err(ValueError::EmptyEntry)
            } else {
                entry(text)
            };
            value.map_err(|error| errors.push(error)).ok()
        })
        .collect();
    if errors.is_empty() {
        Ok(values)
    } else {
        Err(errors)
    }
}

/// Everything where the text is `*`, and a list otherwise.
pub fn selection<T, L: FromIterator<T>>(
    text: &str,
    entry: impl Fn(&str) -> Result<T, ValueError>,
) -> Result<Selection<L>, Vec<ValueError>> {
    if text.trim() == "*" {
        return Ok(Selection::All);
    }
    let entry = |text: &str| match text {
        "*" => Err(ValueError::StarNotAlone),
        text => entry(text),
    };
    list(text, entry).map(Selection::Only)
}

/// The values in their order, each once.
pub(crate) fn distinct<T: Clone + Ord>(mut values: Vec<T>) -> Vec<T> {
    let mut seen = BTreeSet::new();
    values.retain(|value| seen.insert(value.clone()));
    values
}
