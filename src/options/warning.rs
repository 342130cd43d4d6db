//! Warnings about options that are valid but probably not intended.

mod consequence;
mod found;
mod modes;

use std::fmt;

use crate::intent::{
    Bound, Capture, Dns, Families, Family, InboundPorts, Interval, Intervals, IpRanges, LOOPBACK,
    OwnerSelection, RangeSelection,
};
use crate::parse::LARGEST_OWNER;

use super::{OptionValues, Origin, Setting};
use found::{Found, holding};

pub use consequence::Consequence;

/// A warning about one option, which is named as the user wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// `--proxy-uid`, `NETWEIR_PROXY_UID` or `proxy-uid in FILE`.
    pub option: String,
    /// Its consequence.
    pub consequence: Consequence,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.option, self.consequence)
    }
}

/// All warnings.
pub(super) fn warnings(capture: &Capture, given: &OptionValues) -> Vec<Warning> {
    let mut found = Vec::new();
    found.extend(proxy(capture));
    found.extend(inbound(capture, given));
    found.extend(outbound(capture, given));
    found.extend(nothing(capture));
    found.extend(interfaces(capture));
    found.extend(families(capture, given));
    found.extend(modes::inbound_mode(capture, given));
    found.extend(modes::dns(capture, given));
    found.extend(modes::exclusions(capture, given));
    found
        .into_iter()
        // The defaults of a mesh are intended.
        .filter(|(setting, _)| !matches!(given.origin(*setting), Origin::Mesh(_)))
        .map(|(setting, consequence)| Warning {
            option: given.name(setting),
            consequence,
        })
        .collect()
}

fn proxy(capture: &Capture) -> Found {
    let proxy = &capture.proxy;
    let conditions = [
        (
            proxy.inbound_port == proxy.outbound_port,
            Setting::InboundPort,
            Consequence::InboundIsOutbound,
        ),
        (
            proxy.tunnel_port == Some(proxy.inbound_port),
            Setting::TunnelPort,
            Consequence::TunnelIsInbound,
        ),
        (
            proxy.tunnel_port == Some(proxy.outbound_port),
            Setting::TunnelPort,
            Consequence::TunnelIsOutbound,
        ),
        (
            proxy.uids.is_empty() && proxy.gids.is_empty(),
            Setting::ProxyUid,
            Consequence::NoProxyOwner,
        ),
        (
            proxy.uids.contains(&0),
            Setting::ProxyUid,
            Consequence::RootIsProxy,
        ),
        (
            proxy.gids.contains(&0) && proxy.gids != proxy.uids,
            Setting::ProxyGid,
            Consequence::RootIsProxy,
        ),
    ];
    holding(conditions)
}

fn inbound(capture: &Capture, given: &OptionValues) -> Found {
    let mut found = Vec::new();
    match &capture.inbound.ports {
        InboundPorts::AllExcept(excluded) => {
            let proxy = [capture.proxy.outbound_port, capture.proxy.inbound_port];
            for port in proxy {
                if excluded.contains(port.number()) {
                    let open = Consequence::ProxyPortOpen(port);
                    found.push((Setting::ExcludeInboundPorts, open));
                }
            }
        }
        InboundPorts::Only(_) => {
            let excluded = given.text(Setting::ExcludeInboundPorts);
            if !excluded.trim().is_empty() {
                let included = given.name(Setting::IncludeInboundPorts);
                let not_used = Consequence::ExclusionsNotUsed { included };
                found.push((Setting::ExcludeInboundPorts, not_used));
            }
        }
    }
    found.dedup();
    found
}

fn outbound(capture: &Capture, given: &OptionValues) -> Found {
    let outbound = &capture.outbound;
    let proxy = [capture.proxy.outbound_port, capture.proxy.inbound_port];
    let mut found = Vec::new();
    for port in proxy {
        if outbound.exclude_ports.contains(port.number()) {
            let bypassed = Consequence::ProxyPortBypassed(port);
            found.push((Setting::ExcludeOutboundPorts, bypassed));
        }
    }
    found.dedup();
    let included = &outbound.include_ports;
    let both = |ports: &Interval<u16>| outbound.exclude_ports.intersects(ports);
    found.extend(holding([
        (
            included.iter().any(both),
            Setting::IncludeOutboundPorts,
            Consequence::AlsoExcluded {
                excluded: given.name(Setting::ExcludeOutboundPorts),
            },
        ),
        (
            outbound.capture_over_loopback && !given.has(Setting::CaptureOverLoopback),
            Setting::IncludeOutboundIpRanges,
            Consequence::LoopbackCaptured,
        ),
        (
            !outbound.capture_over_loopback && outbound.exclude_ranges.reaches_loopback(),
            Setting::ExcludeOutboundIpRanges,
            Consequence::LoopbackNotCaptured,
        ),
    ]));
    found
}

/// Options that exclude everything.
fn nothing(capture: &Capture) -> Found {
    let outbound = &capture.outbound;
    let mut found = Vec::new();
    if is_empty(&outbound.uids) {
        found.push((Setting::IncludeOutboundUids, Consequence::NoOwnerCaptured));
    }
    if is_empty(&outbound.gids) {
        found.push((Setting::IncludeOutboundGids, Consequence::NoOwnerCaptured));
    }
    let no_address = covers_every_address(&outbound.exclude_ranges)
        || outbound.include_ports.is_empty()
            && matches!(&outbound.include_ranges, RangeSelection::Only(ranges) if ranges.is_empty());
    let no_outbound = !found.is_empty()
        || !capture.dns.as_ref().is_some_and(Dns::is_udp_only)
            && covers(&outbound.exclude_ports, &every_port())
        || capture.dns.is_none() && no_address;
    let no_inbound = match &capture.inbound.ports {
        InboundPorts::AllExcept(excluded) => covers(excluded, &every_port()),
        InboundPorts::Only(included) => included.is_empty(),
    } || covers_every_address(&capture.inbound.exclude_sources);
    let no_inbound = no_inbound && capture.inbound.reroute_interfaces.is_empty();
    if no_inbound && no_outbound {
        found.push((Setting::IncludeInboundPorts, Consequence::NothingCaptured));
    }
    found
}

fn every_port() -> Interval<u16> {
    Interval::between(1, u16::MAX)
}

/// Whether all included owners are excluded.
fn is_empty(selection: &OwnerSelection) -> bool {
    match &selection.include {
        Some(included) => included.iter().all(|ids| covers(&selection.exclude, ids)),
        None => covers(&selection.exclude, &Interval::between(0, LARGEST_OWNER)),
    }
}

fn covers<T: Bound>(set: &Intervals<T>, interval: &Interval<T>) -> bool {
    set.iter()
        .any(|own| own.contains(interval.first()) && own.contains(interval.last()))
}

fn covers_every_address(ranges: &IpRanges) -> bool {
    covers(&ranges.ipv4, &Interval::between(Bound::MIN, Bound::MAX))
        && covers(&ranges.ipv6, &Interval::between(Bound::MIN, Bound::MAX))
}

fn interfaces(capture: &Capture) -> Found {
    let loopback = capture
        .exclude_interfaces
        .iter()
        .any(|pattern| pattern.matches(LOOPBACK));
    holding([(
        loopback,
        Setting::ExcludeInterfaces,
        Consequence::LoopbackInterface,
    )])
}

/// Captured families without a passthrough source, and ranges of families that are not captured.
fn families(capture: &Capture, given: &OptionValues) -> Found {
    let mut found = Vec::new();
    let sources = &capture.passthrough;
    for family in capture.families.iter() {
        let none = match family {
            Family::Ipv4 => sources.ipv4.is_empty(),
            Family::Ipv6 => sources.ipv6.is_empty(),
        };
        if none {
            let missing = Consequence::NoPassthroughSource(family);
            found.push((Setting::PassthroughSource, missing));
        }
    }
    let other = match capture.families {
        Families::Both => return found,
        Families::Only(Family::Ipv4) => Family::Ipv6,
        Families::Only(Family::Ipv6) => Family::Ipv4,
    };
    for (setting, ranges) in range_options(capture, given) {
        if !ranges.is_empty_for(other) {
            let families = given.name(Setting::IpFamilies);
            let family = other;
            found.push((setting, Consequence::OtherFamily { family, families }));
        }
    }
    found
}

/// The options that list ranges, with their ranges. `*` is not a list.
fn range_options<'a>(
    capture: &'a Capture,
    given: &OptionValues,
) -> impl Iterator<Item = (Setting, &'a IpRanges)> {
    let outbound = &capture.outbound;
    let excluded = (Setting::ExcludeOutboundIpRanges, &outbound.exclude_ranges);
    let sources = (
        Setting::ExcludeInboundIpRanges,
        &capture.inbound.exclude_sources,
    );
    let included = match &outbound.include_ranges {
        RangeSelection::All => None,
        RangeSelection::Only(ranges) => Some((Setting::IncludeOutboundIpRanges, ranges)),
    };
    let dns = capture.dns.as_ref();
    let dns = dns.filter(|_| given.has(Setting::DnsServers));
    let servers = dns.and_then(|dns| match &dns.servers {
        RangeSelection::Only(servers) => Some((Setting::DnsServers, servers)),
        RangeSelection::All => None,
    });
    [sources, excluded]
        .into_iter()
        .chain(included)
        .chain(servers)
}
