//! Captures that options can ask for.

use std::net::Ipv6Addr;

use netweir::intent::{
    Capture, InboundMode, InterfacePattern, Interval, IpRanges, OwnerId, RangeSelection,
};

/// The capture without what options cannot express: the id -1, which no process has, commas in names, and repetitions.
pub fn wordable(mut capture: Capture) -> Capture {
    let no_comma = |pattern: &InterfacePattern| !pattern.to_string().contains(',');
    capture.exclude_interfaces.retain(no_comma);
    capture.inbound.reroute_interfaces.retain(no_comma);
    if let Some(own) = &mut capture.inbound.virtual_networks {
        own.networks.retain(|own| no_comma(&own.interface));
        if own.networks.is_empty() {
            capture.inbound.virtual_networks = None;
        }
    }
    let real = |id: &OwnerId| *id != OwnerId::MAX;
    capture.proxy.uids.retain(real);
    capture.proxy.gids.retain(real);
    let outbound = &mut capture.outbound;
    let selections = [&mut outbound.uids, &mut outbound.gids];
    let sets = selections.into_iter().flat_map(|selection| {
        let included = selection.include.as_mut();
        included.into_iter().chain([&mut selection.exclude])
    });
    let for_uids = outbound.exclude_ports_for_uids.iter_mut();
    for owners in sets.chain(for_uids.map(|exclusion| &mut exclusion.uids)) {
        let ids = owners.iter().filter(|interval| real(&interval.first()));
        *owners = ids
            .map(|ids| Interval::between(ids.first(), ids.last().min(OwnerId::MAX - 1)))
            .collect();
    }
    outbound
        .exclude_ports_for_uids
        .retain(|exclusion| !exclusion.uids.is_empty() && !exclusion.ports.is_empty());
    let mut said = Vec::new();
    outbound.exclude_ports_for_uids.retain(|exclusion| {
        let is_new = !said.contains(exclusion);
        said.push(exclusion.clone());
        is_new
    });
    capture
}

/// Refused where options are read are marks and tables that would take the network from the pod, IPv4 addresses
/// inside IPv6, sources of more than one host, and a list of no servers.
pub fn can_be_asked_for(capture: &Capture) -> bool {
    let outbound = &capture.outbound;
    let ranges = |selection: &RangeSelection| match selection {
        RangeSelection::All => IpRanges::default(),
        RangeSelection::Only(ranges) => ranges.clone(),
    };
    let servers = capture.dns.as_ref().map(|dns| ranges(&dns.servers));
    let mapped = |ranges: &IpRanges| {
        ranges.ipv6.iter().any(|interval| {
            let is_mapped = |address: Ipv6Addr| address.to_ipv4_mapped().is_some();
            is_mapped(interval.first()) || is_mapped(interval.last())
        })
    };
    let listed = [
        outbound.exclude_ranges.clone(),
        outbound.exclude_ranges_first.clone(),
        ranges(&outbound.include_ranges),
        capture.inbound.exclude_sources.clone(),
    ];
    let networks = capture.inbound.virtual_networks.iter();
    let networks = networks.flat_map(|own| &own.networks);
    let networks: IpRanges = networks.map(|own| own.network).collect();
    let sources = &capture.passthrough;
    let tproxy = match capture.inbound.mode {
        InboundMode::Redirect => true,
        InboundMode::Tproxy(tproxy) => {
            tproxy.mark != 0 && tproxy.table != 0 && !(253..=255).contains(&tproxy.table)
        }
    };
    tproxy
        && !listed.iter().chain(&servers).chain([&networks]).any(mapped)
        && servers != Some(IpRanges::default())
        && sources.ipv4.iter().all(|source| {
            !source.is_unspecified() && !source.is_multicast() && !source.is_broadcast()
        })
        && sources
            .ipv6
            .iter()
            .all(|source| !source.is_unspecified() && !source.is_multicast())
}
