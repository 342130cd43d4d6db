//! What the marks of Consul's injector ask for, and Nomad's arguments.

use crate::meshes::claim::{Claim, MeshMode};
use crate::meshes::pod::PodFacts;
use crate::meshes::reason::Reason;

use super::annotations::{CONFIG, read, read_on_nomad};

const STATUS: &str = "consul.hashicorp.com/connect-inject-status";
const STATUS_BY_OTHER_NAME: &str = "consul.hashicorp.com/mesh-inject-status";
const TRANSPARENT_STATUS: &str = "consul.hashicorp.com/transparent-proxy-status";

pub(in crate::meshes) fn claim(facts: &PodFacts) -> Option<Claim> {
    let is_set = |key| facts.annotation(key).is_some_and(|text| !text.is_empty());
    let injected = is_set(STATUS) || is_set(STATUS_BY_OTHER_NAME);
    if facts.annotation(CONFIG).is_none() {
        return injected.then_some(Claim::Bypass(Reason::ConsulNoConfig));
    }
    if !injected || !is_set(TRANSPARENT_STATUS) {
        return Some(Claim::Bypass(Reason::ConsulStatusMissing));
    }
    let errors = read(facts).map_or_else(Vec::new, |read| read.unreadable);
    Some(if errors.is_empty() {
        Claim::Capture(Reason::ConsulConfig)
    } else {
        Claim::Broken(Reason::ConsulConfigUnreadable, errors)
    })
}

pub(in crate::meshes) fn claim_on_nomad(facts: &PodFacts, mode: Option<MeshMode>) -> Option<Claim> {
    match read_on_nomad(facts) {
        Some(read) if read.unreadable.is_empty() => Some(Claim::Capture(Reason::NomadConfig)),
        Some(read) => Some(Claim::Broken(
            Reason::NomadConfigUnreadable,
            read.unreadable,
        )),
        // Older releases of Nomad do not name themselves; the configuration may.
        None => {
            let is_nomad = facts.nomad.is_some() || (mode.is_some() && facts.annotations.is_none());
            is_nomad.then_some(Claim::Bypass(Reason::NomadNoConfig))
        }
    }
}
