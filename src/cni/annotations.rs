//! The annotations of a pod as options.
//!
//! By precedence: `netweir.io/<option>`; the annotations of the pod's mesh; `capture` in the plugin's configuration; what
//! the mesh does where nothing is said; the options' own defaults.

mod istio;
mod linkerd;

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::Value;

use crate::options::{OptionError, OptionErrorKind, OptionValues, Origin, Setting, known};
use crate::parse::{self, ValueError};

use super::config::{Annotations, is_about_capture, shortened};
use super::policy::Wish;

/// What our own annotations start with.
const PREFIX: &str = "netweir.io/";
/// Whether the pod is captured.
const CAPTURE: &str = "netweir.io/capture";

/// An annotation of a mesh that is an option here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeshKey {
    /// The annotation.
    pub key: &'static str,
    /// The option.
    pub setting: Setting,
    reading: Reading,
}

/// Istio's annotations that are options.
pub const ISTIO_KEYS: &[MeshKey] = istio::KEYS;
/// Linkerd's annotations that are options.
pub const LINKERD_KEYS: &[MeshKey] = linkerd::KEYS;

/// How a mesh writes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// As here.
    Same,
    /// A list, in which empty entries are nothing.
    List,
    /// A list of CIDRs, whose host bits are nothing.
    Ranges,
    /// A list of interfaces, in which a star is no wildcard.
    Interfaces,
    /// `REDIRECT` or `TPROXY`.
    InterceptionMode,
    /// An id above 0; otherwise nobody.
    User,
    /// The same for groups.
    Group,
}

/// What a mesh captures where nothing is said.
struct Profile {
    mesh: &'static str,
    /// Options that are as good as given.
    defaults: Vec<(Setting, String)>,
    /// Entries that lists have in any case.
    always: Vec<(Setting, String)>,
}

/// The texts of the annotations.
pub(super) struct Texts<'a> {
    texts: BTreeMap<&'a str, &'a str>,
    /// The keys of ours and the meshes' that have other values.
    mistyped: Vec<(&'a str, &'a Value)>,
}

impl<'a> Texts<'a> {
    pub(super) fn of(annotations: &'a Annotations) -> Self {
        let mut read = Self {
            texts: BTreeMap::new(),
            mistyped: Vec::new(),
        };
        let Annotations::OptionValues(annotations) = annotations else {
            return read;
        };
        for (key, value) in annotations {
            match value {
                Value::String(text) => {
                    read.texts.insert(key, text);
                }
                // Kubernetes' have no other type. Of others' we know nothing.
                _ if is_known(key) => read.mistyped.push((key, value)),
                _ => {}
            }
        }
        read
    }

    fn text(&self, key: &str) -> Option<&'a str> {
        self.texts.get(key).copied()
    }

    /// Whether the pod should be captured, by the annotations.
    pub(super) fn wish(&self) -> Result<Wish, Vec<OptionError>> {
        // A value that is no text is a mistake, not an absence.
        let decides = |key: &str| {
            key == CAPTURE || istio::SWITCHES.contains(&key) || linkerd::SWITCHES.contains(&key)
        };
        let mistyped = self.mistyped.iter().filter(|(key, _)| decides(key));
        let mistyped: Vec<_> = mistyped
            .map(|(key, value)| not_a_string(key, value))
            .collect();
        if !mistyped.is_empty() {
            return Err(mistyped);
        }
        match self.text(CAPTURE) {
            Some("enabled") => return Ok(Wish::Capture),
            Some("disabled") => return Ok(Wish::Leave(CAPTURE)),
            Some(other) => {
                let error = ValueError::Word {
                    text: other.to_owned(),
                    accepted: "enabled, disabled",
                };
                return Err(vec![option_error(CAPTURE, error.into())]);
            }
            None => {}
        }
        let (istio, linkerd) = (istio::opts_out(self)?, linkerd::opts_out(self)?);
        if let Some(key) = istio.or(linkerd) {
            return Ok(Wish::Leave(key));
        }
        let injected = istio::is_injected(self) || linkerd::is_injected(self);
        Ok(if injected {
            Wish::Capture
        } else {
            Wish::Unsaid
        })
    }

    /// The options of the pod, over those of the plugin's configuration, and what is wrong with the annotations' names.
    pub(super) fn options(&self, plugin: &OptionValues) -> (OptionValues, Vec<OptionError>) {
        let mistyped = self.mistyped.iter();
        let mistyped = mistyped.map(|(key, value)| not_a_string(key, value));
        let mut errors: Vec<_> = mistyped.collect();
        let mut given = self.own(&mut errors);
        let mut below = OptionValues::default();
        for keys in [istio::KEYS, linkerd::KEYS] {
            self.read(keys, &mut below, &mut errors);
        }
        errors.extend(linkerd::wrong_ports(self));
        below.fall_back_to(plugin.clone());
        match (istio::is_injected(self), linkerd::is_injected(self)) {
            (false, false) => {}
            (true, false) => istio::profile().complete(&mut below),
            (false, true) => linkerd::profile(self).complete(&mut below),
            (true, true) => errors.push(option_error(
                linkerd::INJECTED,
                OptionErrorKind::TwoMeshes(istio::INJECTED),
            )),
        }
        given.fall_back_to(below);
        (given, errors)
    }

    /// What `netweir.io/...` says.
    fn own(&self, errors: &mut Vec<OptionError>) -> OptionValues {
        let mut given = OptionValues::default();
        // Of the node's files a pod decides nothing.
        let accepted = |setting| is_about_capture(setting) && setting != Setting::ResolvConf;
        for (key, text) in &self.texts {
            let Some(name) = key.strip_prefix(PREFIX).filter(|_| *key != CAPTURE) else {
                continue;
            };
            match known(name, accepted) {
                Ok(setting) => given.set(setting, origin(key), (*text).to_owned()),
                Err(problem) => errors.push(mistake_in(key, &format!("{text:?}"), problem)),
            }
        }
        given
    }

    fn read(&self, keys: &[MeshKey], given: &mut OptionValues, errors: &mut Vec<OptionError>) {
        for known in keys {
            let Some(text) = self.text(known.key) else {
                continue;
            };
            match known.reading.text_of(text) {
                // Two keys of Istio's are one option.
                Ok(text) if given.has(known.setting) => {
                    given.add(known.setting, origin(known.key), &text);
                }
                Ok(text) => given.set(known.setting, origin(known.key), text),
                Err(problems) => {
                    let wrong = problems
                        .into_iter()
                        .map(|error| option_error(known.key, error.into()));
                    errors.extend(wrong);
                }
            }
        }
    }
}

impl Profile {
    fn complete(self, given: &mut OptionValues) {
        for (setting, entries) in self.always {
            given.add(setting, Origin::Mesh(self.mesh), &entries);
        }
        let mut defaults = OptionValues::default();
        for (setting, text) in self.defaults {
            defaults.set(setting, Origin::Mesh(self.mesh), text);
        }
        given.fall_back_to(defaults);
    }
}

impl Reading {
    /// The text as it is written here.
    fn text_of(self, text: &str) -> Result<String, Vec<ValueError>> {
        let text = text.trim();
        match self {
            Self::List => entries(text, |entry| Ok(entry.to_owned())),
            Self::Ranges => entries(text, |entry| {
                Ok(parse::cidr(entry)
                    .map_or(entry.to_owned(), |network| network.trunc().to_string()))
            }),
            Self::Interfaces => entries(text, |entry| {
                parse::iptables_interface(entry).map(|_| entry.to_owned())
            }),
            Self::InterceptionMode => match text {
                // Capture was asked for all the same, by an annotation that comes before this one.
                "REDIRECT" | "NONE" => Ok("redirect".to_owned()),
                "TPROXY" => Ok("tproxy".to_owned()),
                _ => Err(vec![ValueError::Word {
                    text: text.to_owned(),
                    accepted: "REDIRECT, TPROXY, NONE",
                }]),
            },
            Self::User if ["0", "-1"].contains(&text) => Ok("none".to_owned()),
            Self::Group if ["0", "-1"].contains(&text) => Ok(String::new()),
            Self::Same | Self::User | Self::Group => Ok(text.to_owned()),
        }
    }
}

/// The entries of the list that are not empty, each as it is written here.
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

fn is_known(key: &str) -> bool {
    let mut mesh = istio::KEYS.iter().chain(linkerd::KEYS);
    key.starts_with(PREFIX)
        || mesh.any(|known| known.key == key)
        || istio::SWITCHES.contains(&key)
        || linkerd::SWITCHES.contains(&key)
}

fn origin(key: &str) -> Origin {
    Origin::Annotation(Rc::from(key))
}

fn option_error(key: &str, problem: OptionErrorKind) -> OptionError {
    OptionError {
        option: format!("annotation {key}"),
        problem,
    }
}

/// A mistake in whose problem the value is not quoted.
fn mistake_in(key: &str, value: &str, problem: OptionErrorKind) -> OptionError {
    OptionError {
        option: format!("annotation {key}, which is {}", shortened(value)),
        problem,
    }
}

fn not_a_string(key: &str, value: &Value) -> OptionError {
    let problem = OptionErrorKind::Type {
        found: "not a string",
        accepted: "a string",
    };
    mistake_in(key, &value.to_string(), problem)
}
