//! The decision for pods that Istio's injector changed.

use serde_json::Value;

use crate::meshes::annotations::unknown;
use crate::meshes::claim::{Claim, Remark};
use crate::meshes::notation;
use crate::meshes::pod::PodFacts;
use crate::meshes::reason::Reason;
use crate::options::OptionError;

use super::annotations::{INJECTED, MODE};
use super::proxy_config::{PROXY, ProxyEnvironment};

/// Whether the injector should inject; a label and an annotation.
const INJECT: &str = "sidecar.istio.io/inject";
/// Set by Istio's node agent after it redirected an ambient pod.
const REDIRECTION: &str = "ambient.istio.io/redirection";
/// The init container that captures the pod.
const INIT: &str = "istio-init";
/// The init container that waits until a plugin has captured the pod.
const VALIDATION: &str = "istio-validation";

/// The containers that the injector's status names.
struct Status {
    init_containers: Vec<String>,
}

pub(in crate::meshes) fn claim(facts: &PodFacts, remarks: &mut Vec<Remark>) -> Option<Claim> {
    if facts.annotation(REDIRECTION).is_some() {
        return Some(Claim::Bypass(Reason::IstioAmbient));
    }
    let status = Status::read(facts.annotation(INJECTED)?);
    let bypass = bypass_by_containers(facts)
        .or_else(|| ProxyEnvironment::disables_envoy(facts).then_some(Reason::IstioEnvoyDisabled))
        .or_else(|| (inject(facts) == Some(false)).then_some(Reason::IstioInjectFalse))
        .or_else(|| status.as_ref().and_then(Status::bypass))
        .or_else(|| {
            let mode = facts.annotation(MODE).map(str::trim);
            (mode == Some("NONE")).then_some(Reason::IstioInterceptionNone)
        });
    if let Some(reason) = bypass {
        return Some(Claim::Bypass(reason));
    }
    if status.is_some() || facts.container(VALIDATION).is_some() {
        return Some(Claim::Capture(Reason::IstioValidation));
    }
    // No injector writes such a value on a gateway or on a pod with istio-init.
    remarks.push(Remark::Warning(format!(
        "annotation {INJECTED}: expected a list of containers, as Istio's injector writes; captured anyway"
    )));
    Some(Claim::Capture(Reason::IstioStatusUnreadable))
}

/// The reason to bypass that the containers give, independent of the status.
fn bypass_by_containers(facts: &PodFacts) -> Option<Reason> {
    if facts.container(INIT).is_some() {
        return Some(Reason::IstioInit);
    }
    let is_other_proxy = |args: &Vec<String>| match args.as_slice() {
        [command, role, ..] => command == "proxy" && role != "sidecar",
        _ => false,
    };
    let proxy = facts.container(PROXY);
    let is_other_proxy = proxy
        .and_then(|proxy| proxy.args.as_ref())
        .is_some_and(is_other_proxy);
    (facts.lacks_container(PROXY) || is_other_proxy).then_some(Reason::IstioNoSidecar)
}

/// The injection label, or the annotation if there is no label; `None` if the value is unknown.
fn inject(facts: &PodFacts) -> Option<bool> {
    let text = facts.label(INJECT).or_else(|| facts.annotation(INJECT))?;
    notation::go_switch(text).ok()
}

/// The error if the value of the injection annotation is unknown.
pub(in crate::meshes) fn unknown_word(facts: &PodFacts) -> Option<OptionError> {
    let text = facts.annotation(INJECT)?;
    notation::go_switch(text)
        .is_err()
        .then(|| unknown(INJECT, text, "true, t, 1, false, f, 0"))
}

impl Status {
    /// The status; `None` if it is not an object with at least one of the two lists. A list may be null.
    fn read(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let names = |key: &str| match value.get(key) {
            None => Some(None),
            Some(Value::Null) => Some(Some(Vec::new())),
            Some(Value::Array(names)) => {
                let names = names.iter().map(|name| name.as_str().map(str::to_owned));
                Some(Some(names.collect::<Option<Vec<_>>>()?))
            }
            Some(_) => None,
        };
        match (names("initContainers")?, names("containers")?) {
            (None, None) => None,
            (init_containers, _) => Some(Self {
                init_containers: init_containers.into_iter().flatten().collect(),
            }),
        }
    }

    fn bypass(&self) -> Option<Reason> {
        let has = |wanted: &str| self.init_containers.iter().any(|name| name == wanted);
        if has(INIT) {
            return Some(Reason::IstioInit);
        }
        (!has(VALIDATION)).then_some(Reason::IstioNoSidecar)
    }
}
