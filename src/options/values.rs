//! The values of options from flags, variables, files and annotations, each with its origin.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::rc::Rc;

use super::{OptionError, OptionErrorKind, OptionSet, Setting, Shape};

/// Where the value of an option comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A flag on the command line.
    Flag,
    /// The environment variable of this name.
    Variable(&'static str),
    /// The configuration file of this name.
    File(Rc<str>),
    /// The object `capture` of the CNI plugin's configuration.
    Plugin,
    /// The pod's annotation with this key.
    Annotation(Rc<str>),
    /// What the runtime passed under this name.
    Runtime(Rc<str>),
    /// The default of the mesh of this name.
    Mesh(&'static str),
}

impl Origin {
    /// The option as the user wrote it.
    #[must_use]
    pub fn name_of<O: OptionSet>(&self, option: O) -> String {
        let spec = option.spec();
        match self {
            Self::Flag if spec.long.is_none() => spec.name.to_owned(),
            Self::Flag => format!("--{}", spec.name),
            Self::Variable(variable) => (*variable).to_owned(),
            Self::File(file) => format!("{} in {file}", spec.name),
            Self::Plugin => format!("capture.{}", spec.name),
            Self::Annotation(key) => format!("annotation {key}"),
            Self::Runtime(name) => name.to_string(),
            Self::Mesh(mesh) => format!("{}, by {mesh}'s defaults,", spec.name),
        }
    }
}

/// The values of the options that are set; the others have their defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionValues<O = Setting> {
    set: BTreeMap<O, (Origin, String)>,
    /// Whether the user sets options by their keys, not by flags.
    by_key: bool,
}

impl<O> Default for OptionValues<O> {
    fn default() -> Self {
        Self {
            set: BTreeMap::new(),
            by_key: false,
        }
    }
}

impl<O: OptionSet> OptionValues<O> {
    /// The values of the variables that are set, and an error for each that is not UTF-8.
    ///
    /// With `empty_is_unset`, an empty variable of a switch or number counts as unset, as in Go's programs.
    pub fn from_variables(
        options: impl IntoIterator<Item = O>,
        empty_is_unset: bool,
        mut variable: impl FnMut(&str) -> Option<OsString>,
    ) -> (Self, Vec<OptionError>) {
        let mut values = Self::default();
        let mut errors = Vec::new();
        for option in options {
            let spec = option.spec();
            let may_be_unset =
                empty_is_unset && matches!(spec.shape, Shape::Switch | Shape::Number);
            let set = spec.variables.iter().find_map(|&name| {
                let value = variable(name)?;
                (!(may_be_unset && value.is_empty())).then_some((name, value))
            });
            match set.map(|(name, value)| (name, value.into_string())) {
                None => {}
                Some((name, Ok(text))) => values.set(option, Origin::Variable(name), text),
                Some((name, Err(value))) => {
                    errors.push(OptionError::of(name, OptionErrorKind::NotUtf8(value)));
                }
            }
        }
        (values, errors)
    }

    /// No values, of options that the user sets by their keys: messages name no flags.
    #[must_use]
    pub fn by_key() -> Self {
        Self {
            by_key: true,
            ..Self::default()
        }
    }

    /// Sets the value of an option.
    pub fn set(&mut self, option: O, origin: Origin, text: String) {
        self.set.insert(option, (origin, text));
    }

    /// Takes the options that are not set yet from another source.
    pub fn fall_back_to(&mut self, other: Self) {
        self.by_key |= other.by_key;
        for (option, value) in other.set {
            self.set.entry(option).or_insert(value);
        }
    }

    /// Adds entries to a list, unless it is `*` and so has them.
    pub fn add(&mut self, option: O, origin: Origin, entries: &str) {
        match self.set.get_mut(&option) {
            None => self.set(option, origin, entries.to_owned()),
            Some((_, text)) if text.trim() == "*" => {}
            Some((_, text)) if text.trim().is_empty() => entries.clone_into(text),
            Some((_, text)) => text.extend([",", entries]),
        }
    }

    /// Whether the option is set.
    #[must_use]
    pub fn has(&self, option: O) -> bool {
        self.set.contains_key(&option)
    }

    /// The options that are set, in the order of their declaration.
    pub fn set_options(&self) -> impl Iterator<Item = O> {
        self.set.keys().copied()
    }

    /// The value of the option or its default; empty if the default has no text.
    #[must_use]
    pub fn text(&self, option: O) -> &str {
        match self.set.get(&option) {
            Some((_, text)) => text,
            None => option.spec().default.text().unwrap_or(""),
        }
    }

    /// The origin of the option's value; a flag if it is not set, since that is how it would be set.
    #[must_use]
    pub fn origin(&self, option: O) -> Origin {
        self.set
            .get(&option)
            .map_or(Origin::Flag, |(origin, _)| origin.clone())
    }

    /// The option as the user wrote it, or would write it.
    #[must_use]
    pub fn name(&self, option: O) -> String {
        if self.by_key && !self.has(option) {
            return option.spec().name.to_owned();
        }
        self.origin(option).name_of(option)
    }
}

impl OptionError {
    /// An error in the value of the option.
    #[must_use]
    pub fn new<O: OptionSet>(
        given: &OptionValues<O>,
        option: O,
        problem: impl Into<OptionErrorKind>,
    ) -> Self {
        Self::of(given.name(option), problem)
    }
}
