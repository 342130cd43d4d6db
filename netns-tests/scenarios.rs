//! The options that are tried out, each set under the name of what it is about.

use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv4Net};
use netweir::intent::{
    Capture, Dns, Families, Family, InboundMode, InboundPorts, InterfacePattern, Interval,
    IpRanges, OwnerId, Owners, Port, Ports, PortsForUids, Protocol, RangeSelection, Tproxy,
};

/// A named capture.
pub(crate) type Scenario = (&'static str, Capture);

/// Every scenario.
pub(crate) fn all() -> Vec<Scenario> {
    [inbound(), tproxy(), outbound(), owners(), places(), dns()].concat()
}

fn inbound() -> Vec<Scenario> {
    vec![
        ("default", Capture::default()),
        scenario("inbound-ports-excluded", |capture| {
            capture.inbound.ports =
                InboundPorts::AllExcept(ports(&[(80, 80), (8081, 9089), (15_090, 65_535)]));
        }),
        scenario("inbound-ports-listed", |capture| {
            capture.inbound.ports = InboundPorts::Only(ports(&[(1, 80), (8080, 9090)]));
        }),
        scenario("inbound-off", |capture| {
            capture.inbound.ports = InboundPorts::Only(Ports::default());
        }),
        scenario("inbound-sources-excluded", |capture| {
            capture.inbound.exclude_sources =
                ranges(&["10.1.0.1/32", "10.77.0.0/25", "fd77::/127", "fd02::1/128"]);
            capture.proxy.tunnel_port = None;
        }),
        scenario("rerouted-interface", |capture| {
            capture.inbound.reroute_interfaces = interfaces(&["eth1"]);
            capture.outbound.include_ranges =
                RangeSelection::Only(ranges(&["10.2.0.0/16", "10.8.0.0/16", "10.9.0.0/16"]));
        }),
    ]
}

fn tproxy() -> Vec<Scenario> {
    let mode = |mark, outbound_mark, table| {
        InboundMode::Tproxy(Tproxy {
            mark,
            outbound_mark,
            table,
        })
    };
    vec![
        scenario("tproxy", |capture| {
            capture.inbound.mode = mode(1337, 1338, 133);
        }),
        scenario("tproxy-ports-excluded", |capture| {
            capture.inbound.mode = mode(0x8000_0000, 1, 252);
            capture.inbound.ports = InboundPorts::AllExcept(ports(&[(80, 80), (8081, 15_008)]));
            capture.inbound.exclude_sources = ranges(&["10.77.0.0/25", "fd02::1/128"]);
            capture.exclude_interfaces = interfaces(&["eth1"]);
        }),
        scenario("tproxy-ports-listed", |capture| {
            capture.inbound.mode = mode(7, 8, 100_000);
            capture.inbound.ports = InboundPorts::Only(ports(&[(53, 80), (8080, 9090)]));
            capture.proxy.uids = vec![2102];
            capture.proxy.inbound_port = Port::new(4143).expect("not 0");
            capture.drop_invalid = true;
        }),
        scenario("tproxy-rerouted-interface", |capture| {
            capture.inbound.mode = mode(1337, 1338, 133);
            capture.inbound.reroute_interfaces = interfaces(&["eth1"]);
            // Tproxy is decided first; this spares the interface it.
            capture.exclude_interfaces = interfaces(&["eth1"]);
        }),
        scenario("tproxy-proxy-known-by-its-uid", |capture| {
            capture.inbound.mode = mode(1337, 1338, 133);
            // Over `lo` its calls would be redirected to itself otherwise, also those to its own application.
            capture.outbound.exclude_ports_for_uids = vec![PortsForUids {
                protocol: Some(Protocol::Tcp),
                ports: ports(&[(1, u16::MAX)]),
                uids: ids(&[(1337, 1337)]),
            }];
        }),
    ]
}

fn outbound() -> Vec<Scenario> {
    vec![
        scenario("outbound-ports-excluded", |capture| {
            capture.outbound.exclude_ports = ports(&[(22, 22), (440, 445), (15_008, 15_008)]);
        }),
        scenario("outbound-ranges-excluded", |capture| {
            capture.outbound.exclude_ranges = ranges(&[
                "10.9.0.0/16",
                "10.10.0.0/16",
                "10.1.0.1/32",
                "fd09::/64",
                "fd01::2/128",
            ]);
            capture.outbound.include_ports = ports(&[(9090, 9090)]);
        }),
        scenario("outbound-ranges-listed", |capture| {
            capture.outbound.include_ranges =
                RangeSelection::Only(ranges(&["10.9.0.0/16", "10.1.0.2/31", "fd09::/16"]));
            capture.outbound.exclude_ranges = ranges(&["10.9.9.0/24", "fd09:9::/32"]);
            capture.outbound.include_ports = ports(&[(443, 443), (8000, 8080)]);
        }),
        scenario("outbound-off", |capture| {
            capture.outbound.include_ranges = RangeSelection::Only(IpRanges::default());
        }),
        scenario("loopback-included", |capture| {
            capture.outbound.include_ranges =
                RangeSelection::Only(ranges(&["127.0.0.0/8", "::1/128", "10.1.0.2/32"]));
            capture.outbound.capture_over_loopback = true;
        }),
        scenario("loopback-range-wide", |capture| {
            capture.loopback_range = Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8);
        }),
        scenario("passthrough-sources", |capture| {
            capture.passthrough.ipv4 =
                vec![Ipv4Addr::new(127, 0, 0, 7), Ipv4Addr::new(127, 0, 0, 9)];
            capture.passthrough.ipv6 = vec!["::7".parse().expect("an address")];
        }),
    ]
}

fn owners() -> Vec<Scenario> {
    vec![
        scenario("other-proxy", |capture| {
            let port = |number| Port::new(number).expect("not 0");
            capture.proxy.outbound_port = port(4140);
            capture.proxy.inbound_port = port(4143);
            capture.proxy.tunnel_port = None;
            capture.proxy.uids = vec![2102];
            capture.proxy.gids = Vec::new();
        }),
        scenario("several-proxy-owners", |capture| {
            capture.proxy.uids = vec![1337, 2102];
            capture.proxy.gids = vec![1337, 3000];
        }),
        scenario("proxy-known-by-group", |capture| {
            capture.proxy.uids = Vec::new();
        }),
        scenario("largest-ids", |capture| {
            capture.proxy.uids = vec![u32::MAX - 1];
            capture.proxy.gids = vec![u32::MAX - 2];
            capture.outbound.uids.exclude = ids(&[(1 << 31, u32::MAX - 7)]);
            capture.outbound.gids.exclude = ids(&[(70_000, 70_000)]);
        }),
        scenario("owners-excluded", |capture| {
            capture.outbound.uids.exclude = ids(&[(0, 0), (2000, 2999), (65_536, 1 << 20)]);
            capture.outbound.gids.exclude = ids(&[(5, 5), (7, 7), (4000, 4999)]);
        }),
        scenario("owners-listed", |capture| {
            capture.outbound.uids.include = Some(ids(&[(1000, 1999), (5000, 5000)]));
            capture.outbound.uids.exclude = ids(&[(1500, 1500)]);
            capture.outbound.gids.include = Some(ids(&[(100, 1000)]));
        }),
        scenario("ports-excluded-for-uids", |capture| {
            capture.outbound.exclude_ports_for_uids = vec![
                PortsForUids {
                    protocol: None,
                    ports: ports(&[(440, 445)]),
                    uids: ids(&[(1000, 1000)]),
                },
                PortsForUids {
                    protocol: Some(Protocol::Tcp),
                    ports: ports(&[(80, 80), (8080, 8080)]),
                    uids: ids(&[(0, 0), (2000, 2999)]),
                },
            ];
        }),
    ]
}

fn places() -> Vec<Scenario> {
    vec![
        scenario("interface-excluded", |capture| {
            capture.exclude_interfaces = interfaces(&["eth1"]);
        }),
        scenario("interfaces-excluded-by-prefix", |capture| {
            capture.exclude_interfaces = interfaces(&["et+", "dummy*"]);
        }),
        scenario("ipv4-only", |capture| {
            capture.families = Families::Only(Family::Ipv4);
        }),
        scenario("ipv6-only", |capture| {
            capture.families = Families::Only(Family::Ipv6);
            capture.outbound.exclude_ranges = ranges(&["10.9.0.0/16", "fd09::/16"]);
        }),
        scenario("everything-at-once", |capture| {
            capture.proxy.uids = vec![1337, 2102];
            capture.drop_invalid = true;
            capture.exclude_interfaces = interfaces(&["eth1"]);
            capture.inbound.ports = InboundPorts::AllExcept(ports(&[(443, 443), (8000, 8080)]));
            capture.inbound.exclude_sources = ranges(&["10.77.0.0/16", "fd77::/16"]);
            capture.outbound.exclude_ports = ports(&[(22, 22), (8085, 8085)]);
            capture.outbound.include_ports = ports(&[(9090, 9090)]);
            capture.outbound.exclude_ranges = ranges(&["10.9.9.0/24", "fd09:9::/32"]);
            capture.outbound.include_ranges =
                RangeSelection::Only(ranges(&["10.0.0.0/8", "fd09::/16"]));
            capture.outbound.uids.exclude = ids(&[(2000, 2999)]);
            capture.outbound.gids.include = Some(ids(&[(0, 3999)]));
            capture.loopback_range = Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 30);
        }),
    ]
}

fn dns() -> Vec<Scenario> {
    let port = Port::new(15_053).expect("not 0");
    vec![
        scenario("dns-all", |capture| {
            let servers = RangeSelection::All;
            capture.dns = Some(Dns { port, servers });
        }),
        scenario("dns-resolvers", |capture| {
            let servers =
                RangeSelection::Only(ranges(&["10.9.8.7/32", "127.0.0.2/32", "fd09::7/128"]));
            capture.dns = Some(Dns { port, servers });
            capture.outbound.exclude_ports = ports(&[(443, 443)]);
        }),
        scenario("dns-excluded-for-uids", |capture| {
            let servers = RangeSelection::All;
            capture.dns = Some(Dns { port, servers });
            capture.outbound.exclude_ports_for_uids = vec![
                PortsForUids {
                    protocol: Some(Protocol::Udp),
                    ports: ports(&[(53, 53)]),
                    uids: ids(&[(1000, 1000)]),
                },
                PortsForUids {
                    protocol: None,
                    ports: ports(&[(50, 60), (80, 80)]),
                    uids: ids(&[(2000, 2999)]),
                },
            ];
        }),
    ]
}

fn scenario(name: &'static str, change: impl FnOnce(&mut Capture)) -> Scenario {
    let mut capture = Capture::default();
    change(&mut capture);
    (name, capture)
}

fn ports(pairs: &[(u16, u16)]) -> Ports {
    pairs
        .iter()
        .map(|&(first, last)| Interval::between(first, last))
        .collect()
}

fn ids(pairs: &[(OwnerId, OwnerId)]) -> Owners {
    pairs
        .iter()
        .map(|&(first, last)| Interval::between(first, last))
        .collect()
}

fn ranges(networks: &[&str]) -> IpRanges {
    networks
        .iter()
        .map(|network| network.parse::<IpNet>().expect("a network"))
        .collect()
}

fn interfaces(patterns: &[&str]) -> Vec<InterfacePattern> {
    patterns
        .iter()
        .map(|pattern| pattern.parse().expect("a pattern"))
        .collect()
}
