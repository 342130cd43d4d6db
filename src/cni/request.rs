//! Parses and validates a runtime's request.

use std::ffi::OsStr;
use std::path::PathBuf;

use serde_json::value::RawValue;

use crate::meshes::claim::Remark;
use crate::meshes::decision::{Decision, Mesh, Outcome, Pods, decide};
use crate::meshes::pod::PodFacts;
use crate::meshes::reason::Reason;
use crate::options::{
    self, Files, OptionError, OptionErrorKind, OptionValues, Origin, Parsed, Setting,
};
use crate::parse::NoNames;

use super::annotations::texts;
use super::config::{Config, ConfigError, Input};
use super::environment::{Command, Environment, PRIMARY_INTERFACE, Pod};
use super::error::PluginError;
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
    /// STATUS, with the capture of a pod without annotations; `None` if the policy captures no pod.
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
    /// The version of the specification to answer in.
    pub version: SpecVersion,
    /// The result of the earlier plugins, unchanged; `None` if Multus calls netweir alone.
    pub previous: Option<&'a RawValue>,
    /// The capture; `None` if the pod is bypassed.
    pub capture: Option<Box<Parsed>>,
    /// Why.
    pub reason: Reason,
    /// The mesh that injected the pod.
    pub mesh: Option<Mesh>,
    /// Further messages for the log.
    pub remarks: Vec<Remark>,
}

/// The decision on a pod, with its options parsed.
#[derive(Debug)]
pub(super) struct PodDecision {
    /// The capture, or `None` if the pod is bypassed. If it is undetermined, the errors, which may be none.
    pub(super) capture: Result<Option<Box<Parsed>>, Vec<OptionError>>,
    pub(super) reason: Reason,
    pub(super) mesh: Option<Mesh>,
    pub(super) remarks: Vec<Remark>,
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
    let input = Input::parse(text).map_err(PluginError::Decode)?;
    of(environment, &input, files)
}

/// The request in the variables and standard input.
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
    let version = input.required_version().map_err(PluginError::Version)?;
    if version < command.since() {
        return Err(PluginError::CommandSince(command, version));
    }
    let attachment = || attachment(environment, version, input, files);
    match command {
        Command::Add => attachment().map(Request::Add),
        Command::Check => attachment().map(Request::Check),
        Command::Status => status(input, files).map(Request::Status),
        Command::Gc | Command::Del | Command::Version => Ok(Request::Gc),
    }
}

fn attachment<'a>(
    environment: &Environment,
    version: SpecVersion,
    input: &Input<'a>,
    files: &dyn Files,
) -> Result<Attachment<'a>, PluginError> {
    let pod = environment.pod.clone();
    let (config, _) = config(input, files)?;
    let wrong = |error: ConfigError| PluginError::Config(vec![error]);
    let previous = input.previous_result().map_err(wrong)?;
    // Multus calls the plugin alone for each further interface, without another plugin's result.
    let is_alone = config.standalone || environment.interface != OsStr::new(PRIMARY_INTERFACE);
    if previous.is_none() && !is_alone {
        return Err(PluginError::NotChained(environment.command));
    }
    let decision = decision(&pod, input, &config, files).map_err(wrong)?;
    let reason = decision.reason;
    let capture = decision.capture.map_err(|errors| {
        let pod = pod.clone();
        if errors.is_empty() {
            PluginError::Undecidable(pod, reason)
        } else {
            PluginError::Annotations(pod, errors)
        }
    })?;
    Ok(Attachment {
        pod,
        namespace: environment.namespace.clone(),
        version,
        previous,
        capture,
        reason,
        mesh: decision.mesh,
        remarks: decision.remarks,
    })
}

/// What becomes of the pod, by what the runtime says of it.
pub(super) fn decision(
    pod: &Pod,
    input: &Input<'_>,
    config: &Config,
    files: &dyn Files,
) -> Result<PodDecision, ConfigError> {
    let (facts, mut errors) = facts(pod, input)?;
    let Decision {
        outcome,
        reason,
        mesh,
        remarks,
    } = decide(&facts, &config.policy);
    let capture = match outcome {
        Outcome::Bypass => Ok(None),
        Outcome::Undetermined(errors) => Err(errors),
        Outcome::Capture(mut options) => {
            errors.append(&mut options.errors);
            let mut given = options.over(&config.capture);
            give_resolvers(&mut given, &facts);
            match parsed(&given, files) {
                Ok(parsed) if errors.is_empty() => Ok(Some(Box::new(parsed))),
                parsed => {
                    errors.extend(parsed.err().into_iter().flatten());
                    Err(errors)
                }
            }
        }
    };
    Ok(PodDecision {
        capture,
        reason,
        mesh,
        remarks,
    })
}

/// What the runtime says of the pod, and what is wrong with its annotations' types.
fn facts(pod: &Pod, input: &Input<'_>) -> Result<(PodFacts, Vec<OptionError>), ConfigError> {
    let (annotations, mistyped) = match input.annotations()? {
        None => (None, Vec::new()),
        Some(annotations) => {
            let (annotations, mistyped) = texts(annotations);
            (Some(annotations), mistyped)
        }
    };
    let facts = PodFacts {
        namespace: pod.namespace.clone(),
        name: pod.name.clone(),
        annotations,
        resolvers: input.resolvers(),
        nomad: pod.nomad.clone(),
        ..PodFacts::default()
    };
    Ok((facts, mistyped))
}

/// The pod's own name servers for `dns: resolvers`, unless an option names some.
fn give_resolvers(given: &mut OptionValues, facts: &PodFacts) {
    let named = [Setting::DnsServers, Setting::ResolvConf];
    if named.iter().any(|&setting| given.has(setting)) {
        return;
    }
    if let Some(resolvers) = facts.resolvers.as_ref().filter(|_| asks_resolvers(given)) {
        let texts: Vec<_> = resolvers.iter().map(ToString::to_string).collect();
        let origin = Origin::Runtime("runtimeConfig.dns.servers".into());
        given.set(Setting::DnsServers, origin, texts.join(","));
    }
}

fn asks_resolvers(given: &OptionValues) -> bool {
    given.text(Setting::Dns).trim() == "resolvers"
}

fn status(input: &Input<'_>, files: &dyn Files) -> Result<Option<Box<Parsed>>, PluginError> {
    let (config, capture) = config(input, files)?;
    Ok((config.policy.pods != Pods::None).then(|| Box::new(capture)))
}

/// Our part of the configuration, and what would be captured of a pod without annotations.
pub(super) fn config(
    input: &Input<'_>,
    files: &dyn Files,
) -> Result<(Config, Parsed), PluginError> {
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
    let named = [Setting::DnsServers, Setting::ResolvConf];
    if asks_resolvers(given) && !named.iter().any(|&setting| given.has(setting)) {
        return Err(vec![OptionError::new(
            given,
            Setting::Dns,
            OptionErrorKind::ResolversOfNode,
        )]);
    }
    options::capture(given, &NoNames, files)
}
