//! Reads values of flags and collects errors.

use crate::options::{
    Files, OptionError, OptionErrorKind, OptionSet, OptionValues, Section, Shape,
};
use crate::parse::{self, Accounts, NetworkNamespace, ValueError};

use super::{Notice, Show, notation};

/// Reads values of flags and collects errors. A function that finds an error gives `None`.
pub struct Reader<'a, F> {
    pub(super) values: &'a OptionValues<F>,
    pub(super) accounts: &'a dyn Accounts,
    pub(super) files: &'a dyn Files,
    pub(super) notices: Vec<Notice>,
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

    /// What to print instead of installing it; `None` also after an error.
    pub(super) fn show(&mut self, dry_run: F, format: F, options: F) -> Option<Show> {
        let is_dry = self.switch(dry_run);
        let rules = self.one(format, parse::word);
        let shows_options = self.switch(options);
        if is_dry == Some(false) && rules.is_some() && self.values.has(format) {
            self.note(format, OptionErrorKind::Requires(self.values.name(dry_run)));
        }
        let rules = is_dry?.then_some(Show::Rules(rules?));
        shows_options?.then_some(Show::Options).or(rules)
    }

    /// The network namespace, if the flag names one; `None` also after an error.
    pub(super) fn namespace(&mut self, flag: F) -> Option<NetworkNamespace> {
        if self.text(flag).is_empty() {
            return None;
        }
        self.one(flag, parse::network_namespace)
    }

    /// Flags that are accepted and ignored. Their values are checked all the same, other than that of the exception.
    pub(super) fn ignored(&mut self, except: F, notice: fn(String) -> Notice) {
        for flag in self.values.set_options() {
            let spec = flag.spec();
            if spec.section != Section::Ignored {
                continue;
            }
            if flag != except {
                match spec.shape {
                    Shape::Switch => drop(self.switch(flag)),
                    Shape::Number => drop(self.one(flag, notation::whole_number)),
                    Shape::One | Shape::List | Shape::Several | Shape::Count => {}
                }
            }
            let about = spec.about.trim_end_matches('.');
            let mut rest = about.chars();
            let first = rest.next().map(|first| first.to_ascii_lowercase());
            let about: String = first.into_iter().chain(rest).collect();
            let name = self.values.name(flag);
            self.notices
                .push(notice(format!("{name}: ignored: {about}")));
        }
    }

    /// Adds a warning that names the flag.
    pub(super) fn warn(&mut self, flag: F, text: &str) {
        let text = format!("{}: {text}", self.values.name(flag));
        self.notices.push(Notice::Warning(text));
    }

    /// Adds a debug message that names the flag.
    pub(super) fn remark(&mut self, flag: F, text: &str) {
        let text = format!("{}: {text}", self.values.name(flag));
        self.notices.push(Notice::Debug(text));
    }

    pub(super) fn note(&mut self, flag: F, problem: impl Into<OptionErrorKind>) {
        self.errors
            .push(OptionError::of(self.values.name(flag), problem));
    }
}
