//! Linkerd's annotations, with the defaults of its proxy-init.

use crate::intent::LOOPBACK;
use crate::meshes::annotations::PodOptions;
use crate::meshes::annotations::{self, AnnotationKey, MeshDefaults, Reading, annotation_error};
use crate::meshes::pod::PodFacts;
use crate::options::Setting;
use crate::parse;

/// Written by the injector on every pod that it gives a proxy.
pub(crate) const INJECTED: &str = "linkerd.io/proxy-version";
pub(super) const INJECT: &str = "linkerd.io/inject";
const CONTROL_PORT: &str = "config.linkerd.io/control-port";
const ADMIN_PORT: &str = "config.linkerd.io/admin-port";
const CREATED_BY: &str = "linkerd.io/created-by";
const INBOUND_POLICY: &str = "config.linkerd.io/default-inbound-policy";
/// A label.
const COMPONENT: &str = "linkerd.io/control-plane-component";
const INSTALLERS: [&str; 2] = ["linkerd/helm ", "linkerd/cli "];
const CONTROL_PLANE: [&str; 3] = [
    "linkerd-destination-",
    "linkerd-identity-",
    "linkerd-proxy-injector-",
];
/// What proxy-init skips by default.
const SKIPPED_PORTS: &str = "4567,4568";
/// `proxyInit.kubeAPIServerPorts` of Linkerd's chart.
const API_SERVER_PORTS: &str = "443,6443";

pub(crate) const KEYS: &[AnnotationKey] = &[
    key(
        "config.linkerd.io/inbound-port",
        Setting::InboundPort,
        Reading::Same,
    ),
    key(
        "config.linkerd.io/outbound-port",
        Setting::OutboundPort,
        Reading::Same,
    ),
    key(
        "config.linkerd.io/proxy-uid",
        Setting::ProxyUid,
        Reading::User,
    ),
    key(
        "config.linkerd.io/proxy-gid",
        Setting::ProxyGid,
        Reading::Group,
    ),
    key(
        "config.linkerd.io/skip-inbound-ports",
        Setting::ExcludeInboundPorts,
        Reading::List,
    ),
    key(
        "config.linkerd.io/skip-outbound-ports",
        Setting::ExcludeOutboundPorts,
        Reading::List,
    ),
    key(
        "config.linkerd.io/skip-subnets",
        Setting::ExcludeInboundIpRanges,
        Reading::Ranges,
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
pub(in crate::meshes) fn options(facts: &PodFacts) -> PodOptions {
    let mut options = PodOptions::default();
    annotations::read(facts, KEYS, &mut options.mesh, &mut options.errors);
    let mut port = |key, default: &str| {
        let text = facts.annotation(key).map_or(default, str::trim);
        match parse::port(text) {
            Ok(_) => text.to_owned(),
            Err(error) => {
                options.errors.push(annotation_error(key, error.into()));
                default.to_owned()
            }
        }
    };
    let (control, admin) = (port(CONTROL_PORT, "4190"), port(ADMIN_PORT, "4191"));
    let mut defaults = defaults(&control, &admin);
    let mut outbound = SKIPPED_PORTS;
    if is_control_plane(facts) {
        outbound = API_SERVER_PORTS;
        let always = (Setting::ExcludeOutboundPorts, outbound.to_owned());
        defaults.always.push(always);
    }
    let default = (Setting::ExcludeOutboundPorts, outbound.to_owned());
    defaults.defaults.push(default);
    options.defaults = Some(defaults);
    options
}

/// Whether the pod is one of the control plane's, which call the API server before their proxy is ready. Without the
/// label: Helm or the CLI made it, and it has the control plane's name, or its policy and no request for injection.
fn is_control_plane(facts: &PodFacts) -> bool {
    if facts.labels.is_some() {
        return facts.label(COMPONENT).is_some();
    }
    let author = facts.annotation(CREATED_BY).unwrap_or_default();
    let is_by_installer = INSTALLERS
        .iter()
        .any(|installer| author.starts_with(installer));
    let name = facts.name.as_deref().unwrap_or_default();
    let has_name = CONTROL_PLANE.iter().any(|prefix| name.starts_with(prefix));
    let has_policy = facts.annotation(INBOUND_POLICY) == Some("all-unauthenticated");
    is_by_installer && (has_name || (has_policy && facts.annotation(INJECT).is_none()))
}

/// There is no tunnel, and what passes `lo` is bypassed. The proxy's control and administration ports are never
/// captured, nor are those that Linkerd's injector skips.
fn defaults(control: &str, admin: &str) -> MeshDefaults {
    MeshDefaults {
        mesh: "Linkerd",
        defaults: [
            (Setting::InboundPort, "4143"),
            (Setting::OutboundPort, "4140"),
            (Setting::TunnelPort, "none"),
            (Setting::ProxyUid, "2102"),
            (Setting::ProxyGid, ""),
            (Setting::PassthroughSource, ""),
        ]
        .map(|(setting, text)| (setting, text.to_owned()))
        .to_vec(),
        always: vec![
            (
                Setting::ExcludeInboundPorts,
                format!("{control},{admin},{SKIPPED_PORTS}"),
            ),
            (Setting::ExcludeInterfaces, LOOPBACK.to_owned()),
        ],
    }
}
