//! ADD captures a pod; STATUS tries that in an empty network namespace.

use crate::app::{self, Access, AppError, Place, Planned, resolve_options};
use crate::log::Log;
use crate::meshes::claim::Remark;
use crate::meshes::decision::Mesh;
use crate::meshes::reason::Reason;
use crate::nftables::{Kernel, Outcome};
use crate::options::Parsed;

use super::super::error::PluginError;
use super::super::request::Attachment;
use super::super::version::SpecVersion;

/// Logged for a pod without an address where families depend on addresses.
pub(super) const NO_ADDRESS: &str =
    "ip-families auto: the pod has no global address; both families are captured";

/// Captures the pod, if it is to be captured, and returns the result for the runtime.
pub(super) fn add(attachment: Attachment<'_>, log: Log) -> Result<String, PluginError> {
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

/// Logs why the pod is not captured.
pub(super) fn not_captured(reason: Reason, log: Log) {
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
    let mut kernel = Kernel::open()?;
    planned.prepare_loopback(&mut kernel)?;
    let outcome = planned.install(&mut kernel, log)?;
    Ok((outcome, planned.ruleset.rules().count()))
}

/// Captures an empty network namespace, which ends with the process. The loopback interface is up there, as in a pod.
pub(super) fn status(capture: Option<Box<Parsed>>, log: Log) -> Result<(), PluginError> {
    if let Some(parsed) = capture {
        install(Place::New, *parsed, log).map_err(PluginError::NotAvailable)?;
        log.debug("pods can be captured on this node", &[]);
    }
    Ok(())
}
