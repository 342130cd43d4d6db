//! What is installed, by whom, whether it is still what it was, and what its rules have counted.

mod counted;
mod json;
mod text;

use crate::drift::{Difference, compare};
use crate::metadata::{Metadata, Unreadable, VERSION};
use crate::plan::plan;
use crate::ruleset::{Installed, MetadataBytes, Ruleset};

pub use json::{SCHEMA, nothing};
pub use text::Words;

/// The state of capture in a network namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    installed: Installed,
    metadata: Result<Option<Metadata>, Unreadable>,
    /// What the noted options make, where they are known.
    wanted: Option<Ruleset>,
    differences: Vec<Difference>,
}

/// Whether the rules are those that the noted options make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// They are.
    Same,
    /// They are not: somebody changed them.
    Edited,
    /// They are not; or another version, which installed them, makes other rules of these options.
    Differs,
    /// The options are not known.
    Unknown,
}

impl Sync {
    /// Its word in the JSON form.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Edited => "edited",
            Self::Differs => "differs",
            Self::Unknown => "unknown",
        }
    }
}

/// What installed the rules, and what it made.
#[derive(Clone, Debug)]
pub struct Origin {
    metadata: Result<Option<Metadata>, Unreadable>,
    wanted: Option<Ruleset>,
}

impl Origin {
    /// What the note that is kept with the rules says.
    #[must_use]
    pub fn read(note: &MetadataBytes, ruleset: &Ruleset) -> Self {
        let metadata = Metadata::read(note, ruleset);
        let known = metadata.as_ref().ok().and_then(Option::as_ref);
        let capture = known.and_then(Metadata::capture);
        Self {
            wanted: capture.as_ref().map(plan),
            metadata,
        }
    }

    /// The ruleset that the noted options make, where they are known.
    #[must_use]
    pub const fn wanted(&self) -> Option<&Ruleset> {
        self.wanted.as_ref()
    }
}

impl Status {
    /// The state where this is installed.
    #[must_use]
    pub fn new(installed: Installed, origin: Origin) -> Self {
        let wanted = origin.wanted.as_ref();
        let compared = wanted.map(|wanted| compare(wanted, Some(&installed)));
        Self {
            installed,
            metadata: origin.metadata,
            differences: compared.unwrap_or_default(),
            wanted: origin.wanted,
        }
    }

    /// Whether the rules are those that the noted options make.
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
