//! netweir's own annotations.

use crate::options::{
    OptionError, OptionErrorKind, OptionSet, OptionValues, Section, Setting, known,
};
use crate::printable::shortened;

use super::annotations::origin;
use super::annotations::unknown;
use super::pod::PodFacts;
use super::reason::Reason;

/// The prefix of netweir's annotations.
pub(crate) const PREFIX: &str = "netweir.io/";
/// Whether the pod is captured.
const CAPTURE: &str = "netweir.io/capture";
/// Tells netweir's injector whether to inject. No effect once the pod exists.
const INJECT: &str = "netweir.io/inject";
/// Written by netweir's injector: how the pod is captured.
const INJECTED: &str = "netweir.io/injected";

/// Whether the annotations ask for capture, if they ask.
pub(super) fn asks(facts: &PodFacts) -> Result<Option<(bool, Reason)>, OptionError> {
    match facts.annotation(CAPTURE) {
        Some("enabled") => return Ok(Some((true, Reason::CaptureEnabled))),
        Some("disabled") => return Ok(Some((false, Reason::CaptureDisabled))),
        // An unknown value leaves open whether to capture, so it is an error on every pod.
        Some(other) => return Err(unknown(CAPTURE, other, "enabled, disabled")),
        None => {}
    }
    Ok(match facts.annotation(INJECTED) {
        Some("init") => Some((false, Reason::InjectedInit)),
        Some("node") => Some((true, Reason::InjectedNode)),
        _ => None,
    })
}

/// The error if the value of `netweir.io/injected` is unknown.
pub(super) fn unknown_word(facts: &PodFacts) -> Option<OptionError> {
    let text = facts.annotation(INJECTED)?;
    (!["init", "node"].contains(&text)).then(|| unknown(INJECTED, text, "init, node"))
}

/// The options in the annotations, and their errors.
pub(super) fn options(facts: &PodFacts) -> (OptionValues, Vec<OptionError>) {
    let mut given = OptionValues::by_key();
    let mut errors = Vec::new();
    // The file would be read on the node, not in the pod.
    let accepted = |setting| is_about_capture(setting) && setting != Setting::ResolvConf;
    for (key, text) in facts.annotations.iter().flatten() {
        let Some(name) = key.strip_prefix(PREFIX) else {
            continue;
        };
        if [CAPTURE, INJECT, INJECTED].contains(&key.as_str()) {
            continue;
        }
        match known(name, accepted) {
            Ok(setting) => given.set(setting, origin(key), text.clone()),
            Err(problem) => errors.push(with_value(key, &format!("{text:?}"), problem)),
        }
    }
    (given, errors)
}

/// An error that quotes the value itself.
pub(crate) fn with_value(key: &str, value: &str, problem: OptionErrorKind) -> OptionError {
    OptionError::of(
        format!("annotation {key}, which is {}", shortened(value)),
        problem,
    )
}

/// Whether the option says what to capture in a pod, and not where, or how to report.
#[must_use]
pub(crate) fn is_about_capture(setting: Setting) -> bool {
    Section::CAPTURE.contains(&setting.spec().section)
}
