//! What the commands do.

mod check;
mod status;

use std::path::Path;

use serde::Serialize;

use crate::intent::{Capture, Families, Family};
use crate::log::Log;
use crate::metadata::Metadata;
use crate::nftables::{self, Outcome, Removal};
use crate::options::{Level, Parsed};
use crate::parse::{FamilyChoice, NetworkNamespace};
use crate::plan::plan;
use crate::process::namespace::OpenNamespace;
use crate::process::privileges::{self, Capability};
use crate::render;
use crate::rtnetlink;
use crate::rtnetlink::addresses::families_with_addresses;
use crate::ruleset::RoutingObject;

use super::Error;
use super::environment::Environment;
use super::request::{Attachment, Request};
use super::version::SpecVersion;

/// Does what is asked for, and gives back what is to be printed.
pub(super) fn run(request: Request<'_>, log: Log) -> Result<Option<String>, Error> {
    match request {
        Request::Add(attachment) => add(attachment, log).map(Some),
        Request::Check(attachment) => check::check(attachment, log).map(|()| None),
        Request::Status(capture) => status::status(capture, log).map(|()| None),
        // What a pod had goes with its network namespace: there is nothing to tidy up. DEL is
        // done before anything can go wrong.
        Request::Gc | Request::Del => Ok(None),
        Request::Version(asked) => Ok(Some(versions(&asked))),
    }
}

fn add(attachment: Attachment<'_>, log: Log) -> Result<String, Error> {
    let Attachment {
        pod,
        namespace,
        previous,
        capture,
    } = attachment;
    match capture {
        Err(reason) => log.info("left alone", &[("reason", &reason)]),
        Ok(parsed) => {
            for warning in &parsed.warnings {
                log.warning(warning, &[]);
            }
            enter(&namespace)?;
            let of_kernel = |source| Error::Kernel {
                pod: pod.clone(),
                source: Box::new(source),
            };
            let capture = resolve(*parsed, log)?;
            let ruleset = plan(&capture);
            if log.writes(Level::Trace) {
                log.trace(render::nft(&ruleset), &[]);
            }
            let is_route =
                |object: &RoutingObject| matches!(object, RoutingObject::LocalRoute { .. });
            if ruleset.routing.iter().any(is_route) {
                // Not every runtime has done so by now; later, it makes no difference.
                rtnetlink::take_loopback_up().map_err(of_kernel)?;
            }
            let note = Metadata::note_of(&capture, &ruleset);
            let outcome = nftables::apply(&ruleset, &note);
            let message = match outcome.map_err(of_kernel)? {
                Outcome::Installed => "captured",
                Outcome::Replaced => "captured, in place of what was installed",
                Outcome::Unchanged => "captured already",
            };
            log.info(message, &[("rules", &ruleset.rules().count())]);
        }
    }
    Ok(previous.get().to_owned())
}

/// Takes away what was installed, if there is anything. Whatever is wrong, the pod is to go: nothing that stays behind does so
/// outside of its namespace.
pub(super) fn del(environment: &Environment, log: Log) {
    if environment.namespace.as_os_str().is_empty() {
        log.debug("there is no network namespace to take anything from", &[]);
        return;
    }
    let removed = enter(&environment.namespace).and_then(|()| {
        nftables::remove().map_err(|source| Error::Kernel {
            pod: environment.pod.clone(),
            source: Box::new(source),
        })
    });
    match removed {
        Ok(Removal::Removed) => log.info("not captured any more", &[]),
        Ok(Removal::NothingThere) => log.debug("there was nothing to remove", &[]),
        Err(error) => log.warning(&error, &[("details", &error.details())]),
    }
}

/// Enters the pod's network namespace, with no more privileges than it takes.
fn enter(path: &Path) -> Result<(), Error> {
    let namespace = OpenNamespace::open(&NetworkNamespace::Path(path.to_owned()));
    let namespace = namespace.map_err(Error::Namespace)?;
    if namespace.is_current() {
        return Err(Error::OwnNamespace(path.to_owned()));
    }
    privileges::confine(&[Capability::NetAdmin, Capability::SysAdmin]).map_err(Error::Privilege)?;
    namespace.enter().map_err(Error::Namespace)?;
    privileges::give_up(Capability::SysAdmin).map_err(Error::Privilege)
}

/// What to capture of which families. A pod without an address is captured as one that has both.
fn resolve(parsed: Parsed, log: Log) -> Result<Capture, Error> {
    let families = match parsed.families {
        FamilyChoice::Fixed(families) => families,
        FamilyChoice::Auto => {
            let present = families_with_addresses().map_err(Error::Addresses)?;
            present.unwrap_or(Families::Both)
        }
    };
    let names: Vec<_> = families.iter().map(Family::name).collect();
    log.debug(
        "what to capture is known",
        &[("families", &names.join(","))],
    );
    Ok(parsed.capture_of(families))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Versions<'a> {
    cni_version: &'a str,
    supported_versions: [&'static str; 5],
}

/// The versions that are spoken, in an answer to the one that was asked for.
fn versions(asked: &str) -> String {
    let versions = Versions {
        cni_version: asked,
        supported_versions: SpecVersion::ALL.map(SpecVersion::text),
    };
    // Texts: this cannot fail.
    serde_json::to_string(&versions).unwrap_or_default()
}
