//! The annotations of a pod as options.
//!
//! By precedence: `netweir.io/<option>`; the annotations of the pod's mesh; `capture` in the plugin's configuration; what
//! the mesh does where nothing is said; the options' own defaults.

use serde_json::Value;

use crate::meshes::annotations::{AnnotationKey, AnnotationValues, annotation_error, origin};
use crate::meshes::istio::annotations as istio;
use crate::meshes::linkerd::annotations as linkerd;
use crate::options::{OptionError, OptionErrorKind, OptionValues, Setting, known};
use crate::parse::ValueError;

use super::config::{Annotations, is_about_capture, shortened};
use super::policy::Wish;

/// What our own annotations start with.
const PREFIX: &str = "netweir.io/";
/// Whether the pod is captured.
const CAPTURE: &str = "netweir.io/capture";

/// Istio's annotations that are options.
pub const ISTIO_KEYS: &[AnnotationKey] = istio::KEYS;
/// Linkerd's annotations that are options.
pub const LINKERD_KEYS: &[AnnotationKey] = linkerd::KEYS;

/// The texts of the annotations.
pub(super) struct Texts<'a> {
    texts: AnnotationValues<'a>,
    /// The keys of ours and the meshes' that have other values.
    mistyped: Vec<(&'a str, &'a Value)>,
}

impl<'a> Texts<'a> {
    pub(super) fn of(annotations: &'a Annotations) -> Self {
        let mut read = Self {
            texts: AnnotationValues::default(),
            mistyped: Vec::new(),
        };
        let Annotations::OptionValues(annotations) = annotations else {
            return read;
        };
        for (key, value) in annotations {
            match value {
                Value::String(text) => {
                    read.texts.0.insert(key, text);
                }
                // Kubernetes' have no other type. Of others' we know nothing.
                _ if is_known(key) => read.mistyped.push((key, value)),
                _ => {}
            }
        }
        read
    }

    fn text(&self, key: &str) -> Option<&'a str> {
        self.texts.text(key)
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
                return Err(vec![annotation_error(CAPTURE, error.into())]);
            }
            None => {}
        }
        let (istio, linkerd) = (
            istio::opts_out(&self.texts)?,
            linkerd::opts_out(&self.texts)?,
        );
        if let Some(key) = istio.or(linkerd) {
            return Ok(Wish::Leave(key));
        }
        let injected = istio::is_injected(&self.texts) || linkerd::is_injected(&self.texts);
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
            self.texts.read(keys, &mut below, &mut errors);
        }
        errors.extend(linkerd::wrong_ports(&self.texts));
        below.fall_back_to(plugin.clone());
        match (
            istio::is_injected(&self.texts),
            linkerd::is_injected(&self.texts),
        ) {
            (false, false) => {}
            (true, false) => istio::defaults().complete(&mut below),
            (false, true) => linkerd::defaults(&self.texts).complete(&mut below),
            (true, true) => errors.push(annotation_error(
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
        for (key, text) in &self.texts.0 {
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
}

fn is_known(key: &str) -> bool {
    let mut mesh = istio::KEYS.iter().chain(linkerd::KEYS);
    key.starts_with(PREFIX)
        || mesh.any(|known| known.key == key)
        || istio::SWITCHES.contains(&key)
        || linkerd::SWITCHES.contains(&key)
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
