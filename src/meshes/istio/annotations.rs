//! Istio's annotations, with the defaults of Istio's own plugin.

use crate::meshes::notation;
use crate::options::{OptionError, Setting};

use crate::meshes::annotations::{
    AnnotationKey, AnnotationValues, MeshDefaults, Reading, annotation_error,
};

/// What its injector writes on a pod that it gave a proxy.
pub(crate) const INJECTED: &str = "sidecar.istio.io/status";
const INJECT: &str = "sidecar.istio.io/inject";
const MODE: &str = "sidecar.istio.io/interceptionMode";

/// The annotations that are no options.
pub(crate) const SWITCHES: [&str; 2] = [INJECTED, INJECT];

pub(crate) const KEYS: &[AnnotationKey] = &[
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

const fn key(key: &'static str, setting: Setting, reading: Reading) -> AnnotationKey {
    AnnotationKey {
        key,
        setting,
        reading,
    }
}

pub(crate) fn is_injected(values: &AnnotationValues<'_>) -> bool {
    values.text(INJECTED).is_some()
}

/// The annotation by which the pod is to be left alone.
pub(crate) fn opts_out(
    values: &AnnotationValues<'_>,
) -> Result<Option<&'static str>, Vec<OptionError>> {
    if let Some(text) = values.text(INJECT) {
        let inject = notation::go_switch(text)
            .map_err(|error| vec![annotation_error(INJECT, error.into())])?;
        if !inject {
            return Ok(Some(INJECT));
        }
    }
    let mode = values.text(MODE).map(str::trim);
    Ok((mode == Some("NONE")).then_some(MODE))
}

/// The ports, users and the tunnel port are our own defaults. The proxy's health checks and metrics are left
/// alone in any case.
pub(crate) fn defaults() -> MeshDefaults {
    MeshDefaults {
        mesh: "Istio",
        defaults: vec![(Setting::ExcludeOutboundPorts, "15020".to_owned())],
        always: vec![(Setting::ExcludeInboundPorts, "15020,15021,15090".to_owned())],
    }
}
