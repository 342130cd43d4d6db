//! Linkerd's annotations, with the defaults of its proxy-init.

use crate::options::{OptionError, Setting};
use crate::parse::{self, ValueError};

use crate::meshes::annotations::{
    AnnotationKey, AnnotationValues, MeshDefaults, Reading, annotation_error,
};

/// What its injector writes on a pod that it gave a proxy.
pub(crate) const INJECTED: &str = "linkerd.io/proxy-version";
const INJECT: &str = "linkerd.io/inject";
const CONTROL_PORT: &str = "config.linkerd.io/control-port";
const ADMIN_PORT: &str = "config.linkerd.io/admin-port";

/// The annotations that are no options.
pub(crate) const SWITCHES: [&str; 4] = [INJECTED, INJECT, CONTROL_PORT, ADMIN_PORT];

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

pub(crate) fn is_injected(values: &AnnotationValues<'_>) -> bool {
    values.text(INJECTED).is_some()
}

/// The annotation by which the pod is to be left alone.
pub(crate) fn opts_out(
    values: &AnnotationValues<'_>,
) -> Result<Option<&'static str>, Vec<OptionError>> {
    match values.text(INJECT).map(str::trim) {
        None | Some("enabled" | "ingress") => Ok(None),
        Some("disabled") => Ok(Some(INJECT)),
        Some(other) => {
            let error = ValueError::Word {
                text: other.to_owned(),
                accepted: "enabled, ingress, disabled",
            };
            Err(vec![annotation_error(INJECT, error.into())])
        }
    }
}

/// What is wrong with the ports that are only left alone.
pub(crate) fn wrong_ports(values: &AnnotationValues<'_>) -> Vec<OptionError> {
    let wrong = |key| {
        let error = parse::port(values.text(key)?.trim()).err()?;
        Some(annotation_error(key, error.into()))
    };
    [CONTROL_PORT, ADMIN_PORT]
        .into_iter()
        .filter_map(wrong)
        .collect()
}

/// There is no tunnel, and what passes `lo` is left alone. The proxy's own control and administration ports are
/// never captured, nor are those that Linkerd's injector skips.
pub(crate) fn defaults(values: &AnnotationValues<'_>) -> MeshDefaults {
    let port = |key, default| {
        let text = values.text(key).map(str::trim);
        text.filter(|text| parse::port(text).is_ok())
            .unwrap_or(default)
    };
    let (control, admin) = (port(CONTROL_PORT, "4190"), port(ADMIN_PORT, "4191"));
    MeshDefaults {
        mesh: "Linkerd",
        defaults: [
            (Setting::InboundPort, "4143"),
            (Setting::OutboundPort, "4140"),
            (Setting::TunnelPort, "none"),
            (Setting::ProxyUid, "2102"),
            (Setting::ProxyGid, ""),
            (Setting::ExcludeOutboundPorts, "4567,4568"),
            (Setting::PassthroughSource, ""),
        ]
        .map(|(setting, text)| (setting, text.to_owned()))
        .to_vec(),
        always: vec![
            (
                Setting::ExcludeInboundPorts,
                format!("{control},{admin},4567,4568"),
            ),
            (Setting::ExcludeInterfaces, "lo".to_owned()),
        ],
    }
}
