//! The texts that were given for the options, and by what.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::Setting;

/// What gave an option its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A flag on the command line.
    Flag,
    /// An environment variable.
    Variable,
    /// The configuration file of this name.
    File(Rc<str>),
    /// The object `capture` of the CNI plugin's configuration.
    Plugin,
    /// The pod's annotation with this key.
    Annotation(Rc<str>),
    /// What the mesh of this name does where nothing is said.
    Mesh(&'static str),
}

impl Origin {
    /// The option as the user wrote it.
    #[must_use]
    pub fn name_of(&self, setting: Setting) -> String {
        let spec = setting.spec();
        match self {
            Self::Flag => format!("--{}", spec.name),
            Self::Variable => spec.variable.to_owned(),
            Self::File(file) => format!("{} in {file}", spec.name),
            Self::Plugin => format!("capture.{}", spec.name),
            Self::Annotation(key) => format!("annotation {key}"),
            Self::Mesh(mesh) => format!("{}, by {mesh}'s defaults,", spec.name),
        }
    }
}

/// The texts of the options that were given; the others have their defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OptionValues(BTreeMap<Setting, (Origin, String)>);

impl OptionValues {
    /// Sets the text of an option.
    pub fn set(&mut self, setting: Setting, origin: Origin, text: String) {
        self.0.insert(setting, (origin, text));
    }

    /// Takes from another source the options that are not given yet.
    pub fn fall_back_to(&mut self, other: Self) {
        for (setting, value) in other.0 {
            self.0.entry(setting).or_insert(value);
        }
    }

    /// Adds entries to the list that is given, and gives them alone where nothing is. A list of everything has
    /// them already.
    pub fn add(&mut self, setting: Setting, origin: Origin, entries: &str) {
        match self.0.get_mut(&setting) {
            None => self.set(setting, origin, entries.to_owned()),
            Some((_, text)) if text.trim() == "*" => {}
            Some((_, text)) if text.trim().is_empty() => entries.clone_into(text),
            Some((_, text)) => text.extend([",", entries]),
        }
    }

    /// Whether something gave the option.
    #[must_use]
    pub fn has(&self, setting: Setting) -> bool {
        self.0.contains_key(&setting)
    }

    /// The text of the option, or of its default; `None` where it has neither.
    #[must_use]
    pub fn text(&self, setting: Setting) -> Option<&str> {
        match self.0.get(&setting) {
            Some((_, text)) => Some(text),
            None => setting.spec().default.text(),
        }
    }

    /// What gave the option; a flag where nothing did, as that is how it would be given.
    #[must_use]
    pub fn origin(&self, setting: Setting) -> Origin {
        self.0
            .get(&setting)
            .map_or(Origin::Flag, |(origin, _)| origin.clone())
    }
}
