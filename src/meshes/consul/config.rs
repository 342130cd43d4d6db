//! Consul's redirection configuration (`sdk/iptables` of Consul, `Config`) as options: from JSON, or from flags.
//!
//! Consul's rules are the same lists in both: DNS queries of everyone to Consul's DNS, then exclusions by user, network and
//! port, then all other TCP.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::intent::Interval;
use crate::meshes::annotations::PodOptions;
use crate::meshes::document::Document;
use crate::meshes::notation::{self, consul_ports};
use crate::options::{OptionError, OptionErrorKind, OptionValues, Origin, Setting};
use crate::parse::{self, Accounts, OwnerKind, ValueError};

/// `sdk/iptables`, `DefaultTProxyOutboundPort`.
const OUTBOUND_PORT: &str = "15001";

const NOT_IPV6: OptionErrorKind = OptionErrorKind::Unsupported(
    "an IPv4 address in dual stack, where Consul's DNS has an IPv6 address",
);
const NOT_IPV4: OptionErrorKind = OptionErrorKind::Unsupported(
    "an IPv6 address without dual stack, where Consul's DNS has an IPv4 address",
);

/// The names of the configuration's fields.
pub(super) struct Fields {
    pub(super) dns_address: &'static str,
    pub(super) dns_port: &'static str,
    pub(super) uid: &'static str,
    pub(super) inbound_port: &'static str,
    pub(super) outbound_port: &'static str,
    pub(super) exclude_inbound_ports: &'static str,
    pub(super) exclude_outbound_ports: &'static str,
    pub(super) exclude_outbound_cidrs: &'static str,
    pub(super) exclude_uids: &'static str,
}

/// A configuration as it was read.
pub(super) struct Read {
    pub(super) options: PodOptions,
    /// Why it is no configuration.
    pub(super) unreadable: Vec<OptionError>,
}

impl Read {
    pub(super) fn of(
        mut document: Document,
        fields: &Fields,
        dual_stack: bool,
        accounts: &dyn Accounts,
    ) -> Self {
        let mut options = PodOptions::default();
        let unreadable = required(&mut document, fields, &mut options.mesh);
        ports(&mut document, fields, &mut options.mesh);
        owners_and_ranges(&mut document, fields, &mut options.mesh, accounts);
        dns(&mut document, fields, &mut options.mesh, dual_stack);
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

    pub(super) fn unreadable(error: OptionError) -> Self {
        Self {
            options: PodOptions::default(),
            unreadable: vec![error],
        }
    }

    pub(super) fn into_options(mut self) -> PodOptions {
        self.options.errors.append(&mut self.unreadable);
        self.options
    }
}

/// The field's text, unless it is absent, empty or 0.
fn set(document: &mut Document, field: &str) -> Option<String> {
    document
        .text(field)
        .filter(|text| !text.is_empty() && text != "0")
}

/// Reads what no configuration lacks, and says what is missing.
fn required(
    document: &mut Document,
    fields: &Fields,
    values: &mut OptionValues,
) -> Vec<OptionError> {
    let mut missing = Vec::new();
    for (field, setting, example) in [
        (fields.uid, Setting::ExcludeOutboundUids, "5995"),
        (fields.inbound_port, Setting::InboundPort, "20000"),
    ] {
        // User 0 is one that a proxy may have.
        match document.text(field) {
            Some(text) if !text.is_empty() && (text != "0" || field == fields.uid) => {
                document.give(values, setting, field, text);
            }
            _ => {
                let value = "a number";
                missing.push((field, OptionErrorKind::Required(value, example)));
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

fn ports(document: &mut Document, fields: &Fields, values: &mut OptionValues) {
    let field = fields.outbound_port;
    let port = set(document, field).unwrap_or_else(|| OUTBOUND_PORT.to_owned());
    document.give(values, Setting::OutboundPort, field, port);
    for (field, setting) in [
        (fields.exclude_inbound_ports, Setting::ExcludeInboundPorts),
        (fields.exclude_outbound_ports, Setting::ExcludeOutboundPorts),
    ] {
        let text = |ports: Interval<u16>| format!("{}-{}", ports.first(), ports.last());
        let entries = read_entries(document, field, |entry| consul_ports(entry).map(text));
        document.give(values, setting, field, entries);
    }
}

fn owners_and_ranges(
    document: &mut Document,
    fields: &Fields,
    values: &mut OptionValues,
    accounts: &dyn Accounts,
) {
    let field = fields.exclude_outbound_cidrs;
    let ranges = read_entries(document, field, |entry| {
        if entry.contains('/') {
            let network = notation::cidr(entry)?;
            return Ok(network.trunc().to_string());
        }
        parse::network(entry).map(|network| network.to_string())
    });
    document.give(values, Setting::ExcludeOutboundIpRanges, field, ranges);
    let uids = read_entries(document, fields.exclude_uids, |entry| {
        parse::owners(entry, OwnerKind::User, accounts).map(|_| entry.to_owned())
    });
    if !uids.is_empty() {
        let origin = values.origin(Setting::ExcludeOutboundUids);
        values.add(Setting::ExcludeOutboundUids, origin, &uids);
    }
}

/// With a port, queries to Consul's DNS address go to that port of it. Without one, all queries of the address's family go
/// to the address.
fn dns(document: &mut Document, fields: &Fields, values: &mut OptionValues, dual_stack: bool) {
    let field = fields.dns_address;
    let text = document.text(field).filter(|text| !text.is_empty());
    let address = match text.map(|text| parse::address(&text)).transpose() {
        Ok(address) => address,
        Err(error) => return document.note(field, error),
    };
    if let Some(address) = address
        && address.is_ipv6() != dual_stack
    {
        return document.note(field, if dual_stack { NOT_IPV6 } else { NOT_IPV4 });
    }
    let port = set(document, fields.dns_port);
    let loopback = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    let (choice, servers): (_, Vec<IpAddr>) = match (address, &port) {
        (None, None) => return,
        (Some(address), None) => {
            document.give(values, Setting::DnsTo, field, address.to_string());
            ("all", Vec::new())
        }
        (Some(address), Some(_)) => {
            // Redirection goes there without a setting.
            if !loopback.contains(&address) {
                document.give(values, Setting::DnsTo, field, address.to_string());
            }
            ("resolvers", vec![address])
        }
        (None, Some(_)) if dual_stack => ("resolvers", loopback.to_vec()),
        (None, Some(_)) => ("resolvers", vec![Ipv4Addr::LOCALHOST.into()]),
    };
    let port = port.unwrap_or_else(|| "53".to_owned());
    document.give(values, Setting::DnsPort, fields.dns_port, port);
    document.give(values, Setting::Dns, field, choice);
    document.give(values, Setting::DnsOf, field, "everyone");
    document.give(values, Setting::DnsZones, field, "false");
    if !servers.is_empty() {
        let servers: Vec<_> = servers.iter().map(IpAddr::to_string).collect();
        document.give(values, Setting::DnsServers, field, servers.join(","));
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
