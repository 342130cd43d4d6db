//! The values that were given for a front end's flags, and by what.

use std::collections::BTreeMap;

use super::{Flag, Shape};

/// The values of the flags that were given; the others have their defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagValues<F>(BTreeMap<F, Text>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Text {
    /// The variable that gave it; a flag did when `None`.
    variable: Option<&'static str>,
    text: String,
}

impl<F> Default for FlagValues<F> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<F: Flag> FlagValues<F> {
    /// The values of the variables that are set, as far as they are for flags.
    pub fn of_variables(mut variable: impl FnMut(&str) -> Option<String>) -> Self {
        let mut values = Self::default();
        for &flag in F::ALL {
            let spec = flag.spec();
            let set = spec.variables.iter().find_map(|&name| {
                let text = variable(name)?;
                let none = text.is_empty() && matches!(spec.shape, Shape::Switch | Shape::Number);
                (!none).then_some((name, text))
            });
            if let Some((name, text)) = set {
                let variable = Some(name);
                values.0.insert(flag, Text { variable, text });
            }
        }
        values
    }

    /// Sets what a flag was given, over what a variable says.
    pub fn set(&mut self, flag: F, text: String) {
        let variable = None;
        self.0.insert(flag, Text { variable, text });
    }

    /// Whether something gave the flag.
    #[must_use]
    pub fn has(&self, flag: F) -> bool {
        self.0.contains_key(&flag)
    }

    /// The text of the flag, or of its default; empty where it has neither.
    #[must_use]
    pub fn text(&self, flag: F) -> &str {
        match self.0.get(&flag) {
            Some(given) => &given.text,
            None => flag.spec().default.text().unwrap_or_default(),
        }
    }

    /// The flag or the variable that gave the text, as the user wrote it. Where nothing did, as it would be
    /// given.
    #[must_use]
    pub fn name(&self, flag: F) -> String {
        let spec = flag.spec();
        match (
            self.0.get(&flag).and_then(|given| given.variable),
            spec.long,
        ) {
            (Some(variable), _) => variable.to_owned(),
            (None, Some(long)) => format!("--{long}"),
            (None, None) => spec
                .variables
                .first()
                .copied()
                .unwrap_or_default()
                .to_owned(),
        }
    }

    /// The flags that were given, in the order of the table.
    pub fn given(&self) -> impl Iterator<Item = F> {
        self.0.keys().copied()
    }
}
