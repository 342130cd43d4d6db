//! Consul's redirection configuration in a pod's annotation, and in Nomad's arguments.

use crate::meshes::annotations::PodOptions;
use crate::meshes::document::{Document, Source};
use crate::meshes::pod::PodFacts;
use crate::parse::NoNames;

use super::config::{Fields, Read};

/// The configuration, where a CNI plugin captures the pod.
pub(crate) const CONFIG: &str = "consul.hashicorp.com/redirect-traffic-config";
/// The same in Nomad's `CNI_ARGS`.
pub(crate) const ARGUMENT: &str = "CONSUL_IPTABLES_CONFIG";
/// Whether IPv6 is captured, too; only `true` is true.
const DUAL_STACK: &str = "consul.hashicorp.com/dual-stack";

const FIELDS: Fields = Fields {
    dns_address: "ConsulDNSIP",
    dns_port: "ConsulDNSPort",
    uid: "ProxyUserID",
    inbound_port: "ProxyInboundPort",
    outbound_port: "ProxyOutboundPort",
    exclude_inbound_ports: "ExcludeInboundPorts",
    exclude_outbound_ports: "ExcludeOutboundPorts",
    exclude_outbound_cidrs: "ExcludeOutboundCIDRs",
    exclude_uids: "ExcludeUIDs",
};

/// The configuration of a pod, if it has one.
pub(super) fn read(facts: &PodFacts) -> Option<Read> {
    let text = facts.annotation(CONFIG)?;
    let dual_stack = facts.annotation(DUAL_STACK) == Some("true");
    Some(read_json(Source::Annotation(CONFIG), text, dual_stack))
}

/// The configuration of an allocation, if it has one. Nomad captures IPv4 alone.
pub(super) fn read_on_nomad(facts: &PodFacts) -> Option<Read> {
    let text = facts.nomad.as_ref()?.consul_config.as_ref()?;
    Some(read_json(Source::Argument(ARGUMENT), text, false))
}

fn read_json(source: Source, text: &str, dual_stack: bool) -> Read {
    match Document::json(source, text) {
        Ok(document) => Read::of(document, &FIELDS, dual_stack, &NoNames),
        Err(error) => Read::unreadable(error),
    }
}

/// The pod's options.
pub(in crate::meshes) fn options(facts: &PodFacts) -> PodOptions {
    read(facts).map_or_else(PodOptions::default, Read::into_options)
}

/// The allocation's options.
pub(in crate::meshes) fn options_on_nomad(facts: &PodFacts) -> PodOptions {
    read_on_nomad(facts).map_or_else(PodOptions::default, Read::into_options)
}
