//! ADD, DEL, CHECK, GC, STATUS and VERSION.

mod check;
mod status;

use serde::Serialize;

use crate::app::{self, Access, AppError, OpenConnections, Place, Planned, resolve_options};
use crate::log::Log;
use crate::meshes::claim::Remark;
use crate::meshes::decision::Mesh;
use crate::meshes::reason::Reason;
use crate::nftables::{Outcome, Removal};
use crate::options::Parsed;

use super::PluginError;
use super::environment::Environment;
use super::request::{Attachment, Request};
use super::version::SpecVersion;

/// Logged for a pod without an address where families depend on addresses.
const NO_ADDRESS: &str =
    "ip-families auto: the pod has no global address; both families are captured";

/// Carries out the request and returns its output.
pub(super) fn run(request: Request<'_>, log: Log) -> Result<Option<String>, PluginError> {
    match request {
        Request::Add(attachment) => add(attachment, log).map(Some),
        Request::Check(attachment) => check::check(attachment, log).map(|()| None),
        Request::Status(capture) => status::status(capture, log).map(|()| None),
        // A pod's rules go with its network namespace. DEL is done before the configuration is read.
        Request::Gc | Request::Del => Ok(None),
        Request::Version(asked) => Ok(Some(versions(&asked))),
    }
}

fn add(attachment: Attachment<'_>, log: Log) -> Result<String, PluginError> {
    let Attachment {
        pod,
        namespace,
        previous,
        version,
        capture,
        reason,
        mesh,
        remarks,
    } = attachment;
    tell(&remarks, log);
    match capture {
        None => not_captured(reason, log),
        Some(parsed) => {
            for warning in &parsed.warnings {
                log.warning(warning, &[]);
            }
            let outcome = install(Place::Pod(&namespace), *parsed, log);
            let (outcome, rules) = outcome.map_err(|source| PluginError::of_pod(&pod, source))?;
            let message = match outcome {
                Outcome::Installed => "captured",
                Outcome::Replaced => "captured, replacing the rules that were installed",
                Outcome::Unchanged => "captured already",
            };
            log.info(
                message,
                &[
                    ("reason", &reason.code()),
                    ("mesh", &mesh.map_or("none", Mesh::key)),
                    ("rules", &rules),
                ],
            );
        }
    }
    Ok(previous.map_or_else(|| empty_result(version), |result| result.get().to_owned()))
}

/// Logs the remarks on a decision.
fn tell(remarks: &[Remark], log: Log) {
    for remark in remarks {
        match remark {
            Remark::Warning(_) => log.warning(remark, &[]),
            Remark::Info(_) => log.info(remark, &[]),
        }
    }
}

fn not_captured(reason: Reason, log: Log) {
    log.info(
        "not captured",
        &[("reason", &reason.code()), ("details", &reason.to_string())],
    );
}

/// The result of a plugin that adds no interface and no address (CNI specification, "ADD Success").
fn empty_result(version: SpecVersion) -> String {
    format!("{{\"cniVersion\":\"{version}\"}}")
}

/// Captures the pod in the namespace and returns the number of rules.
fn install(place: Place<'_>, parsed: Parsed, log: Log) -> Result<(Outcome, usize), AppError> {
    app::enter(place, Access::Rules, log)?;
    let planned = Planned::new(resolve_options(parsed, log, NO_ADDRESS)?);
    planned.prepare_loopback()?;
    Ok((planned.install(log)?, planned.ruleset.rules().count()))
}

/// Removes what ADD installed. DEL never fails: the pod has to go, and rules go with its network namespace.
pub(super) fn del(environment: &Environment, log: Log) {
    if environment.namespace.as_os_str().is_empty() {
        log.debug("no network namespace to remove rules from", &[]);
        return;
    }
    match app::remove(
        Place::Pod(&environment.namespace),
        OpenConnections::Break,
        log,
    ) {
        Ok(Removal::Removed) => log.info("no longer captured", &[]),
        Ok(Removal::NothingThere) => log.debug("nothing to remove", &[]),
        Err(error) => {
            let error = PluginError::of_pod(&environment.pod, error);
            log.warning(&error, &[("details", &error.details())]);
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VersionAnswer<'a> {
    cni_version: &'a str,
    supported_versions: [&'static str; 5],
}

/// The answer to VERSION: the supported versions, and the version that was asked for.
fn versions(asked: &str) -> String {
    let versions = VersionAnswer {
        cni_version: asked,
        supported_versions: SpecVersion::ALL.map(SpecVersion::text),
    };
    serde_json::to_string(&versions).expect("strings serialize")
}
