//! The status of capture: what is installed, by which options, whether it was edited, and what its rules have counted.

mod counted;
mod json;
mod text;

use crate::drift::{Difference, compare};
use crate::metadata::{Metadata, Unreadable, VERSION};
use crate::named::named;
use crate::plan::plan;
use crate::ruleset::{Installed, MetadataBytes, Ruleset, Set};

pub use json::{SCHEMA, nothing};
pub use text::Words;

/// The status of capture in a network namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    installed: Installed,
    metadata: Result<Option<Metadata>, Unreadable>,
    /// The ruleset of the options in the metadata, if they are known.
    wanted: Option<Ruleset>,
    differences: Vec<Difference>,
    warnings: Vec<String>,
}

named! {
    /// Whether the rules are those of the options in the metadata.
    pub enum Sync: name {
        /// They are.
        Same "same";
        /// They were edited.
        Edited "edited";
        /// They were edited, or the version that installed them makes other rules of these options.
        Differs "differs";
        /// The options are unknown.
        Unknown "unknown";
    }
}

/// The metadata of the installed rules, and the ruleset of its options.
#[derive(Clone, Debug)]
pub struct Origin {
    metadata: Result<Option<Metadata>, Unreadable>,
    wanted: Option<Ruleset>,
}

impl Origin {
    /// Reads the metadata that is kept with these sets.
    #[must_use]
    pub fn read(bytes: &MetadataBytes, sets: &[Set]) -> Self {
        let metadata = Metadata::read(bytes, sets);
        let known = metadata.as_ref().ok().and_then(Option::as_ref);
        let capture = known.and_then(Metadata::capture);
        Self {
            wanted: capture.as_ref().map(plan),
            metadata,
        }
    }

    /// The ruleset of the options, if they are known.
    #[must_use]
    pub const fn wanted(&self) -> Option<&Ruleset> {
        self.wanted.as_ref()
    }
}

impl Status {
    /// The status of these installed rules.
    #[must_use]
    pub fn new(installed: Installed, origin: Origin) -> Self {
        let wanted = origin.wanted.as_ref();
        Self {
            differences: wanted.map_or_else(Vec::new, |wanted| compare(wanted, Some(&installed))),
            installed,
            metadata: origin.metadata,
            wanted: origin.wanted,
            warnings: Vec::new(),
        }
    }

    /// The same with warnings of what is outside the table.
    #[must_use]
    pub fn with_warnings(mut self, warnings: Vec<String>) -> Self {
        self.warnings = warnings;
        self
    }

    /// Whether the rules are those of the options in the metadata.
    #[must_use]
    pub fn sync(&self) -> Sync {
        let Some(metadata) = self.metadata() else {
            return Sync::Unknown;
        };
        let same = self.differences.is_empty() && metadata.edited.is_empty();
        match (&self.wanted, same) {
            (None, _) => Sync::Unknown,
            (Some(_), true) => Sync::Same,
            (Some(_), false) if metadata.version == VERSION => Sync::Edited,
            (Some(_), false) => Sync::Differs,
        }
    }

    fn metadata(&self) -> Option<&Metadata> {
        self.metadata.as_ref().ok().and_then(Option::as_ref)
    }
}
