//! Kuma's annotations as options: its whole configuration in one, or one for each value.
//!
//! What Kuma's rules do and netweir's cannot yet is an error, never something similar.

use crate::meshes::annotations::{MeshDefaults, annotation_error, origin};
use crate::meshes::annotations::{PodOptions, unknown};
use crate::meshes::document::{Document, Source};
use crate::meshes::notation::cidr;
use crate::meshes::pod::PodFacts;
use crate::options::{OptionError, OptionErrorKind, Setting};
use crate::parse::{self, ValueError};

/// Whether the injector gave the pod a proxy.
pub(crate) const INJECTED: &str = "kuma.io/sidecar-injected";
/// The whole configuration, as YAML (Kuma's `TransparentProxyConfig`).
pub(crate) const CONFIG: &str = "traffic.kuma.io/transparent-proxy-config";
const UID: &str = "5678";
const INBOUND_PORT: &str = "15006";
const OUTBOUND_PORT: &str = "15001";
/// Where Envoy's administration interface listens.
const ADMIN_PORT: &str = "9901";
const PROBE_PROXY_PORT: &str = "kuma.io/application-probe-proxy-port";
/// Where the proxy answers DNS.
const DNS_PORT: &str = "15053";
/// Only UDP goes there.
const DNS_OVER_TCP: &str = "bypass";
const EVERY_PORT: &str = "1-65535";

/// The whole configuration, if the pod has it.
pub(super) fn document(facts: &PodFacts) -> Option<Result<Document, OptionError>> {
    let text = facts.annotation(CONFIG)?;
    Some(Document::yaml(Source::Annotation(CONFIG), text))
}

/// The pod's options.
pub(in crate::meshes) fn options(facts: &PodFacts) -> PodOptions {
    match document(facts) {
        None => {
            let mut options = without_values();
            by_single_annotations(facts, &mut options);
            options
        }
        Some(Err(error)) => PodOptions {
            errors: vec![error],
            ..without_values()
        },
        Some(Ok(mut document)) => {
            let mut options = by_document(&mut document);
            options.errors.append(&mut document.errors);
            options
        }
    }
}

fn without_values() -> PodOptions {
    PodOptions {
        defaults: Some(defaults()),
        ..PodOptions::default()
    }
}

fn defaults() -> MeshDefaults {
    let texts = [
        (Setting::InboundPort, INBOUND_PORT),
        (Setting::OutboundPort, OUTBOUND_PORT),
        (Setting::TunnelPort, "none"),
        (Setting::ProxyUid, UID),
        (Setting::ProxyGid, ""),
    ];
    MeshDefaults {
        mesh: "Kuma",
        defaults: texts
            .map(|(setting, text)| (setting, text.to_owned()))
            .to_vec(),
        always: Vec::new(),
    }
}

/// The options of a whole configuration. Errors are left in the document.
pub(super) fn by_document(document: &mut Document) -> PodOptions {
    let mut options = without_values();
    let values = &mut options.mesh;
    let user = document.text("kumaDPUser");
    if let Some(user) = user.filter(|user| !user.is_empty()) {
        document.give(values, Setting::ProxyUid, "kumaDPUser", user);
    }
    if let Some(mode) = document.text("ipFamilyMode") {
        if let Some(families) = families(&mode) {
            document.give(values, Setting::IpFamilies, "ipFamilyMode", families);
        } else {
            document.note("ipFamilyMode", unknown_families(&mode));
        }
    }
    if document.boolean("dropInvalidPackets") == Some(true) {
        document.give(values, Setting::DropInvalid, "dropInvalidPackets", "true");
    }
    inbound(document, &mut options);
    outbound(document, &mut options);
    dns(document, &mut options);
    unsupported(document);
    options
}

fn inbound(document: &mut Document, options: &mut PodOptions) {
    let values = &mut options.mesh;
    let enabled = document.boolean("redirect.inbound.enabled") != Some(false);
    let port = document.text("redirect.inbound.port");
    if let Some(port) = port.filter(|port| enabled || port != "0") {
        document.give(values, Setting::InboundPort, "redirect.inbound.port", port);
    }
    let included = document.list("redirect.inbound.includePorts").join(",");
    let excluded = document.list("redirect.inbound.excludePorts").join(",");
    let sources = document.list("redirect.inbound.excludePortsForIPs");
    let sources = networks(sources.iter().map(String::as_str));
    if !enabled {
        document.give(
            values,
            Setting::IncludeInboundPorts,
            "redirect.inbound.enabled",
            "",
        );
    } else if !included.is_empty() {
        let path = "redirect.inbound.includePorts";
        document.give(values, Setting::IncludeInboundPorts, path, included);
    } else if !excluded.is_empty() {
        let path = "redirect.inbound.excludePorts";
        document.give(values, Setting::ExcludeInboundPorts, path, excluded);
    }
    if !sources.is_empty() {
        let path = "redirect.inbound.excludePortsForIPs";
        document.give(values, Setting::ExcludeInboundIpRanges, path, sources);
    }
    if document
        .field("redirect.inbound.excludePortsForUIDs")
        .is_some()
    {
        document.note(
            "redirect.inbound.excludePortsForUIDs",
            OptionErrorKind::Unsupported("connections that arrive have no user in the pod"),
        );
    }
}

fn outbound(document: &mut Document, options: &mut PodOptions) {
    let values = &mut options.mesh;
    let enabled = document.boolean("redirect.outbound.enabled") != Some(false);
    let port = document.text("redirect.outbound.port");
    if let Some(port) = port.filter(|port| enabled || port != "0") {
        document.give(
            values,
            Setting::OutboundPort,
            "redirect.outbound.port",
            port,
        );
    }
    let included = document.list("redirect.outbound.includePorts").join(",");
    let excluded = document.list("redirect.outbound.excludePorts").join(",");
    if !enabled {
        let path = "redirect.outbound.enabled";
        document.give(values, Setting::ExcludeOutboundPorts, path, EVERY_PORT);
    } else if !included.is_empty() {
        let path = "redirect.outbound.includePorts";
        document.give(values, Setting::IncludeOutboundIpRanges, path, "");
        document.give(values, Setting::IncludeOutboundPorts, path, included);
        document.give(values, Setting::ExcludeOutboundPorts, path, "");
    } else if !excluded.is_empty() {
        let path = "redirect.outbound.excludePorts";
        document.give(values, Setting::ExcludeOutboundPorts, path, excluded);
    }
    let path = "redirect.outbound.excludePortsForUIDs";
    let entries = document.list(path);
    match for_uids(entries.iter().map(String::as_str)) {
        Ok(text) if text.is_empty() => {}
        Ok(text) => document.give(values, Setting::ExcludeOutboundPortsForUids, path, text),
        Err(problem) => document.note(path, problem),
    }
    let path = "redirect.outbound.excludePortsForIPs";
    let addresses = document.list(path);
    if !addresses.is_empty() {
        let addresses = networks(addresses.iter().map(String::as_str));
        document.give(
            values,
            Setting::ExcludeOutboundIpRangesFirst,
            path,
            addresses,
        );
    }
}

/// Addresses and networks in netweir's notation: each entry has one, or several with commas between.
fn networks<'a>(entries: impl Iterator<Item = &'a str>) -> String {
    let entries = entries.flat_map(parse::entries);
    let networks =
        entries
            .filter(|entry| !entry.is_empty())
            .map(|entry| match parse::network_with_host_bits(entry) {
                Ok(network) => network.trunc().to_string(),
                Err(_) => entry.to_owned(),
            });
    networks.collect::<Vec<_>>().join(",")
}

/// `INTERFACE:CIDR` entries in netweir's notation. Of two for an interface and family the last one counts.
fn virtual_networks(entries: &[String]) -> String {
    let mut networks: Vec<(&str, bool, String)> = Vec::new();
    for entry in entries {
        let (interface, text) = entry.split_once(':').unwrap_or((entry, ""));
        let network = cidr(text).map(|network| network.trunc());
        let is_ipv6 = network
            .as_ref()
            .is_ok_and(|network| network.addr().is_ipv6());
        networks.retain(|(other, of_ipv6, _)| (*other, *of_ipv6) != (interface, is_ipv6));
        let text = match network {
            Ok(network) => format!("{interface}:{network}"),
            Err(_) => entry.clone(),
        };
        networks.push((interface, is_ipv6, text));
    }
    let texts: Vec<_> = networks.into_iter().map(|(.., text)| text).collect();
    texts.join(",")
}

fn dns(document: &mut Document, options: &mut PodOptions) {
    let values = &mut options.mesh;
    let enabled = document.boolean("redirect.dns.enabled") == Some(true);
    let all = document.boolean("redirect.dns.captureAll") == Some(true);
    let skips_zones = document.boolean("redirect.dns.skipConntrackZoneSplit") == Some(true);
    // Kuma then inserts the rules for other TCP before the one that leaves DNS.
    let inserts = document.boolean("redirect.outbound.insertRedirectInsteadOfAppend") == Some(true);
    let port = document.text("redirect.dns.port");
    let path = "redirect.vnet.networks";
    let networks = virtual_networks(&document.list(path));
    let has_networks = !networks.is_empty();
    if has_networks {
        document.give(values, Setting::VirtualNetworks, path, networks);
    }
    if enabled || has_networks {
        let port = port.unwrap_or_else(|| DNS_PORT.to_owned());
        document.give(values, Setting::DnsPort, "redirect.dns.port", port);
    }
    if !enabled {
        return;
    }
    let servers = if all { "all" } else { "resolvers" };
    document.give(values, Setting::Dns, "redirect.dns.captureAll", servers);
    let tcp = if inserts { "outbound" } else { DNS_OVER_TCP };
    let path = "redirect.outbound.insertRedirectInsteadOfAppend";
    document.give(values, Setting::DnsTcp, path, tcp);
    if skips_zones {
        let path = "redirect.dns.skipConntrackZoneSplit";
        document.give(values, Setting::DnsZones, path, "false");
    }
}

fn unsupported(document: &mut Document) {
    for (path, why) in [
        ("ebpf.enabled", "netweir redirects with nf_tables only"),
        ("dryRun", "the pod's rules would not be installed"),
    ] {
        if document.boolean(path) == Some(true) {
            document.note(path, OptionErrorKind::Unsupported(why));
        }
    }
}

const FAMILY_MODES: &str = "dualstack, ipv4";

/// The families of a mode, as an option's value.
pub(super) fn families(mode: &str) -> Option<&'static str> {
    match mode {
        "dualstack" | "" => Some("both"),
        "ipv4" => Some("ipv4"),
        _ => None,
    }
}

/// The error for an unknown mode.
pub(super) fn unknown_families(mode: &str) -> ValueError {
    ValueError::word(mode, FAMILY_MODES)
}

/// `[PROTOCOL:][PORTS:]UIDS` entries in netweir's notation. Each has one user or a range of them.
fn for_uids<'a>(entries: impl Iterator<Item = &'a str>) -> Result<String, OptionErrorKind> {
    let entries: Result<Vec<_>, _> = entries.map(for_uid).collect();
    Ok(entries?.join(";"))
}

fn for_uid(entry: &str) -> Result<String, OptionErrorKind> {
    let wrong = || OptionErrorKind::UidPorts(entry.to_owned());
    let fields: Vec<_> = entry.split(':').map(str::trim).collect();
    let (protocol, ports, uids) = match fields.as_slice() {
        [uids] => ("*", "*", *uids),
        [ports, uids] => ("*", *ports, *uids),
        [protocol, ports, uids] => (*protocol, *ports, *uids),
        _ => return Err(wrong()),
    };
    let is_id = |text: &str| text.parse::<u16>().is_ok() && !text.starts_with('+');
    let bounds: Vec<_> = uids.split('-').collect();
    let protocol = protocol.to_lowercase();
    let protocols: Vec<_> = parse::entries(&protocol).collect();
    let protocol = match protocols.as_slice() {
        [one @ ("tcp" | "udp")] => format!("{one}:"),
        ["*" | ""] | ["tcp", "udp"] | ["udp", "tcp"] => String::new(),
        _ => return Err(wrong()),
    };
    if bounds.len() > 2 || !bounds.iter().all(|bound| is_id(bound)) {
        return Err(wrong());
    }
    let ports = if ports.is_empty() { "*" } else { ports };
    Ok(format!("{protocol}{ports}:{uids}"))
}

/// A list of ports or addresses in an annotation of its own, with what Kuma's plugin takes where it is absent.
const LISTS: [(&str, Setting, &str); 3] = [
    (
        "traffic.kuma.io/exclude-inbound-ports",
        Setting::ExcludeInboundPorts,
        ADMIN_PORT,
    ),
    (
        "traffic.kuma.io/exclude-outbound-ports",
        Setting::ExcludeOutboundPorts,
        ADMIN_PORT,
    ),
    (
        "traffic.kuma.io/exclude-inbound-ips",
        Setting::ExcludeInboundIpRanges,
        "",
    ),
];
const TEXTS: [(&str, Setting); 3] = [
    (
        "kuma.io/transparent-proxying-inbound-port",
        Setting::InboundPort,
    ),
    (
        "kuma.io/transparent-proxying-outbound-port",
        Setting::OutboundPort,
    ),
    ("kuma.io/sidecar-uid", Setting::ProxyUid),
];
const FAMILY_MODE: &str = "kuma.io/transparent-proxying-ip-family-mode";
const GATEWAY: &str = "kuma.io/gateway";
const BUILTIN_DNS: &str = "kuma.io/builtin-dns";
const BUILTIN_DNS_PORT: &str = "kuma.io/builtin-dns-port";
const DROP_INVALID: &str = "traffic.kuma.io/drop-invalid-packets";
const EXCLUDED_IPS: &str = "traffic.kuma.io/exclude-outbound-ips";
const FOR_UIDS: &str = "traffic.kuma.io/exclude-outbound-ports-for-uids";

/// The annotations of Kuma's that are options, for the documentation.
pub(crate) fn keys() -> impl Iterator<Item = (&'static str, Setting)> {
    let lists = LISTS.map(|(key, setting, _)| (key, setting));
    let others = [
        (EXCLUDED_IPS, Setting::ExcludeOutboundIpRangesFirst),
        (BUILTIN_DNS_PORT, Setting::DnsPort),
        (FOR_UIDS, Setting::ExcludeOutboundPortsForUids),
        (DROP_INVALID, Setting::DropInvalid),
        (FAMILY_MODE, Setting::IpFamilies),
    ];
    lists.into_iter().chain(TEXTS).chain(others)
}

fn by_single_annotations(facts: &PodFacts, options: &mut PodOptions) {
    let PodOptions {
        mesh: values,
        defaults,
        errors,
        ..
    } = options;
    let defaults = defaults.get_or_insert_with(self::defaults);
    for (key, setting, default) in LISTS {
        match facts.annotation(key).map(str::trim) {
            None if default.is_empty() => {}
            None => defaults.defaults.push((setting, default.to_owned())),
            Some("") if !default.is_empty() => {
                let accepted = "a list of ports";
                errors.push(unknown(key, "", accepted));
            }
            Some(text) if setting == Setting::ExcludeInboundIpRanges => {
                values.set(setting, origin(key), networks([text].into_iter()));
            }
            Some(text) => values.set(setting, origin(key), text.to_owned()),
        }
    }
    for (key, setting) in TEXTS {
        if let Some(text) = facts.annotation(key) {
            values.set(setting, origin(key), text.trim().to_owned());
        }
    }
    let probes = facts.annotation(PROBE_PROXY_PORT).map_or("9001", str::trim);
    if probes != "0" {
        defaults
            .always
            .push((Setting::ExcludeInboundPorts, probes.to_owned()));
    }
    if let Some(mode) = facts.annotation(FAMILY_MODE) {
        match families(mode) {
            Some(families) => values.set(
                Setting::IpFamilies,
                origin(FAMILY_MODE),
                families.to_owned(),
            ),
            None => errors.push(unknown(FAMILY_MODE, mode, FAMILY_MODES)),
        }
    }
    let mut switch = |key| match facts.annotation(key).map(switch_of) {
        None => false,
        Some(Ok(on)) => on,
        Some(Err(text)) => {
            errors.push(unknown(
                key,
                text,
                "true, yes, enabled, false, no, disabled",
            ));
            false
        }
    };
    // A gateway takes its own traffic.
    if switch(GATEWAY) {
        values.set(Setting::IncludeInboundPorts, origin(GATEWAY), String::new());
        values.set(Setting::ExcludeInboundPorts, origin(GATEWAY), String::new());
        defaults
            .always
            .retain(|(setting, _)| *setting != Setting::ExcludeInboundPorts);
    }
    if switch(DROP_INVALID) {
        values.set(
            Setting::DropInvalid,
            origin(DROP_INVALID),
            "true".to_owned(),
        );
    }
    if switch(BUILTIN_DNS) {
        let port = facts.annotation(BUILTIN_DNS_PORT);
        let port = port.map_or(DNS_PORT, str::trim);
        for (setting, key, text) in [
            (Setting::Dns, BUILTIN_DNS, "all"),
            (Setting::DnsTcp, BUILTIN_DNS, DNS_OVER_TCP),
            (Setting::DnsPort, BUILTIN_DNS_PORT, port),
        ] {
            values.set(setting, origin(key), text.to_owned());
        }
    }
    if let Some(text) = facts.annotation(EXCLUDED_IPS) {
        let setting = Setting::ExcludeOutboundIpRangesFirst;
        values.set(setting, origin(EXCLUDED_IPS), networks([text].into_iter()));
    }
    if let Some(text) = facts.annotation(FOR_UIDS) {
        let entries = text
            .split(';')
            .map(str::trim)
            .filter(|entry| !entry.is_empty());
        match for_uids(entries) {
            Ok(text) => values.set(Setting::ExcludeOutboundPortsForUids, origin(FOR_UIDS), text),
            Err(problem) => errors.push(annotation_error(FOR_UIDS, problem)),
        }
    }
}

/// A boolean as Kuma writes it, or the text that is none.
fn switch_of(text: &str) -> Result<bool, &str> {
    match text {
        "true" | "yes" | "enabled" => Ok(true),
        "false" | "no" | "disabled" => Ok(false),
        other => Err(other),
    }
}
