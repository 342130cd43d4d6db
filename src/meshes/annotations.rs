//! A pod's annotations, and the tables by which a mesh's annotations become options.

use std::rc::Rc;

use crate::options::{OptionError, OptionErrorKind, OptionValues, Origin, Setting};
use crate::parse::{self, ValueError};

use super::notation::{cidr, iptables_interface};
use super::pod::PodFacts;

/// A mesh's annotation that stands for an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AnnotationKey {
    /// The annotation.
    pub(super) key: &'static str,
    /// The option.
    pub(super) setting: Setting,
    pub(super) reading: Reading,
}

/// How a mesh writes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// As netweir's own options.
    Same,
    /// A list; empty entries are ignored.
    List,
    /// A list of CIDRs; host bits are ignored.
    Ranges,
    /// A list of interfaces, in which `*` is no wildcard.
    Interfaces,
    /// `REDIRECT` or `TPROXY`.
    InterceptionMode,
    /// A user id; 0 and -1 mean none.
    User,
    /// A group id; 0 and -1 mean none.
    Group,
}

/// What a mesh captures by default.
#[derive(Clone, Debug, Default)]
pub(crate) struct MeshDefaults {
    pub(super) mesh: &'static str,
    /// Used where neither an annotation nor the plugin's configuration gives the option.
    pub(super) defaults: Vec<(Setting, String)>,
    /// Entries added to lists however they are given.
    pub(super) always: Vec<(Setting, String)>,
}

/// Adds the options that the pod's annotations of a table stand for.
pub(super) fn read(
    facts: &PodFacts,
    keys: &[AnnotationKey],
    given: &mut OptionValues,
    errors: &mut Vec<OptionError>,
) {
    for known in keys {
        let Some(text) = facts.annotation(known.key) else {
            continue;
        };
        match known.reading.text_of(text) {
            // Of two annotations for one option the first counts.
            Ok(_) if given.has(known.setting) => {}
            Ok(text) => given.set(known.setting, origin(known.key), text),
            Err(problems) => {
                let wrong = problems
                    .into_iter()
                    .map(|error| annotation_error(known.key, error.into()));
                errors.extend(wrong);
            }
        }
    }
}

impl MeshDefaults {
    /// Completes what annotations and configuration give.
    pub(crate) fn complete(self, given: &mut OptionValues) {
        let mut defaults = OptionValues::default();
        for (setting, text) in self.defaults {
            defaults.set(setting, Origin::Mesh(self.mesh), text);
        }
        given.fall_back_to(defaults);
        for (setting, entries) in self.always {
            given.add(setting, Origin::Mesh(self.mesh), &entries);
        }
    }
}

/// The options of a captured pod, by precedence.
#[derive(Clone, Debug, Default)]
pub struct PodOptions {
    /// netweir's own annotations.
    pub(super) own: OptionValues,
    /// What its mesh says of this pod.
    pub(super) mesh: OptionValues,
    /// What its mesh does by default.
    pub(super) defaults: Option<MeshDefaults>,
    /// What is wrong with them.
    pub errors: Vec<OptionError>,
}

impl PodOptions {
    /// The options together with those of the plugin's configuration: netweir's annotations, then the mesh's, then the
    /// configuration, then the mesh's defaults.
    #[must_use]
    pub fn over(self, plugin: &OptionValues) -> OptionValues {
        let mut below = self.mesh;
        below.fall_back_to(plugin.clone());
        if let Some(defaults) = self.defaults {
            defaults.complete(&mut below);
        }
        let mut given = self.own;
        given.fall_back_to(below);
        given
    }
}

impl Reading {
    /// The value in netweir's own notation.
    pub(super) fn text_of(self, text: &str) -> Result<String, Vec<ValueError>> {
        let text = text.trim();
        match self {
            Self::List => entries(text, |entry| Ok(entry.to_owned())),
            Self::Ranges => entries(text, |entry| {
                Ok(cidr(entry).map_or(entry.to_owned(), |network| network.trunc().to_string()))
            }),
            Self::Interfaces => entries(text, |entry| {
                iptables_interface(entry).map(|_| entry.to_owned())
            }),
            Self::InterceptionMode => match text {
                // With NONE a pod is captured only because `netweir.io/capture` asks for it.
                "REDIRECT" | "NONE" => Ok("redirect".to_owned()),
                "TPROXY" => Ok("tproxy".to_owned()),
                _ => Err(vec![ValueError::word(text, "REDIRECT, TPROXY, NONE")]),
            },
            Self::User if ["0", "-1"].contains(&text) => Ok("none".to_owned()),
            Self::Group if ["0", "-1"].contains(&text) => Ok(String::new()),
            Self::Same | Self::User | Self::Group => Ok(text.to_owned()),
        }
    }
}

/// The entries of a list that are not empty, each in netweir's own notation.
fn entries(
    text: &str,
    read: impl Fn(&str) -> Result<String, ValueError>,
) -> Result<String, Vec<ValueError>> {
    let mut errors = Vec::new();
    let written: Vec<_> = parse::entries(text)
        .filter(|entry| !entry.is_empty())
        .filter_map(|entry| read(entry).map_err(|error| errors.push(error)).ok())
        .collect();
    if errors.is_empty() {
        Ok(written.join(","))
    } else {
        Err(errors)
    }
}

/// The annotation as an option's origin.
pub(crate) fn origin(key: &str) -> Origin {
    Origin::Annotation(Rc::from(key))
}

/// An error in an annotation's value.
pub(crate) fn annotation_error(key: &str, problem: OptionErrorKind) -> OptionError {
    OptionError::of(format!("annotation {key}"), problem)
}

/// An annotation with a word that is none of the accepted ones.
pub(super) fn unknown(key: &str, text: &str, accepted: &'static str) -> OptionError {
    let error = ValueError::word(text, accepted);
    annotation_error(key, error.into())
}
