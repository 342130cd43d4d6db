//! The matrix of attempts: owners, sources, destinations, ports, protocols, families and directions, including the
//! capture's own values and those next to them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use netweir::connection::Owner;
use netweir::explain::Verdict;
use netweir::intent::{
    Bound, Capture, DNS_PORT, Family, InboundMode, InboundPorts, Interval, Intervals, IpRanges,
    Protocol, RangeSelection,
};

use crate::sandbox::{
    Attempt, BEYOND_POD, Direction, PEER, PEER_SECOND, POD, POD_PORTS, POD_SECOND, is_of_pod,
};
use netweir_testkit::decision_tables;

/// All connections to attempt under the capture.
pub(crate) fn matrix(capture: &Capture) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    for (source, destination) in outbound_addresses(capture) {
        for (protocol, port) in ports(capture) {
            for owner in owners(capture) {
                attempts.push(Attempt {
                    direction: Direction::Out,
                    protocol,
                    owner,
                    source,
                    destination: SocketAddr::new(destination, port),
                    mark: 0,
                });
            }
        }
    }
    for (source, destination) in inbound_addresses(capture) {
        for (protocol, port) in ports(capture) {
            attempts.push(Attempt {
                direction: Direction::In,
                protocol,
                owner: ROOT,
                source,
                destination: SocketAddr::new(destination, port),
                mark: 0,
            });
        }
    }
    attempts.extend(through_pod(capture));
    attempts.extend(forwarded(capture));
    attempts.retain(|attempt| is_routed(capture, attempt));
    attempts
}

/// Whether there is a route to where the connection goes: from loopback and the passthrough sources, there is none to
/// another host, to which rules may send DNS queries.
pub(super) fn is_routed(capture: &Capture, attempt: &Attempt) -> bool {
    let to = attempt.destination;
    let server = capture.dns.as_ref().and_then(|dns| dns.to);
    let is_elsewhere = server.is_some_and(|server| !server.is_loopback());
    let from_here = to.ip().is_loopback() || attempt.source.is_some();
    !(is_elsewhere && from_here && to.port() == DNS_PORT.number())
}

/// Connections of a virtual machine or network behind the pod. Captured ones only, since the pod forwards nothing.
fn through_pod(capture: &Capture) -> Vec<Attempt> {
    let ports = ports(capture);
    let pairs = BEYOND_POD
        .into_iter()
        .flat_map(|to| ports.iter().map(move |port| (to, *port)));
    let attempts = pairs.map(|(to, (protocol, port))| Attempt {
        direction: Direction::In,
        protocol,
        owner: ROOT,
        source: None,
        destination: SocketAddr::new(to, port),
        mark: 0,
    });
    let is_redirected = |attempt: &Attempt| {
        let connection = attempt.connection(attempt.likely_source());
        let expected = decision_tables::expected(capture, &connection);
        matches!(expected.verdict, Verdict::Redirect(_))
    };
    attempts.filter(is_redirected).collect()
}

/// In tproxy mode a proxy calls its application from the client's address, with the mark. By the tables its calls over
/// `lo` are captured again, unless it is another user than the proxy's, of its group, or the port is excluded for it.
fn forwarded(capture: &Capture) -> Vec<Attempt> {
    const APP_PORTS: [u16; 3] = [22, 80, 8080];
    let (proxy, outbound) = (&capture.proxy, &capture.outbound);
    let (InboundMode::Tproxy(tproxy), Some(&uid), Some(&gid)) =
        (capture.inbound.mode, proxy.uids.first(), proxy.gids.first())
    else {
        return Vec::new();
    };
    let excluded = outbound.exclude_ports_for_uids.iter().any(|exclusion| {
        exclusion.protocol != Some(Protocol::Udp)
            && exclusion.uids.contains(uid)
            && APP_PORTS.iter().all(|&port| exclusion.ports.contains(port))
    });
    let mut owners = Vec::new();
    if !outbound.capture_over_loopback {
        owners.push(Owner { uid: 0, gid });
    }
    if excluded {
        owners.push(Owner { uid, gid });
    }
    let mut attempts = Vec::new();
    for to in POD {
        if !capture.families.contains(family_of(to)) {
            continue;
        }
        for (port, &owner) in APP_PORTS
            .into_iter()
            .flat_map(|port| owners.iter().map(move |owner| (port, owner)))
        {
            attempts.push(Attempt {
                direction: Direction::Out,
                protocol: Protocol::Tcp,
                owner,
                source: of_family(PEER, to),
                destination: SocketAddr::new(to, port),
                mark: tproxy.mark,
            });
        }
    }
    attempts
}

fn of_family(addresses: [IpAddr; 2], other: IpAddr) -> Option<IpAddr> {
    let mut addresses = addresses.into_iter();
    addresses.find(|address| address.is_ipv4() == other.is_ipv4())
}

const ROOT: Owner = Owner { uid: 0, gid: 0 };

fn owners(capture: &Capture) -> Vec<Owner> {
    let outbound = &capture.outbound;
    let proxy = &capture.proxy;
    let mut uids = vec![&outbound.uids.exclude];
    uids.extend(&outbound.uids.include);
    uids.extend(outbound.exclude_ports_for_uids.iter().map(|own| &own.uids));
    let uids = proxy
        .uids
        .iter()
        .copied()
        .chain(uids.into_iter().flat_map(edges));
    let mut gids = vec![&outbound.gids.exclude];
    gids.extend(&outbound.gids.include);
    let gids = proxy
        .gids
        .iter()
        .copied()
        .chain(gids.into_iter().flat_map(edges));
    let mut owners = vec![
        ROOT,
        APP,
        Owner {
            uid: 1337,
            gid: 1337,
        },
    ];
    owners.extend(uids.map(|uid| Owner { uid, ..APP }));
    owners.extend(gids.map(|gid| Owner { gid, ..APP }));
    // -1 is no id.
    owners.retain(|owner| owner.uid != u32::MAX && owner.gid != u32::MAX);
    distinct(owners)
}

const APP: Owner = Owner {
    uid: 1000,
    gid: 1000,
};

/// The usual ports of applications, and those of the capture. TCP only where nothing listens, because a refused
/// datagram cannot be recognised reliably.
fn ports(capture: &Capture) -> Vec<(Protocol, u16)> {
    let (InboundPorts::AllExcept(inbound) | InboundPorts::Only(inbound)) = &capture.inbound.ports;
    let outbound = &capture.outbound;
    let mut sets = vec![inbound, &outbound.exclude_ports, &outbound.include_ports];
    sets.extend(outbound.exclude_ports_for_uids.iter().map(|own| &own.ports));
    let usual = [22, 53, 80, 443, 8080, 15_001, 15_006, 15_008];
    let ports = distinct(usual.into_iter().chain(sets.into_iter().flat_map(edges)));
    let tcp = ports.iter().map(|&port| (Protocol::Tcp, port));
    let udp = ports
        .iter()
        .filter(|&port| [53, 80].contains(port) || capture.outbound.exclude_ports.contains(*port));
    let udp = udp
        .filter(|port| POD_PORTS.contains(port))
        .map(|&port| (Protocol::Udp, port));
    tcp.chain(udp).filter(|&(_, port)| port != 0).collect()
}

/// Sources and destinations of outbound attempts.
fn outbound_addresses(capture: &Capture) -> Vec<(Option<IpAddr>, IpAddr)> {
    let outbound = &capture.outbound;
    let mut ranges = vec![&outbound.exclude_ranges, &outbound.exclude_ranges_first];
    ranges.extend(only(&outbound.include_ranges));
    ranges.extend(capture.dns.iter().filter_map(|dns| only(&dns.servers)));
    let far = ["10.9.8.7", "fd09::7"].map(|address| address.parse().expect("an address"));
    let own = [
        POD[0],
        POD[1],
        POD_SECOND[0],
        IpAddr::from(Ipv4Addr::LOCALHOST),
        IpAddr::from([127, 0, 0, 2]),
        IpAddr::from(Ipv6Addr::LOCALHOST),
    ];
    let named = ranges.into_iter().flat_map(addresses).filter(is_unicast);
    let usual = far.into_iter().chain(PEER).chain(PEER_SECOND).chain(own);
    let mut pairs: Vec<_> = usual.chain(named).map(|to| (None, to)).collect();
    let ipv4 = capture.passthrough.ipv4.iter().copied().map(IpAddr::from);
    let ipv6 = capture.passthrough.ipv6.iter().copied().map(IpAddr::from);
    // The passthrough source is on no interface in a family that is not captured.
    let sources = ipv4
        .chain(ipv6)
        .filter(|&source| capture.families.contains(family_of(source)));
    for source in sources {
        let same = own
            .into_iter()
            .filter(|to| to.is_ipv4() == source.is_ipv4());
        pairs.extend(same.map(|to| (Some(source), to)));
    }
    distinct(pairs)
}

const fn family_of(address: IpAddr) -> Family {
    match address {
        IpAddr::V4(_) => Family::Ipv4,
        IpAddr::V6(_) => Family::Ipv6,
    }
}

/// Sources and destinations of inbound attempts.
fn inbound_addresses(capture: &Capture) -> Vec<(Option<IpAddr>, IpAddr)> {
    let named: Vec<_> = addresses(&capture.inbound.exclude_sources)
        .into_iter()
        .filter(|source| is_unicast(source) && !is_of_pod(*source))
        .collect();
    let mut pairs = Vec::new();
    for pod in POD.into_iter().chain(POD_SECOND) {
        pairs.push((None, pod));
        let same = named
            .iter()
            .filter(|source| source.is_ipv4() == pod.is_ipv4());
        pairs.extend(same.map(|&source| (Some(source), pod)));
    }
    distinct(pairs)
}

/// Whether a connection can use the address: in the links' own networks, only those that are assigned.
fn is_unicast(address: &IpAddr) -> bool {
    let on_link = match address {
        IpAddr::V4(own) => matches!(own.octets(), [10, 1 | 2, 0, _]),
        IpAddr::V6(own) => matches!(own.segments(), [0xfd01 | 0xfd02, 0, 0, 0, ..]),
    };
    let in_use = match address {
        IpAddr::V4(own) => own.octets()[0] == 10,
        IpAddr::V6(own) => own.segments()[0] & 0xff00 == 0xfd00,
    };
    let ends = POD
        .iter()
        .chain(&POD_SECOND)
        .chain(&PEER)
        .chain(&PEER_SECOND);
    in_use && (!on_link || ends.into_iter().any(|end| end == address))
}

fn only(selection: &RangeSelection) -> Option<&IpRanges> {
    match selection {
        RangeSelection::All => None,
        RangeSelection::Only(ranges) => Some(ranges),
    }
}

fn addresses(ranges: &IpRanges) -> Vec<IpAddr> {
    let ipv4 = edges(&ranges.ipv4).into_iter().map(IpAddr::from);
    let ipv6 = edges(&ranges.ipv6).into_iter().map(IpAddr::from);
    ipv4.chain(ipv6).collect()
}

/// The first and the last value of every interval, and those just outside.
fn edges<T: Bound>(intervals: &Intervals<T>) -> Vec<T> {
    let around = |interval: &Interval<T>| {
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

fn distinct<T: PartialEq>(values: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut distinct = Vec::new();
    for value in values {
        if !distinct.contains(&value) {
            distinct.push(value);
        }
    }
    distinct
}
