//! Explains what the plugin would do with a pod, before a runtime calls it.

use std::fmt;

use serde_json::Value;

use crate::intent::Families;
use crate::options::{Files, OptionError, Parsed, Setting, line, options_of};
use crate::parse::FamilyChoice;
use crate::printable::first_errors;

use super::config::{ANNOTATIONS, Input, mistyped};
use super::environment::{Pod, VariableError};
use super::error::PluginError;
use super::request::{self, PodDecision};
use super::version::SpecVersion;

/// Keys of a plugin's standard input. No annotation has such a name.
const INPUT_KEYS: [&str; 5] = ["cniVersion", "name", "type", "runtimeConfig", "prevResult"];

/// What the plugin would do with a pod.
#[derive(Debug)]
pub struct Explanation(PodDecision);

/// Explains what the plugin would do with a pod.
///
/// `text` is an object of annotations, or a plugin's standard input; `arguments` is the value of `CNI_ARGS`. The only
/// files read are those that the configuration names.
///
/// # Errors
/// The text is neither, the arguments are malformed, or the configuration is wrong.
pub fn explain(text: &str, arguments: &str, files: &dyn Files) -> Result<Explanation, PluginError> {
    let value = serde_json::from_str(text).map_err(|error| match text.trim() {
        "" => "it is empty; for a pod without annotations, pass {}".to_owned(),
        _ => error.to_string(),
    });
    let value: Value = value.map_err(PluginError::NotExplainable)?;
    let is_input = INPUT_KEYS.iter().any(|key| value.get(key).is_some());
    if !is_input {
        check_annotations(&value).map_err(PluginError::NotExplainable)?;
    }
    let wrapped;
    let text = if is_input {
        text
    } else {
        wrapped = format!(
            "{{\"cniVersion\":\"{}\",\"name\":\"pods\",\"runtimeConfig\":{{\"{ANNOTATIONS}\":{text}}}}}",
            SpecVersion::LATEST
        );
        &wrapped
    };
    let input = Input::parse(text).map_err(PluginError::Decode)?;
    let (config, _) = request::config(&input, files)?;
    let arguments = |name: &str| (name == "CNI_ARGS").then(|| arguments.into());
    let (pod, errors): (Pod, Vec<VariableError>) = Pod::read_variables(&arguments);
    if !errors.is_empty() {
        return Err(PluginError::Environment(errors));
    }
    let decision = request::decision(&pod, &input, &config, files);
    let decision = decision.map_err(|error| PluginError::Config(vec![error]))?;
    Ok(Explanation(decision))
}

/// Refuses other JSON, such as a whole pod, which would be taken for a pod without known annotations.
fn check_annotations(value: &Value) -> Result<(), String> {
    let annotations = match value {
        Value::Null => return Ok(()),
        Value::Object(annotations) => annotations,
        other => return Err(mistyped("the input", Some(other), "an object").to_string()),
    };
    match annotations.iter().find(|(_, value)| !value.is_string()) {
        None => Ok(()),
        Some((key, value)) => Err(format!(
            "{}; of a whole pod, pass .metadata.annotations alone",
            mistyped(format!("annotation {key}"), Some(value), "a string")
        )),
    }
}

impl Explanation {
    /// Whether ADD would succeed, as far as the pod decides.
    #[must_use]
    pub fn is_decided(&self) -> bool {
        self.0.capture.is_ok()
    }

    fn errors(&self) -> &[OptionError] {
        self.0.capture.as_ref().err().map_or(&[], Vec::as_slice)
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decision = match &self.0.capture {
            Ok(Some(_)) => "capture",
            Ok(None) => "bypass",
            Err(_) => "fail: the pod would not start",
        };
        writeln!(f, "decision: {decision}")?;
        let reason = self.0.reason;
        writeln!(f, "reason:   {} ({})", reason.code(), reason.text())?;
        if let Some(mesh) = self.0.mesh {
            writeln!(f, "mesh:     {}", mesh.key())?;
        }
        for remark in &self.0.remarks {
            writeln!(f, "note:     {remark}")?;
        }
        for error in first_errors(self.errors()) {
            writeln!(f, "error:    {error}")?;
        }
        if let Ok(Some(parsed)) = &self.0.capture {
            for warning in &parsed.warnings {
                writeln!(f, "note:     {warning}")?;
            }
            writeln!(f, "command:  {}", command(parsed))?;
        }
        Ok(())
    }
}

/// The command line with the same effect, in the pod.
fn command(parsed: &Parsed) -> String {
    let families = match parsed.families {
        FamilyChoice::Fixed(families) => families,
        FamilyChoice::Auto => Families::Both,
    };
    let capture = parsed.clone().capture_of(families);
    let mut options = options_of(&capture);
    if parsed.families == FamilyChoice::Auto {
        options.push((Setting::IpFamilies, "auto".to_owned()));
    }
    line("apply", &options)
}
