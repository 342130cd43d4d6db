//! What the plugin would do with a pod, and why, before there is one.

use std::fmt;

use serde_json::Value;

use crate::intent::Families;
use crate::options::{Files, OptionError, Parsed, Setting, line, options_of};
use crate::parse::FamilyChoice;

use super::PluginError;
use super::config::{ANNOTATIONS, Input};
use super::environment::{Pod, VariableError};
use super::request::{self, PodDecision};
use super::version::SpecVersion;

/// Keys that a plugin's standard input has, and annotations have not.
const INPUT_KEYS: [&str; 5] = ["cniVersion", "name", "type", "runtimeConfig", "prevResult"];

/// What the plugin would do with a pod.
#[derive(Debug)]
pub struct Explanation(PodDecision);

/// Explains what the plugin would do with a pod.
///
/// `text` is an object of annotations, or a plugin's standard input; `arguments` is the value of `CNI_ARGS`. Nothing
/// but the files that the configuration names is read.
///
/// # Errors
/// The text is no such object, the arguments are malformed, or the configuration is wrong.
pub fn explain(text: &str, arguments: &str, files: &dyn Files) -> Result<Explanation, PluginError> {
    let value: Value = serde_json::from_str(text).map_err(PluginError::Decode)?;
    let is_input = INPUT_KEYS.iter().any(|key| value.get(key).is_some());
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
    let input = Input::parse(text)?;
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
        for error in self.errors() {
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
