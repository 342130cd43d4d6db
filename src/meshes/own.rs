//! netweir's own annotations.

use crate::options::{
    OptionError, OptionErrorKind, OptionSet, OptionValues, Section, Setting, known,
};
use crate::printable::shortened;

use super::annotations::origin;
use super::annotations::unknown;
use super::pod::PodFacts;
use super::reason::Reason;

/// What the names of netweir's annotations begin with.
pub(crate) const PREFIX: &str = "netweir.io/";
/// Whether the pod is captured.
const CAPTURE: &str = "netweir.io/capture";
/// What the injector should do; it has done so by now.
const INJECT: &str = "netweir.io/inject";
/// What the injector did.
const INJECTED: &str = "netweir.io/injected";

/// Whether the annotations ask for capture, if they ask.
pub(super) fn asks(facts: &PodFacts) -> Result<Option<(bool, Reason)>, OptionError> {
    match facts.annotation(CAPTURE) {
        Some("enabled") => return Ok(Some((true, Reason::CaptureEnabled))),
        Some("disabled") => return Ok(Some((false, Reason::CaptureDisabled))),
        // Whether the pod should be captured is exactly what this cannot say.
        Some(other) => return Err(unknown(CAPTURE, other, "enabled, disabled")),
        None => {}
    }
    Ok(match facts.annotation(INJECTED) {
        Some("init") => Some((false, Reason::InjectedInit)),
        Some("node") => Some((true, Reason::InjectedNode)),
        _ => None,
    })
}

/// The error in a switch whose word is unknown.
pub(super) fn unknown_word(facts: &PodFacts) -> Option<OptionError> {
    let text = facts.annotation(INJECTED)?;
    (!["init", "node"].contains(&text)).then(|| unknown(INJECTED, text, "init, node"))
}

/// The options that the annotations give, and their errors.
pub(super) fn options(facts: &PodFacts) -> (OptionValues, Vec<OptionError>) {
    let mut given = OptionValues::by_key();
    let mut errors = Vec::new();
    // The file would be one of the node.
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
    OptionError {
        option: format!("annotation {key}, which is {}", shortened(value)),
        problem,
    }
}

/// Whether the option says what to capture in a pod, and not where, or how to report.
#[must_use]
pub(crate) fn is_about_capture(setting: Setting) -> bool {
    Section::CAPTURE.contains(&setting.spec().section)
}
