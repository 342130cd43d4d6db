//! The decision for pods that Linkerd's injector changed.

use crate::meshes::annotations::unknown;
use crate::meshes::claim::{Claim, MeshMode, Remark};
use crate::meshes::pod::PodFacts;
use crate::meshes::reason::Reason;
use crate::options::OptionError;

use super::annotations::{INJECT, INJECTED};

/// The init container that captures the pod.
const INIT: &str = "linkerd-init";
/// The proxy's container.
const PROXY: &str = "linkerd-proxy";

pub(in crate::meshes) fn claim(facts: &PodFacts) -> Option<Claim> {
    facts.annotation(INJECTED)?;
    let bypass = if facts.container(INIT).is_some() {
        Some(Reason::LinkerdInit)
    } else if facts.lacks_container(PROXY) {
        Some(Reason::LinkerdNoProxy)
    } else if facts.annotation(INJECT).map(str::trim) == Some("disabled") {
        Some(Reason::LinkerdInjectDisabled)
    } else {
        None
    };
    Some(bypass.map_or(Claim::Capture(Reason::LinkerdProxy), Claim::Bypass))
}

/// The warning that a captured pod may have the init container, too.
pub(in crate::meshes) fn init_warning(facts: &PodFacts, mode: Option<MeshMode>) -> Option<Remark> {
    (mode.is_none() && facts.containers.is_none()).then(|| {
        Remark::Warning(
            "no annotation shows whether Linkerd's pods have the init container linkerd-init; assuming that they do not: if \
             they do, set \"meshes\": {\"linkerd\": \"init\"}, otherwise \"cni\""
                .to_owned(),
        )
    })
}

/// The error if the value of the injection annotation is unknown.
pub(in crate::meshes) fn unknown_word(facts: &PodFacts) -> Option<OptionError> {
    let text = facts.annotation(INJECT)?;
    let accepted = ["enabled", "ingress", "disabled"];
    let is_known = accepted.contains(&text.trim());
    (!is_known).then(|| unknown(INJECT, text, "enabled, ingress, disabled"))
}
