//! What the marks of Kuma's injector ask for.

use serde_json::Value;

use crate::meshes::claim::Claim;
use crate::meshes::pod::PodFacts;
use crate::meshes::reason::Reason;

use super::annotations::{CONFIG, INJECTED, document};

/// The networks that Multus attaches; Kuma's injector adds the one of its plugin.
const NETWORKS: &str = "k8s.v1.cni.cncf.io/networks";
/// Kuma's own plugin.
const PLUGIN: &str = "kuma-cni";
/// Captures the pod itself.
const INIT: &str = "kuma-init";
/// The proxy.
const PROXY: &str = "kuma-sidecar";

pub(in crate::meshes) fn claim(facts: &PodFacts) -> Option<Claim> {
    let injected = facts.annotation(INJECTED);
    let has_config = facts.annotation(CONFIG).is_some();
    match injected {
        Some("true") => {}
        None if has_config => {}
        Some(_) if has_config => return Some(Claim::Bypass(Reason::KumaNotInjected)),
        _ => return None,
    }
    if facts.container(INIT).is_some() {
        return Some(Claim::Bypass(Reason::KumaInit));
    }
    if facts.lacks_container(PROXY) {
        return Some(Claim::Bypass(Reason::KumaNoSidecar));
    }
    let mode = match document(facts) {
        None => None,
        Some(Ok(mut document)) => {
            let mode = document.boolean("cniMode");
            if !document.errors.is_empty() {
                return Some(Claim::Broken(Reason::KumaConfigUnreadable, document.errors));
            }
            mode
        }
        Some(Err(error)) => {
            return Some(Claim::Broken(Reason::KumaConfigUnreadable, vec![error]));
        }
    };
    Some(match mode {
        Some(true) => Claim::Capture(Reason::KumaCniMode),
        // Before 2.11 the configuration has no such key.
        None if names_plugin(facts.annotation(NETWORKS)) => Claim::Capture(Reason::KumaNetwork),
        Some(false) | None => Claim::Bypass(Reason::KumaInit),
    })
}

/// Whether the list of networks names Kuma's plugin: `[NAMESPACE/]NAME[@INTERFACE]` with commas between, or JSON.
fn names_plugin(networks: Option<&str>) -> bool {
    let Some(text) = networks else {
        return false;
    };
    if let Ok(Value::Array(networks)) = serde_json::from_str(text) {
        return networks
            .iter()
            .any(|network| network.get("name").is_some_and(|name| name == PLUGIN));
    }
    text.split(',').any(|network| {
        let name = network.rsplit('/').next().unwrap_or(network);
        name.split('@').next().map(str::trim) == Some(PLUGIN)
    })
}
