//! Reads values of flags and collects errors.

use crate::meshes::notation;
use crate::options::{OptionError, OptionErrorKind, OptionSet, OptionValues};
use crate::parse::{Accounts, ValueError};

use super::Notice;

/// Reads values of flags and collects errors. A function that finds an error gives `None`.
pub(super) struct Reader<'a, F> {
    pub(super) values: &'a OptionValues<F>,
    pub(super) accounts: &'a dyn Accounts,
    pub(super) errors: Vec<OptionError>,
}

/// How white space around the entries of a list is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Space {
    /// Ignored.
    Free,
    /// Part of the entry, which makes it an error.
    Counts,
}

impl<F: OptionSet> Reader<'_, F> {
    pub(super) fn text(&self, flag: F) -> &str {
        self.values.text(flag)
    }

    pub(super) fn one<T>(
        &mut self,
        flag: F,
        parse: impl FnOnce(&str) -> Result<T, ValueError>,
    ) -> Option<T> {
        match parse(self.values.text(flag)) {
            Ok(value) => Some(value),
            Err(error) => {
                self.note(flag, error);
                None
            }
        }
    }

    pub(super) fn switch(&mut self, flag: F) -> Option<bool> {
        self.one(flag, notation::go_switch)
    }

    /// The values of a list. Empty entries are ignored.
    pub(super) fn list<T, L: FromIterator<T>>(
        &mut self,
        flag: F,
        space: Space,
        entry: impl Fn(&str) -> Result<T, ValueError>,
    ) -> Option<L> {
        let text = self.values.text(flag).to_owned();
        self.list_of(flag, &text, space, entry)
    }

    /// The values of a list in another text than the flag's.
    pub(super) fn list_of<T, L: FromIterator<T>>(
        &mut self,
        flag: F,
        text: &str,
        space: Space,
        entry: impl Fn(&str) -> Result<T, ValueError>,
    ) -> Option<L> {
        let entries = text.split(',').map(|entry| match space {
            Space::Free => entry.trim(),
            Space::Counts => entry,
        });
        let mut errors = Vec::new();
        let values = entries
            .filter(|entry| !entry.is_empty())
            .filter_map(|text| entry(text).map_err(|error| errors.push(error)).ok())
            .collect();
        if errors.is_empty() {
            return Some(values);
        }
        for error in errors {
            self.note(flag, error);
        }
        None
    }

    /// A warning that names the flag.
    pub(super) fn warning(&self, flag: F, text: &str) -> Notice {
        Notice::Warning(format!("{}: {text}", self.values.name(flag)))
    }

    /// A debug message that names the flag.
    pub(super) fn remark(&self, flag: F, text: &str) -> Notice {
        Notice::Debug(format!("{}: {text}", self.values.name(flag)))
    }

    pub(super) fn note(&mut self, flag: F, problem: impl Into<OptionErrorKind>) {
        self.errors.push(OptionError {
            option: self.values.name(flag),
            problem: problem.into(),
        });
    }
}

/// The values in order, without repetitions.
pub(super) fn distinct<T: PartialEq>(values: Vec<T>) -> Vec<T> {
    let mut distinct = Vec::with_capacity(values.len());
    for value in values {
        if !distinct.contains(&value) {
            distinct.push(value);
        }
    }
    distinct
}
