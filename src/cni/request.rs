//! Requests of a runtime, all valid.

use std::path::PathBuf;

use serde_json::value::RawValue;

use crate::intent::OwnerId;
use crate::options::{self, Files, OptionError, OptionErrorKind, OptionValues, Parsed, Setting};
use crate::parse::{Accounts, NameError, OwnerKind};

use super::PluginError;
use super::annotations::Texts;
use super::config::{Config, ConfigError, Input};
use super::environment::{Command, Environment, Pod};
use super::policy::{Decision, Pods, Reason};
use super::version::SpecVersion;

/// A request.
#[derive(Debug)]
pub enum Request<'a> {
    /// ADD.
    Add(Attachment<'a>),
    /// CHECK.
    Check(Attachment<'a>),
    /// DEL, which needs no configuration.
    Del,
    /// STATUS, with what to capture of a pod without annotations; `None` where no pod is captured.
    Status(Option<Box<Parsed>>),
    /// GC.
    Gc,
    /// VERSION, with the version that was asked for.
    Version(String),
}

/// A pod and its decision.
#[derive(Debug)]
pub struct Attachment<'a> {
    /// The pod.
    pub pod: Pod,
    /// Its network namespace.
    pub namespace: PathBuf,
    /// The result of the plugins before this one, unchanged.
    pub previous: &'a RawValue,
    /// What to capture, or why nothing is.
    pub capture: Result<Box<Parsed>, Reason>,
}

/// Reads a request from the variables and the text of standard input.
///
/// # Errors
/// The variables, the configuration or the pod's annotations are wrong.
pub fn read<'a>(
    environment: &Environment,
    text: &'a str,
    files: &dyn Files,
) -> Result<Request<'a>, PluginError> {
    of(environment, &Input::parse(text)?, files)
}

/// What the variables and standard input ask for.
pub(super) fn of<'a>(
    environment: &Environment,
    input: &Input<'a>,
    files: &dyn Files,
) -> Result<Request<'a>, PluginError> {
    let command = environment.command;
    match command {
        Command::Del => return Ok(Request::Del),
        Command::Version => {
            let asked = input.written_version();
            let asked = asked.unwrap_or_else(|| SpecVersion::LATEST.text().to_owned());
            return Ok(Request::Version(asked));
        }
        Command::Add | Command::Check | Command::Status | Command::Gc => {}
    }
    let version = input.required_version()?;
    if version < command.since() {
        return Err(PluginError::CommandSince { command, version });
    }
    let attachment = || attachment(environment, input, files);
    match command {
        Command::Add => attachment().map(Request::Add),
        Command::Check => attachment().map(Request::Check),
        Command::Status => status(input, files).map(Request::Status),
        Command::Gc | Command::Del | Command::Version => Ok(Request::Gc),
    }
}

fn attachment<'a>(
    environment: &Environment,
    input: &Input<'a>,
    files: &dyn Files,
) -> Result<Attachment<'a>, PluginError> {
    let pod = environment.pod.clone();
    let (config, _) = config(input, files)?;
    let wrong = |error: ConfigError| PluginError::Config(vec![error]);
    let previous = input.previous_result().map_err(wrong)?;
    let previous = previous.ok_or(PluginError::NotChained(environment.command))?;
    let annotations = input.annotations().map_err(wrong)?;
    let texts = Texts::of(&annotations);
    let annotated = |errors| PluginError::Annotations {
        pod: pod.clone(),
        errors,
    };
    let by_namespace = config.policy.by_namespace(pod.namespace.as_deref());
    let decision = if let Some(decision) = by_namespace {
        decision
    } else {
        let wish = texts.wish().map_err(annotated)?;
        config.policy.by_annotations(&annotations, wish)
    };
    let capture = match decision {
        Decision::Capture => {
            let (given, mut errors) = texts.options(&config.capture);
            match parsed(&given, files) {
                Ok(parsed) if errors.is_empty() => Ok(Box::new(parsed)),
                parsed => {
                    errors.extend(parsed.err().into_iter().flatten());
                    return Err(annotated(errors));
                }
            }
        }
        Decision::Leave(reason) => Err(reason),
        Decision::Undecidable(reason) => return Err(PluginError::Undecidable { pod, reason }),
    };
    Ok(Attachment {
        pod,
        namespace: environment.namespace.clone(),
        previous,
        capture,
    })
}

fn status(input: &Input<'_>, files: &dyn Files) -> Result<Option<Box<Parsed>>, PluginError> {
    let (config, capture) = config(input, files)?;
    Ok((config.policy.pods != Pods::None).then(|| Box::new(capture)))
}

/// Our part of the configuration, and what would be captured of a pod without annotations.
fn config(input: &Input<'_>, files: &dyn Files) -> Result<(Config, Parsed), PluginError> {
    let (config, mut errors) = input.config();
    match parsed(&config.capture, files) {
        Ok(parsed) if errors.is_empty() => Ok((config, parsed)),
        parsed => {
            let wrong = parsed.err().into_iter().flatten();
            errors.extend(wrong.map(ConfigError::Capture));
            Err(PluginError::Config(errors))
        }
    }
}

fn parsed(given: &OptionValues, files: &dyn Files) -> Result<Parsed, Vec<OptionError>> {
    let asks_resolvers = given.text(Setting::Dns).trim() == "resolvers";
    let named = [Setting::DnsServers, Setting::ResolvConf];
    if asks_resolvers && !named.iter().any(|&setting| given.has(setting)) {
        return Err(vec![OptionError::new(
            given,
            Setting::Dns,
            OptionErrorKind::ResolversOfNode,
        )]);
    }
    options::capture(given, &NoNames, files)
}

/// The names of the node's users are not those of the pod's.
struct NoNames;

impl Accounts for NoNames {
    fn id_of(&self, _: OwnerKind, _: &str) -> Result<OwnerId, NameError> {
        Err(NameError::OfPod)
    }
}
