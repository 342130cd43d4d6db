//! Candidates for connections that the rules capture, the likeliest first.
//!
//! An interval of captured ports or addresses begins where an included one begins or after an excluded one ends, so these
//! places and the usual ones suffice.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::intent::{
    Bound, Capture, Family, InboundPorts, Interval, Intervals, IpRanges, Port, Ports,
    RangeSelection,
};

/// Ports of ordinary servers.
const USUAL_PORTS: [u16; 3] = [80, 443, 8080];
/// The port after that of DNS, which has its own rules.
const BEHIND_DNS: u16 = 54;
/// The largest number of ports, and of addresses.
const MOST: usize = 100;

/// Ports of outbound connections.
pub(super) fn outbound_ports(capture: &Capture) -> Vec<u16> {
    let outbound = &capture.outbound;
    let excluded = outbound.exclude_ports_for_uids.iter();
    let excluded = excluded.flat_map(|exclusion| behind(&exclusion.ports));
    let places = behind(&outbound.exclude_ports)
        .chain(excluded)
        .chain(beginnings(&outbound.include_ports));
    ports(capture, places)
}

/// Ports of inbound connections.
pub(super) fn inbound_ports(capture: &Capture) -> Vec<u16> {
    match &capture.inbound.ports {
        InboundPorts::AllExcept(excluded) => ports(capture, behind(excluded)),
        InboundPorts::Only(included) => ports(capture, beginnings(included)),
    }
}

fn ports(capture: &Capture, places: impl Iterator<Item = u16>) -> Vec<u16> {
    let tunnel = capture.proxy.tunnel_port.map(Port::number);
    let usual = USUAL_PORTS
        .into_iter()
        .chain(tunnel.and_then(u16::successor));
    let all = usual.chain([1, BEHIND_DNS]).chain(places);
    distinct(all.filter(|&port| port != 0))
}

/// Destinations of outbound connections. The neighbours are addresses next to the namespace's own: there is a route to them even
/// without a default route.
pub(super) fn destinations(
    capture: &Capture,
    family: Family,
    neighbours: impl Iterator<Item = IpAddr>,
) -> Vec<IpAddr> {
    let outbound = &capture.outbound;
    let documentation = documentation(family).into_iter();
    let documentation = documentation.filter_map(|network| hosts(&network).next());
    let included = match &outbound.include_ranges {
        RangeSelection::Only(ranges) => ranges_of(ranges, family),
        RangeSelection::All => Vec::new(),
    };
    // The first address may be the network's own.
    let inside = included.into_iter().flat_map(|[first, last]| {
        let second = next(first).filter(|&second| second <= last);
        second.into_iter().chain([first])
    });
    let excluded = [&outbound.exclude_ranges, &outbound.exclude_ranges_first];
    let behind = excluded
        .into_iter()
        .flat_map(|ranges| behind_ranges(ranges, family));
    let all = documentation.chain(neighbours).chain(inside).chain(behind);
    distinct(all.filter(is_host))
}

/// Addresses for the ends of a veth pair: no route of the namespace leads to them.
pub(super) fn unused(family: Family, taken: &[IpNet]) -> Vec<IpAddr> {
    let networks = documentation(family).into_iter();
    let all = networks.flat_map(|network| hosts(&network).collect::<Vec<_>>());
    distinct(all.filter(|host| is_unused(host, taken)))
}

/// Sources of inbound connections.
pub(super) fn sources(capture: &Capture, family: Family, taken: &[IpNet]) -> Vec<IpAddr> {
    let places = behind_ranges(&capture.inbound.exclude_sources, family);
    let places = places.filter(|place| is_host(place) && is_unused(place, taken));
    // One of each network, as a network is usually excluded as a whole.
    let networks = documentation(family).into_iter();
    let unused = networks.filter_map(|network| hosts(&network).find(|host| is_unused(host, taken)));
    distinct(unused.chain(places))
}

/// Networks without real hosts: for documentation (RFC 5737, RFC 3849, RFC 9637) and for benchmarks (RFC 2544,
/// RFC 5180).
fn documentation(family: Family) -> Vec<IpNet> {
    let ipv4 = |a, b, c| IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, 0), 24));
    let ipv6 = |a, b, c| {
        IpNet::V6(Ipv6Net::new_assert(
            Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0),
            64,
        ))
    };
    match family {
        Family::Ipv4 => vec![
            ipv4(192, 0, 2),
            ipv4(198, 51, 100),
            ipv4(203, 0, 113),
            ipv4(198, 18, 0),
        ],
        Family::Ipv6 => vec![
            ipv6(0x2001, 0xdb8, 0),
            ipv6(0x2001, 0xdb8, 0xffff),
            ipv6(0x3fff, 0, 0),
            ipv6(0x2001, 2, 0),
        ],
    }
}

/// The first hosts of the network. The network's own address is the old broadcast address (RFC 1122) or that of its routers
/// (RFC 4291).
fn hosts(network: &IpNet) -> impl Iterator<Item = IpAddr> {
    let own = network.network();
    network.hosts().filter(move |&host| host != own).take(MOST)
}

/// Whether no route leads to the address except default routes and similarly wide ones.
fn is_unused(address: &IpAddr, taken: &[IpNet]) -> bool {
    !taken.iter().any(|network| {
        let is_wide = match network {
            IpNet::V4(network) => network.prefix_len() < 8,
            IpNet::V6(network) => network.prefix_len() < 16,
        };
        !is_wide && network.contains(address)
    })
}

/// Whether a single host can have the address.
fn is_host(address: &IpAddr) -> bool {
    let special = address.is_unspecified() || address.is_multicast();
    match address {
        IpAddr::V4(address) => {
            let [first, ..] = address.octets();
            !special && first != 0 && first < 240
        }
        IpAddr::V6(address) => !special && !address.is_unicast_link_local(),
    }
}

fn beginnings(ports: &Ports) -> impl Iterator<Item = u16> + '_ {
    ports.iter().map(Interval::first)
}

/// The port after each interval.
fn behind(ports: &Ports) -> impl Iterator<Item = u16> + '_ {
    ports
        .iter()
        .filter_map(|interval| interval.last().successor())
}

/// The address after each range of the family.
fn behind_ranges(ranges: &IpRanges, family: Family) -> impl Iterator<Item = IpAddr> {
    let ranges = ranges_of(ranges, family).into_iter();
    ranges.filter_map(|[_, last]| next(last))
}

/// First and last address of each range of the family.
fn ranges_of(ranges: &IpRanges, family: Family) -> Vec<[IpAddr; 2]> {
    fn ends<T: Bound + Into<IpAddr>>(intervals: &Intervals<T>) -> Vec<[IpAddr; 2]> {
        let ends = |interval: &Interval<T>| [interval.first(), interval.last()].map(Into::into);
        intervals.iter().map(ends).collect()
    }
    match family {
        Family::Ipv4 => ends(&ranges.ipv4),
        Family::Ipv6 => ends(&ranges.ipv6),
    }
}

/// The first address of each range of the family.
pub(super) fn first_addresses(ranges: &IpRanges, family: Family) -> Vec<IpAddr> {
    let ranges = ranges_of(ranges, family).into_iter();
    ranges.map(|[first, _]| first).collect()
}

/// The address after this one.
pub(super) fn next(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(address) => address.successor().map(IpAddr::V4),
        IpAddr::V6(address) => address.successor().map(IpAddr::V6),
    }
}

/// The address before this one.
pub(super) fn previous(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(address) => address.predecessor().map(IpAddr::V4),
        IpAddr::V6(address) => address.predecessor().map(IpAddr::V6),
    }
}

fn distinct<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut kept = Vec::new();
    for candidate in all {
        if kept.len() == MOST {
            break;
        }
        if !kept.contains(&candidate) {
            kept.push(candidate);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sets() -> impl Strategy<Value = Ports> {
        let interval = (any::<u16>(), any::<u16>());
        let edges = prop_oneof![Just((0, 0x7fff)), Just((0x7fff, u16::MAX)), interval];
        prop::collection::vec(edges, 0..6).prop_map(|pairs| {
            let intervals = pairs.iter().map(|&(a, b)| Interval::between(a, b));
            intervals.collect()
        })
    }

    fn captures(ports: &Ports, port: u16, included: bool) -> bool {
        port != 0 && port != 15008 && ports.contains(port) == included
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// If any port is captured, a captured one is among the candidates.
        #[test]
        fn finds_an_inbound_port(ports in sets(), included: bool) {
            let mut capture = Capture::default();
            capture.inbound.ports = if included {
                InboundPorts::Only(ports.clone())
            } else {
                InboundPorts::AllExcept(ports.clone())
            };
            let possible = (0..=u16::MAX).any(|port| captures(&ports, port, included));
            let mut tried = inbound_ports(&capture).into_iter();
            prop_assert_eq!(tried.any(|port| captures(&ports, port, included)), possible);
        }

        #[test]
        fn finds_an_outbound_port(include in sets(), exclude in sets()) {
            let mut capture = Capture::default();
            capture.outbound.include_ports = include.clone();
            capture.outbound.exclude_ports = exclude.clone();
            let captured = |port: u16| {
                port != 0 && include.contains(port) && !exclude.contains(port)
            };
            let possible = (0..=u16::MAX).any(captured);
            prop_assert_eq!(outbound_ports(&capture).into_iter().any(captured), possible);
        }
    }

    #[test]
    fn routed_addresses_are_not_used() {
        let taken: Vec<IpNet> = [
            "0.0.0.0/0",
            "192.0.2.0/24",
            "198.51.100.1/32",
            "192.0.0.0/6",
        ]
        .map(|network| network.parse().unwrap())
        .to_vec();
        let hosts = unused(Family::Ipv4, &taken);
        assert_eq!(hosts.first(), Some(&"198.51.100.2".parse().unwrap()));
        assert!(!hosts.iter().any(|host| taken[1].contains(host)));
        let capture = Capture::default();
        let sources = sources(&capture, Family::Ipv4, &taken);
        assert_eq!(sources.first(), hosts.first());
    }

    #[test]
    fn destinations_include_addresses_of_included_ranges() {
        let mut capture = Capture::default();
        let included: IpNet = "10.96.0.0/12".parse().unwrap();
        capture.outbound.include_ranges = RangeSelection::Only([included].into_iter().collect());
        let neighbour = "10.1.0.3".parse().unwrap();
        let tried = destinations(&capture, Family::Ipv4, [neighbour].into_iter());
        assert!(tried.contains(&neighbour));
        assert!(tried.contains(&"10.96.0.1".parse().unwrap()), "{tried:?}");
    }
}
