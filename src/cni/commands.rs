//! ADD, DEL, CHECK, GC, STATUS and VERSION.

mod add;
mod check;

use serde::Serialize;

use crate::app::{self, OpenConnections, Place};
use crate::log::Log;
use crate::nftables::Removal;

use super::environment::Environment;
use super::error::PluginError;
use super::request::Request;
use super::version::SpecVersion;

/// Carries out the request and returns its output.
pub(super) fn run(request: Request<'_>, log: Log) -> Result<Option<String>, PluginError> {
    match request {
        Request::Add(attachment) => add::add(attachment, log).map(Some),
        Request::Check(attachment) => check::check(attachment, log).map(|()| None),
        Request::Status(capture) => add::status(capture, log).map(|()| None),
        // A pod's rules go with its network namespace. DEL is done before the configuration is read.
        Request::Gc | Request::Del => Ok(None),
        Request::Version(asked) => Ok(Some(versions(&asked))),
    }
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
