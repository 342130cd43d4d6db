//! Istio's annotations, with the defaults of Istio's own plugin.

use crate::meshes::annotations::PodOptions;
use crate::meshes::annotations::{self, AnnotationKey, MeshDefaults, Reading};
use crate::meshes::claim::Remark;
use crate::meshes::pod::PodFacts;
use crate::options::Setting;

use super::proxy_config;

/// The containers of the templates that the injector applied, as JSON.
pub(crate) const INJECTED: &str = "sidecar.istio.io/status";
pub(super) const MODE: &str = "sidecar.istio.io/interceptionMode";

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
        "istio.io/reroute-virtual-interfaces",
        Setting::RerouteInterfaces,
        Reading::Interfaces,
    ),
    key(
        "traffic.sidecar.istio.io/kubevirtInterfaces",
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

/// The pod's options.
pub(in crate::meshes) fn options(facts: &PodFacts, remarks: &mut Vec<Remark>) -> PodOptions {
    let mut options = PodOptions {
        defaults: Some(defaults()),
        ..PodOptions::default()
    };
    annotations::read(facts, KEYS, &mut options.mesh, &mut options.errors);
    proxy_config::read(facts, &mut options, remarks);
    options
}

/// Ports, users and the tunnel port are netweir's own defaults. The proxy's health checks and metrics are always
/// bypassed.
fn defaults() -> MeshDefaults {
    MeshDefaults {
        mesh: "Istio",
        defaults: vec![(Setting::ExcludeOutboundPorts, "15020".to_owned())],
        always: vec![(Setting::ExcludeInboundPorts, "15020,15021,15090".to_owned())],
    }
}
