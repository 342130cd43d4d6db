//! Consul's redirection configuration as options (`sdk/iptables` of Consul, `Config`).
//!
//! What Consul's rules do and netweir's cannot yet is an error, never something similar.

use crate::intent::Interval;
use crate::meshes::annotations::PodOptions;
use crate::meshes::document::{Document, Source};
use crate::meshes::notation::iptables_ports;
use crate::meshes::pod::PodFacts;
use crate::options::{OptionError, OptionErrorKind, OptionValues, Origin, Setting};
use crate::parse::{self, ValueError};

/// The configuration, where a CNI plugin captures the pod.
pub(crate) const CONFIG: &str = "consul.hashicorp.com/redirect-traffic-config";
/// The same in Nomad's `CNI_ARGS`.
pub(crate) const ARGUMENT: &str = "CONSUL_IPTABLES_CONFIG";
/// Whether IPv6 is captured, too; only `true` is true.
const DUAL_STACK: &str = "consul.hashicorp.com/dual-stack";
/// `sdk/iptables`, `defaultTProxyOutboundPort`.
const OUTBOUND_PORT: &str = "15001";

const DNS: OptionErrorKind = OptionErrorKind::Unsupported(
    "Consul redirects everyone's DNS, its proxy's and the excluded users' too, to an address; netweir redirects it to a \
     port, and not theirs",
);

/// A configuration as it was read.
pub(super) struct Read {
    options: PodOptions,
    /// Why it is no configuration.
    pub(super) unreadable: Vec<OptionError>,
}

/// The configuration of a pod, if it has one.
pub(super) fn read(facts: &PodFacts) -> Option<Read> {
    let text = facts.annotation(CONFIG)?;
    let dual_stack = facts.annotation(DUAL_STACK) == Some("true");
    Some(Read::of(Source::Annotation(CONFIG), text, dual_stack))
}

/// The configuration of an allocation, if it has one.
pub(super) fn read_on_nomad(facts: &PodFacts) -> Option<Read> {
    let text = facts.nomad.as_ref()?.consul_config.as_ref()?;
    Some(Read::of(Source::Argument(ARGUMENT), text, false))
}

/// The pod's options.
pub(in crate::meshes) fn options(facts: &PodFacts) -> PodOptions {
    read(facts).map_or_else(PodOptions::default, Read::into_options)
}

/// The allocation's options.
pub(in crate::meshes) fn options_on_nomad(facts: &PodFacts) -> PodOptions {
    read_on_nomad(facts).map_or_else(PodOptions::default, Read::into_options)
}

impl Read {
    fn of(source: Source, text: &str, dual_stack: bool) -> Self {
        let mut options = PodOptions::default();
        let mut document = match Document::json(source, text) {
            Ok(document) => document,
            Err(error) => {
                let unreadable = vec![error];
                return Self {
                    options,
                    unreadable,
                };
            }
        };
        let unreadable = required(&mut document, &mut options.mesh);
        ports(&mut document, &mut options.mesh);
        owners_and_ranges(&mut document, &mut options.mesh);
        if document
            .text("ConsulDNSIP")
            .is_some_and(|address| !address.is_empty())
            || document
                .text("ConsulDNSPort")
                .is_some_and(|port| port != "0")
        {
            document.note("ConsulDNSIP", DNS);
        }
        let families = if dual_stack { "both" } else { "ipv4" };
        // The proxy is a user like the excluded ones: Consul has no rules for what passes `lo`.
        for (setting, text) in [
            (Setting::ProxyUid, "none"),
            (Setting::ProxyGid, ""),
            (Setting::TunnelPort, "none"),
            (Setting::PassthroughSource, ""),
            (Setting::IpFamilies, families),
        ] {
            options
                .mesh
                .set(setting, Origin::Mesh("Consul"), text.to_owned());
        }
        options.errors.append(&mut document.errors);
        Self {
            options,
            unreadable,
        }
    }

    fn into_options(mut self) -> PodOptions {
        self.options.errors.append(&mut self.unreadable);
        self.options
    }
}

/// Reads what no configuration lacks, and says what is missing.
fn required(document: &mut Document, values: &mut OptionValues) -> Vec<OptionError> {
    let mut missing = Vec::new();
    for (field, setting, example) in [
        ("ProxyUserID", Setting::ExcludeOutboundUids, "5995"),
        ("ProxyInboundPort", Setting::InboundPort, "20000"),
    ] {
        match document.text(field) {
            Some(text) if !text.is_empty() && text != "0" => {
                document.give(values, setting, field, text);
            }
            _ => {
                let value = "a number";
                missing.push((field, OptionErrorKind::Required { value, example }));
            }
        }
    }
    let mut errors = std::mem::take(&mut document.errors);
    for (field, problem) in missing {
        document.note(field, problem);
    }
    errors.append(&mut document.errors);
    errors
}

fn ports(document: &mut Document, values: &mut OptionValues) {
    let port = document.text("ProxyOutboundPort");
    let port = port.filter(|port| port != "0");
    let port = port.unwrap_or_else(|| OUTBOUND_PORT.to_owned());
    document.give(values, Setting::OutboundPort, "ProxyOutboundPort", port);
    for (field, setting) in [
        ("ExcludeInboundPorts", Setting::ExcludeInboundPorts),
        ("ExcludeOutboundPorts", Setting::ExcludeOutboundPorts),
    ] {
        let text = |ports: Interval<u16>| format!("{}-{}", ports.first(), ports.last());
        let entries = read_entries(document, field, |entry| iptables_ports(entry).map(text));
        document.give(values, setting, field, entries);
    }
}

fn owners_and_ranges(document: &mut Document, values: &mut OptionValues) {
    let field = "ExcludeOutboundCIDRs";
    let ranges = read_entries(document, field, |entry| {
        if entry.contains('/') {
            let network = crate::meshes::notation::cidr(entry)?;
            return Ok(network.trunc().to_string());
        }
        parse::network(entry).map(|network| network.to_string())
    });
    document.give(values, Setting::ExcludeOutboundIpRanges, field, ranges);
    let uids = document.list("ExcludeUIDs").join(",");
    if !uids.is_empty() {
        let origin = values.origin(Setting::ExcludeOutboundUids);
        values.add(Setting::ExcludeOutboundUids, origin, &uids);
    }
}

/// The entries of a list, each in netweir's notation; what is wrong with them is noted.
fn read_entries(
    document: &mut Document,
    field: &str,
    read: impl Fn(&str) -> Result<String, ValueError>,
) -> String {
    let mut entries = Vec::new();
    for entry in document.list(field) {
        match read(entry.trim()) {
            Ok(entry) => entries.push(entry),
            Err(error) => document.note(field, error),
        }
    }
    entries.join(",")
}
