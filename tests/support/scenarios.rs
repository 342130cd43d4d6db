//! Named captures, one for each way to use the program.

use ipnet::IpNet;
use netweir::intent::{
    Bound, Capture, Dns, Families, Family, InboundMode, InboundPorts, InterfacePattern, Interval,
    Intervals, IpRanges, OwnerSelection, Port, PortsForUids, Protocol, RangeSelection, Tproxy,
};

/// All scenarios by name.
pub(crate) fn scenarios() -> Vec<(&'static str, Capture)> {
    vec![
        ("defaults", Capture::default()),
        (
            "ipv4-only",
            with(|capture| capture.families = Families::Only(Family::Ipv4)),
        ),
        (
            "ipv6-only",
            with(|capture| capture.families = Families::Only(Family::Ipv6)),
        ),
        ("listed-ports", with(listed_ports)),
        ("excluded-ports", with(excluded_ports)),
        ("included-ranges", with(included_ranges)),
        ("excluded-ranges", with(excluded_ranges)),
        ("excluded-owners", with(excluded_owners)),
        ("included-owners", with(included_owners)),
        ("several-proxies", with(several_proxies)),
        ("interfaces", with(interfaces)),
        ("nothing", with(nothing)),
        ("drop-invalid", with(|capture| capture.drop_invalid = true)),
        ("ports-of-uids", with(ports_of_uids)),
        ("tproxy", with(tproxy)),
        ("tproxy-listed-ports", with(tproxy_listed_ports)),
        (
            "dns-all",
            with(|capture| capture.dns = Some(dns(RangeSelection::All))),
        ),
        ("dns-resolvers", with(dns_resolvers)),
        ("reroute", with(reroute)),
    ]
}

fn with(change: impl FnOnce(&mut Capture)) -> Capture {
    let mut capture = Capture::default();
    change(&mut capture);
    capture
}

fn listed_ports(capture: &mut Capture) {
    capture.inbound.ports = InboundPorts::Only(intervals(&[(80, 80), (8000, 8999)]));
    capture.outbound.include_ranges = RangeSelection::Only(IpRanges::default());
    capture.outbound.include_ports = intervals(&[(443, 443), (9000, 9099)]);
}

fn excluded_ports(capture: &mut Capture) {
    let probes = intervals(&[(15_020, 15_021), (15_090, 15_090)]);
    capture.inbound.ports = InboundPorts::AllExcept(probes);
    capture.outbound.exclude_ports = intervals(&[(22, 22), (3306, 3306), (6379, 6380)]);
}

fn included_ranges(capture: &mut Capture) {
    let ranges = ranges(&["10.0.0.0/8", "192.0.2.1/32", "192.0.2.2/31", "fd00::/8"]);
    capture.outbound.include_ranges = RangeSelection::Only(ranges);
    capture.outbound.exclude_ranges = self::ranges(&["10.9.0.0/16"]);
}

fn excluded_ranges(capture: &mut Capture) {
    capture.inbound.exclude_sources = ranges(&["10.0.0.0/24", "fd00::1/128"]);
    capture.outbound.exclude_ranges = ranges(&[
        "169.254.169.254/32",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "198.51.100.7/32",
        "198.51.100.8/32",
        "fe80::/10",
        "2001:db8::/32",
    ]);
}

fn excluded_owners(capture: &mut Capture) {
    capture.outbound.uids.exclude = intervals(&[(0, 0), (2000, 2999), (4_294_967_294, u32::MAX)]);
    capture.outbound.gids.exclude = intervals(&[(3000, 3000)]);
}

fn included_owners(capture: &mut Capture) {
    let include = |owners: &[(u32, u32)]| OwnerSelection {
        include: Some(intervals(owners)),
        exclude: Intervals::default(),
    };
    capture.outbound.uids = include(&[(1000, 1999), (70_000, 70_000)]);
    capture.outbound.gids = include(&[(100, 100)]);
    capture.outbound.gids.exclude = intervals(&[(101, 101)]);
}

fn several_proxies(capture: &mut Capture) {
    capture.proxy.uids = vec![1337, 1338];
    capture.proxy.gids = vec![2000];
    capture.proxy.tunnel_port = None;
    capture.outbound.capture_over_loopback = true;
}

fn interfaces(capture: &mut Capture) {
    capture.exclude_interfaces = vec![
        InterfacePattern::Name("net1".to_owned()),
        InterfacePattern::Prefix("cali".to_owned()),
    ];
}

/// Neither direction.
fn nothing(capture: &mut Capture) {
    capture.inbound.ports = InboundPorts::Only(Intervals::default());
    capture.outbound.include_ranges = RangeSelection::Only(IpRanges::default());
}

fn ports_of_uids(capture: &mut Capture) {
    capture.outbound.exclude_ports_for_uids = vec![
        PortsForUids {
            protocol: Some(Protocol::Tcp),
            ports: intervals(&[(53, 53), (8000, 8010)]),
            uids: intervals(&[(1000, 1000), (2000, 2005)]),
        },
        PortsForUids {
            protocol: None,
            ports: intervals(&[(9000, 9000)]),
            uids: intervals(&[(0, 0)]),
        },
    ];
    capture.dns = Some(dns(RangeSelection::All));
}

fn tproxy(capture: &mut Capture) {
    capture.inbound.mode = InboundMode::Tproxy(Tproxy {
        mark: 1337,
        outbound_mark: 1338,
        table: 133,
    });
}

fn tproxy_listed_ports(capture: &mut Capture) {
    tproxy(capture);
    capture.inbound.ports = InboundPorts::Only(intervals(&[(80, 80), (8000, 8999)]));
    capture.drop_invalid = true;
}

fn dns_resolvers(capture: &mut Capture) {
    let servers = ranges(&["10.96.0.10/32", "127.0.0.53/32", "fd00::a/128"]);
    capture.dns = Some(dns(RangeSelection::Only(servers)));
}

/// A virtual machine behind a tap interface.
fn reroute(capture: &mut Capture) {
    capture.inbound.reroute_interfaces = vec![
        InterfacePattern::Name("tap0".to_owned()),
        InterfacePattern::Prefix("k6t-".to_owned()),
    ];
    capture.outbound.include_ranges = RangeSelection::Only(ranges(&["10.0.0.0/8"]));
}

fn dns(servers: RangeSelection) -> Dns {
    let port = Port::new(15_053).expect("not 0");
    Dns { port, servers }
}

fn intervals<T: Bound>(pairs: &[(T, T)]) -> Intervals<T> {
    pairs
        .iter()
        .map(|&(first, last)| Interval::between(first, last))
        .collect()
}

fn ranges(nets: &[&str]) -> IpRanges {
    nets.iter()
        .map(|net| net.parse::<IpNet>().expect("a network"))
        .collect()
}
