//! Random [`Capture`]s: every field, with the extremes of every value more often than chance would have them.
//!
//! What the options reject is not generated: an owner, an interface or an address named twice.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use netweir::intent::{
    Capture, Dns, DnsOverTcp, Families, Family, Inbound, InboundMode, InboundPorts,
    InterfacePattern, Interval, IpRanges, Outbound, OwnerId, OwnerSelection, Owners,
    PassthroughSources, Port, Ports, PortsForUids, Protocol, Proxy, RangeSelection, Tproxy,
    VirtualNetwork, VirtualNetworks,
};
use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;

/// Any capture.
pub fn capture() -> impl Strategy<Value = Capture> {
    (
        (families(), proxy(), inbound(), outbound()),
        (
            interfaces(),
            loopback_range(),
            passthrough(),
            any::<bool>(),
            option::of(dns()),
        ),
    )
        .prop_map(
            |(
                (families, proxy, mut inbound, outbound),
                (exclude_interfaces, loopback_range, passthrough, drop_invalid, dns),
            )| {
                // One option gives both ports.
                if let (Some(virtual_networks), Some(dns)) = (&mut inbound.virtual_networks, &dns) {
                    virtual_networks.dns_port = dns.port;
                }
                Capture {
                    families,
                    proxy,
                    inbound,
                    outbound,
                    exclude_interfaces,
                    loopback_range,
                    passthrough,
                    drop_invalid,
                    dns,
                }
            },
        )
}

fn families() -> impl Strategy<Value = Families> {
    prop_oneof![
        3 => Just(Families::Both),
        1 => Just(Families::Only(Family::Ipv4)),
        1 => Just(Families::Only(Family::Ipv6)),
    ]
}

fn proxy() -> impl Strategy<Value = Proxy> {
    (
        (port(), port(), option::of(port())),
        (distinct(owner(), 5), distinct(owner(), 5)),
    )
        .prop_map(
            |((outbound_port, inbound_port, tunnel_port), (uids, gids))| Proxy {
                outbound_port,
                inbound_port,
                tunnel_port,
                uids,
                gids,
            },
        )
}

fn inbound() -> impl Strategy<Value = Inbound> {
    let mode = prop_oneof![
        Just(InboundMode::Redirect),
        (mark(), mark(), table()).prop_map(|(mark, outbound_mark, table)| {
            InboundMode::Tproxy(Tproxy {
                mark,
                outbound_mark,
                table,
            })
        }),
    ];
    let ports = prop_oneof![
        ports().prop_map(InboundPorts::AllExcept),
        ports().prop_map(InboundPorts::Only),
    ];
    let virtual_networks = option::weighted(0.3, virtual_networks());
    (mode, ports, ranges(), interfaces(), virtual_networks).prop_map(
        |(mode, ports, exclude_sources, reroute_interfaces, virtual_networks)| Inbound {
            mode,
            ports,
            exclude_sources,
            reroute_interfaces,
            virtual_networks,
        },
    )
}

fn virtual_networks() -> impl Strategy<Value = VirtualNetworks> {
    let networks = vec((interface(), network()), 1..4);
    (port(), networks).prop_map(|(dns_port, networks)| {
        let mut distinct = Vec::new();
        for (interface, network) in networks {
            let network = network.trunc();
            let is_other = |own: &VirtualNetwork| {
                own.interface != interface
                    || own.network.addr().is_ipv4() != network.addr().is_ipv4()
            };
            if distinct.iter().all(is_other) {
                distinct.push(VirtualNetwork { interface, network });
            }
        }
        VirtualNetworks {
            dns_port,
            networks: distinct,
        }
    })
}

fn outbound() -> impl Strategy<Value = Outbound> {
    let first = prop_oneof![2 => Just(IpRanges::default()), 1 => ranges()];
    (
        (ports(), vec(ports_for_uids(), 0..5), ports()),
        (range_selection(), ranges(), first, any::<bool>()),
        (owner_selection(), owner_selection()),
    )
        .prop_map(
            |(
                (exclude_ports, exclude_ports_for_uids, include_ports),
                (include_ranges, exclude_ranges, exclude_ranges_first, capture_over_loopback),
                (uids, gids),
            )| Outbound {
                exclude_ranges_first,
                exclude_ports,
                exclude_ports_for_uids,
                include_ports,
                include_ranges,
                exclude_ranges,
                capture_over_loopback,
                uids,
                gids,
            },
        )
}

fn ports_for_uids() -> impl Strategy<Value = PortsForUids> {
    let protocol = option::of(prop_oneof![Just(Protocol::Tcp), Just(Protocol::Udp)]);
    (protocol, ports(), owners()).prop_map(|(protocol, ports, uids)| PortsForUids {
        protocol,
        ports,
        uids,
    })
}

fn dns() -> impl Strategy<Value = Dns> {
    let tcp = prop_oneof![
        2 => Just(DnsOverTcp::Redirect),
        2 => Just(DnsOverTcp::Bypass),
        1 => Just(DnsOverTcp::Outbound),
    ];
    let to = prop_oneof![3 => Just(None), 1 => dns_server().prop_map(Some)];
    let who = prop_oneof![3 => Just(false), 1 => Just(true)];
    ((port(), to), range_selection(), (who, tcp, any::<bool>())).prop_map(
        |((port, to), servers, (everyone, tcp, zones))| Dns {
            port,
            to,
            servers,
            everyone,
            tcp,
            zones,
        },
    )
}

/// Loopback, or another host.
fn dns_server() -> impl Strategy<Value = IpAddr> {
    prop::sample::select(vec![
        IpAddr::from(Ipv4Addr::LOCALHOST),
        IpAddr::from([10, 1, 0, 2]),
        IpAddr::from([10, 96, 0, 10]),
        IpAddr::from(Ipv6Addr::LOCALHOST),
        IpAddr::from([0xfd01, 0, 0, 0, 0, 0, 0, 2]),
    ])
}

fn passthrough() -> impl Strategy<Value = PassthroughSources> {
    let ipv4 = prop_oneof![
        2 => Just(Ipv4Addr::new(127, 0, 0, 6)),
        1 => any::<u32>().prop_map(Ipv4Addr::from_bits),
    ];
    let ipv6 = prop_oneof![
        2 => Just(Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0, 6)),
        // No connection comes from a multicast address.
        1 => (0..0xff_u128 << 120).prop_map(Ipv6Addr::from_bits),
    ];
    (distinct(ipv4, 4), distinct(ipv6, 4))
        .prop_map(|(ipv4, ipv6)| PassthroughSources { ipv4, ipv6 })
}

/// Inside 127.0.0.0/8, as the options have it, without host bits.
fn loopback_range() -> impl Strategy<Value = Ipv4Net> {
    let other = (0..1u32 << 24, 8..=32u8).prop_map(|(host, prefix)| {
        Ipv4Net::new_assert(Ipv4Addr::from_bits(127 << 24 | host), prefix).trunc()
    });
    prop_oneof![Just(Ipv4Net::new_assert(Ipv4Addr::LOCALHOST, 32)), other]
}

/// Up to four interfaces, also prefixes that cover others or follow each other. The names are such as the kernel allows, and not only those that people choose.
fn interfaces() -> impl Strategy<Value = Vec<InterfacePattern>> {
    distinct(interface(), 4)
}

fn interface() -> impl Strategy<Value = InterfacePattern> {
    let common = prop::sample::select(vec![
        "eth0",
        "lo",
        "cali+",
        "tap*",
        "tapa*",
        "tapb*",
        "a",
        "ens3f0np0.100-a",
    ]);
    let odd = "[a-zA-Z0-9_.;{}#$!'(),<>=~é-]{1,15}[*]?";
    let text = prop_oneof![3 => common.prop_map(str::to_owned), 1 => odd];
    text.prop_filter_map("not an interface", |text| text.parse().ok())
}

fn owner_selection() -> impl Strategy<Value = OwnerSelection> {
    (option::of(owners()), owners())
        .prop_map(|(include, exclude)| OwnerSelection { include, exclude })
}

fn owners() -> impl Strategy<Value = Owners> {
    vec(
        (owner(), prop_oneof![Just(None), owner().prop_map(Some)]),
        0..5,
    )
    .prop_map(|pairs| {
        let interval = |(first, last): (OwnerId, Option<OwnerId>)| {
            Interval::between(first, last.unwrap_or(first))
        };
        pairs.into_iter().map(interval).collect()
    })
}

fn owner() -> impl Strategy<Value = OwnerId> {
    prop_oneof![
        2 => Just(1337),
        2 => 0..70_000u32,
        1 => prop::sample::select(vec![0, 65_534, u32::MAX - 1, u32::MAX]),
        1 => any::<u32>(),
    ]
}

fn range_selection() -> impl Strategy<Value = RangeSelection> {
    prop_oneof![
        Just(RangeSelection::All),
        ranges().prop_map(RangeSelection::Only)
    ]
}

fn ranges() -> impl Strategy<Value = IpRanges> {
    vec(network(), 0..6).prop_map(|nets| nets.into_iter().collect())
}

fn network() -> impl Strategy<Value = IpNet> {
    let everything = [IpNet::V4(Ipv4Net::default()), IpNet::V6(Ipv6Net::default())];
    let ipv4 = (any::<u32>(), 0..=32u8)
        .prop_map(|(bits, prefix)| Ipv4Net::new_assert(Ipv4Addr::from_bits(bits), prefix).into());
    let ipv6 = (any::<u128>(), 0..=128u8)
        .prop_map(|(bits, prefix)| Ipv6Net::new_assert(Ipv6Addr::from_bits(bits), prefix).into());
    // Neighbours, which merge into what no one network is.
    let near =
        (0..16u32).prop_map(|host| Ipv4Net::from(Ipv4Addr::from_bits(10 << 24 | host)).into());
    prop_oneof![
        1 => prop::sample::select(everything.to_vec()),
        4 => ipv4,
        4 => ipv6,
        3 => near,
    ]
}

fn ports() -> impl Strategy<Value = Ports> {
    let number =
        || prop_oneof![3 => 1..=u16::MAX, 1 => prop::sample::select(vec![1, 53, u16::MAX])];
    vec(
        (number(), prop_oneof![Just(None), number().prop_map(Some)]),
        0..20,
    )
    .prop_map(|pairs| {
        let interval =
            |(first, last): (u16, Option<u16>)| Interval::between(first, last.unwrap_or(first));
        pairs.into_iter().map(interval).collect()
    })
}

fn port() -> impl Strategy<Value = Port> {
    prop_oneof![
        4 => 1..=u16::MAX,
        1 => prop::sample::select(vec![1, 53, 15_001, 15_006, 15_008, u16::MAX]),
    ]
    .prop_filter_map("port 0", Port::new)
}

/// A packet mark; 0 is what every packet has.
fn mark() -> impl Strategy<Value = u32> {
    prop_oneof![Just(1337), Just(1338), Just(u32::MAX), 1..=u32::MAX]
}

/// A routing table; 0 means none.
fn table() -> impl Strategy<Value = u32> {
    prop_oneof![Just(133), Just(u32::MAX), 1..=u32::MAX]
}

/// Up to so many, each once, in any order.
fn distinct<T>(element: impl Strategy<Value = T>, most: usize) -> impl Strategy<Value = Vec<T>>
where
    T: Clone + Ord + std::fmt::Debug,
{
    btree_set(element, 0..=most)
        .prop_map(|set| set.into_iter().collect::<Vec<_>>())
        .prop_shuffle()
}
