//! Random [`Connection`]s under a [`Capture`]: biased towards the values that the capture names, and their
//! neighbours, so that every rule is met.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use netweir::connection::{
    Addresses, Connection, ConnectionEnds, Owner, Path, PortPair, Tracking, Transport,
};
use netweir::intent::{
    Bound, Capture, InboundMode, InboundPorts, InterfacePattern, Intervals, IpRanges,
    RangeSelection,
};
use netweir::ruleset::OpenConnections;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// Any connection, likely one that the capture has something to say about.
pub fn connection(capture: &Capture) -> impl Strategy<Value = Connection> + use<> {
    let tracking = prop_oneof![
        8 => Just(Tracking::New),
        1 => Just(Tracking::Midstream),
        1 => Just(Tracking::Tracked),
        1 => Just(Tracking::Invalid),
    ];
    (
        path(capture),
        addresses(capture),
        transport(capture),
        (mark(capture), mark(capture)),
        tracking,
    )
        .prop_map(
            |(path, addresses, transport, (packet_mark, connection_mark), tracking)| Connection {
                path,
                addresses,
                transport,
                packet_mark,
                connection_mark,
                tracking,
            },
        )
}

/// The connections as they are listed where both of their ends are in one namespace; those that are not TCP are left out.
pub fn open<'a>(connections: impl IntoIterator<Item = &'a Connection>) -> OpenConnections {
    let ends = |connection: &Connection| {
        let ConnectionEnds { local, remote } = connection.ends()?;
        let of_the_other = ConnectionEnds {
            local: remote,
            remote: local,
        };
        Some([ConnectionEnds { local, remote }, of_the_other])
    };
    connections.into_iter().filter_map(ends).flatten().collect()
}

fn path(capture: &Capture) -> impl Strategy<Value = Path> + use<> {
    let id = |named| prop_oneof![4 => select(named), 1 => any::<u32>()];
    let owner = (id(uids(capture)), id(gids(capture))).prop_map(|(uid, gid)| Owner { uid, gid });
    let names = select(interfaces(capture));
    let interface = || prop_oneof![2 => Just("lo".to_owned()), 3 => names.clone()];
    prop_oneof![
        3 => (interface(), option::weighted(0.95, owner))
            .prop_map(|(interface, owner)| Path::Out { interface, owner }),
        2 => interface().prop_map(|interface| Path::In { interface }),
    ]
}

fn interfaces(capture: &Capture) -> Vec<String> {
    let patterns = capture.exclude_interfaces.iter();
    let patterns = patterns.chain(&capture.inbound.reroute_interfaces);
    let networks = capture.inbound.virtual_networks.iter();
    let networks = networks.flat_map(|own| &own.networks);
    let patterns = patterns.chain(networks.map(|own| &own.interface));
    let named = patterns.map(|pattern| match pattern {
        InterfacePattern::Name(name) => name.clone(),
        InterfacePattern::Prefix(prefix) => format!("{prefix}7"),
    });
    ["eth0".to_owned(), "eth1".to_owned()]
        .into_iter()
        .chain(named)
        .collect()
}

fn addresses(capture: &Capture) -> impl Strategy<Value = Addresses> + use<> {
    let outbound = &capture.outbound;
    let mut ranges = vec![
        &outbound.exclude_ranges,
        &outbound.exclude_ranges_first,
        &capture.inbound.exclude_sources,
    ];
    // Several times, since the rules for these are reached by few.
    let servers = capture.dns.iter().filter_map(|dns| only(&dns.servers));
    let rare: Vec<_> = only(&outbound.include_ranges)
        .into_iter()
        .chain(servers)
        .collect();
    ranges.extend(rare.iter().cycle().take(4 * rare.len()));
    let mut ipv4 = vec![Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 0, 0, 2)];
    ipv4.extend([
        capture.loopback_range.network(),
        capture.loopback_range.broadcast(),
    ]);
    let mut ipv6 = vec![Ipv6Addr::LOCALHOST];
    let networks = capture.inbound.virtual_networks.iter();
    for own in networks.flat_map(|own| &own.networks) {
        match own.network {
            IpNet::V4(network) => ipv4.extend([network.network(), network.broadcast()]),
            IpNet::V6(network) => ipv6.extend([network.network(), network.broadcast()]),
        }
    }
    for ranges in ranges {
        ipv4.extend(edges(&ranges.ipv4));
        ipv6.extend(edges(&ranges.ipv6));
    }
    let any_ipv4 = any::<u32>().prop_map(Ipv4Addr::from_bits).boxed();
    let any_ipv6 = any::<u128>().prop_map(Ipv6Addr::from_bits).boxed();
    prop_oneof![
        ends(ipv4, capture.passthrough.ipv4.clone(), any_ipv4),
        ends(ipv6, capture.passthrough.ipv6.clone(), any_ipv6),
    ]
}

/// A source and a destination of the type.
fn ends<T>(
    named: Vec<T>,
    passthrough: Vec<T>,
    any: BoxedStrategy<T>,
) -> impl Strategy<Value = Addresses> + use<T>
where
    T: Copy + std::fmt::Debug + 'static,
    IpAddr: From<T>,
{
    let end = prop_oneof![3 => select(named), 1 => any];
    let source = if passthrough.is_empty() {
        end.clone().boxed()
    } else {
        prop_oneof![2 => end.clone(), 1 => select(passthrough)].boxed()
    };
    (source, end).prop_map(|(source, destination)| {
        Addresses::of(source.into(), destination.into()).expect("one family")
    })
}

fn transport(capture: &Capture) -> impl Strategy<Value = Transport> + use<> {
    let query = if capture.dns.is_some() { 4 } else { 1 };
    let named = select(ports(capture));
    let port = || prop_oneof![query => Just(53), 4 => named.clone(), 1 => any::<u16>()];
    let pair = || {
        (port(), port()).prop_map(|(source, destination)| PortPair {
            source,
            destination,
        })
    };
    prop_oneof![
        10 => pair().prop_map(Transport::Tcp),
        8 => pair().prop_map(Transport::Udp),
        1 => any::<u8>()
            .prop_filter("has ports", |number| ![6, 17].contains(number))
            .prop_map(Transport::Other),
    ]
}

fn ports(capture: &Capture) -> Vec<u16> {
    let (InboundPorts::AllExcept(inbound) | InboundPorts::Only(inbound)) = &capture.inbound.ports;
    let outbound = &capture.outbound;
    let mut sets = vec![inbound, &outbound.exclude_ports, &outbound.include_ports];
    sets.extend(outbound.exclude_ports_for_uids.iter().map(|own| &own.ports));
    let proxy = &capture.proxy;
    let mut ports = vec![proxy.inbound_port, proxy.outbound_port];
    ports.extend(proxy.tunnel_port);
    ports.extend(capture.dns.iter().map(|dns| dns.port));
    let networks = capture.inbound.virtual_networks.iter();
    ports.extend(networks.map(|own| own.dns_port));
    let ports = ports.iter().map(|port| port.number());
    ports.chain(sets.into_iter().flat_map(edges)).collect()
}

fn uids(capture: &Capture) -> Vec<u32> {
    let outbound = &capture.outbound;
    let mut sets = vec![&outbound.uids.exclude];
    sets.extend(&outbound.uids.include);
    sets.extend(outbound.exclude_ports_for_uids.iter().map(|own| &own.uids));
    let named = capture.proxy.uids.iter().copied();
    let edges = sets.into_iter().flat_map(edges);
    named.chain(edges).chain([0, 1000]).collect()
}

fn gids(capture: &Capture) -> Vec<u32> {
    let gids = &capture.outbound.gids;
    let sets = [Some(&gids.exclude), gids.include.as_ref()];
    let named = capture.proxy.gids.iter().copied();
    let edges = sets.into_iter().flatten().flat_map(edges);
    named.chain(edges).chain([0, 1000]).collect()
}

fn mark(capture: &Capture) -> impl Strategy<Value = u32> + use<> {
    let mut marks = vec![0];
    if let InboundMode::Tproxy(tproxy) = capture.inbound.mode {
        marks.extend([tproxy.mark, tproxy.outbound_mark]);
    }
    prop_oneof![4 => Just(0), 3 => select(marks), 1 => any::<u32>()]
}

fn only(selection: &RangeSelection) -> Option<&IpRanges> {
    match selection {
        RangeSelection::All => None,
        RangeSelection::Only(ranges) => Some(ranges),
    }
}

/// The first and the last value of every interval, and those just outside.
fn edges<T: Bound>(intervals: &Intervals<T>) -> Vec<T> {
    let around = |interval: &netweir::intent::Interval<T>| {
        let (first, last) = (interval.first(), interval.last());
        [
            Some(first),
            Some(last),
            first.predecessor(),
            last.successor(),
        ]
    };
    intervals.iter().flat_map(around).flatten().collect()
}
