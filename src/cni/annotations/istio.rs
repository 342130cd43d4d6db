//! Istio's annotations, with the defaults of Istio's own plugin.

use crate::options::{OptionError, Setting};
use crate::parse;

use super::{MeshKey, Profile, Reading, Texts, option_error};

/// What its injector writes on a pod that it gave a proxy.
pub(super) const INJECTED: &str = "sidecar.istio.io/status";
const INJECT: &str = "sidecar.istio.io/inject";
const MODE: &str = "sidecar.istio.io/interceptionMode";

/// The annotations that are no options.
pub(super) const SWITCHES: [&str; 2] = [INJECTED, INJECT];

pub(super) const KEYS: &[MeshKey] = &[
    key(MODE, Setting::InboundMode, Reading::InterceptionMode),
    key(
        "traffic.sidecar.istio.io/includeInboundPorts",
        Setting::IncludeInboundPorts,
        Reading::List,
    ),
    key(
        "traffic.sidecar.istio.io/excludeInboundPorts",
        Setting::ExcludeInboundPorts,
        Reading::List,
    ),
    key(
        "traffic.sidecar.istio.io/includeOutboundPorts",
        Setting::IncludeOutboundPorts,
        Reading::List,
    ),
    key(
        "traffic.sidecar.istio.io/excludeOutboundPorts",
        Setting::ExcludeOutboundPorts,
        Reading::List,
    ),
    key(
        "traffic.sidecar.istio.io/includeOutboundIPRanges",
        Setting::IncludeOutboundIpRanges,
        Reading::Ranges,
    ),
    key(
        "traffic.sidecar.istio.io/excludeOutboundIPRanges",
        Setting::ExcludeOutboundIpRanges,
        Reading::Ranges,
    ),
    key(
        "traffic.sidecar.istio.io/excludeInterfaces",
        Setting::ExcludeInterfaces,
        Reading::Interfaces,
    ),
    key(
        "traffic.sidecar.istio.io/kubevirtInterfaces",
        Setting::RerouteInterfaces,
        Reading::Interfaces,
    ),
    key(
        "istio.io/reroute-virtual-interfaces",
        Setting::RerouteInterfaces,
        Reading::Interfaces,
    ),
];

const fn key(key: &'static str, setting: Setting, reading: Reading) -> MeshKey {
    MeshKey {
        key,
        setting,
        reading,
    }
}

pub(super) fn is_injected(texts: &Texts<'_>) -> bool {
    texts.text(INJECTED).is_some()
}

/// The annotation by which the pod is to be left alone.
pub(super) fn opts_out(texts: &Texts<'_>) -> Result<Option<&'static str>, Vec<OptionError>> {
    if let Some(text) = texts.text(INJECT) {
        let inject =
            parse::go_switch(text).map_err(|error| vec![option_error(INJECT, error.into())])?;
        if !inject {
            return Ok(Some(INJECT));
        }
    }
    let mode = texts.text(MODE).map(str::trim);
    Ok((mode == Some("NONE")).then_some(MODE))
}

/// The ports, users and the tunnel port are our own defaults. The proxy's health checks and metrics are left
/// alone in any case.
pub(super) fn profile() -> Profile {
    Profile {
        mesh: "Istio",
        defaults: vec![(Setting::ExcludeOutboundPorts, "15020".to_owned())],
        always: vec![(Setting::ExcludeInboundPorts, "15020,15021,15090".to_owned())],
    }
}
