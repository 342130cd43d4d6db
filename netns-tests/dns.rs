//! DNS capture: answers find their way back, whatever ports the queries come from.

mod fakes;

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use ipnet::IpNet;
use netweir::intent::{Capture, Dns, DnsOverTcp, IpRanges, Port, RangeSelection};
use netweir::ruleset::TABLE;

use crate::sandbox::{NetnsTest, PEER, Sandbox, counters, fresh, install, owned_by, run};
use fakes::{BY_PROXY, BY_SERVER, IMPATIENCE, PATIENCE, PROXY, ask, ask_as_proxy, proxy, server};

pub(crate) fn tests() -> Vec<NetnsTest> {
    let mut tests = vec![
        NetnsTest::alone("dns::resolvers-on-loopback-are-captured", || {
            for address in resolvers_on_loopback() {
                resolver_on_loopback_is_captured(address);
            }
        }),
        NetnsTest::new("dns::without-zones-queries-go-astray", |sandbox| {
            without_zones_queries_go_astray(sandbox);
        }),
    ];
    for (name, upstream) in [("ipv4", PEER[0]), ("ipv6", PEER[1])] {
        tests.push(NetnsTest::new(
            format!("dns::no-answer-is-lost-{name}"),
            move |sandbox| no_answer_is_lost(sandbox, upstream),
        ));
    }
    tests.push(NetnsTest::alone(
        "dns::no-answer-is-lost-on-loopback",
        || {
            no_answer_is_lost_on_loopback();
        },
    ));
    tests.push(NetnsTest::alone(
        "dns::no-answer-of-a-translated-server-is-lost",
        no_answer_of_translated_server_is_lost,
    ));
    tests.push(NetnsTest::new(
        "dns::no-answer-to-excluded-queries-is-lost",
        no_answer_to_excluded_queries_is_lost,
    ));
    // The proxy needs an owner of its own.
    tests.into_iter().map(NetnsTest::only_as_root).collect()
}

/// Where the proxy answers; nothing else in the sandbox has the port.
const PROXY_PORT: u16 = 16_053;

const QUERIES: usize = 2_000;

/// A container engine's, a host's, and one of IPv6.
fn resolvers_on_loopback() -> [IpAddr; 3] {
    [
        Ipv4Addr::new(127, 0, 0, 11).into(),
        Ipv4Addr::new(127, 0, 0, 53).into(),
        Ipv6Addr::LOCALHOST.into(),
    ]
}

fn capture(servers: RangeSelection) -> Capture {
    Capture {
        dns: Some(Dns::new(Port::new(PROXY_PORT).expect("not 0"), servers)),
        ..Capture::default()
    }
}

fn only(address: IpAddr) -> RangeSelection {
    RangeSelection::Only(IpRanges::from_iter([IpNet::from(address)]))
}

fn resolver_on_loopback_is_captured(address: IpAddr) {
    fresh();
    let upstream = SocketAddr::new(address, 53);
    let _server = server(upstream);
    let _proxy = proxy(PROXY_PORT, upstream, PATIENCE);
    let own = match address {
        IpAddr::V4(_) => IpAddr::from(Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::from(Ipv6Addr::LOCALHOST),
    };
    let tcp = TcpListener::bind((own, PROXY_PORT)).expect("bind");
    let refuses_tcp = TcpStream::connect(upstream).is_err();
    assert!(
        refuses_tcp,
        "the server at {address} answers over UDP alone"
    );
    for servers in [only(address), RangeSelection::All] {
        install(&capture(servers));
        assert_eq!(
            ask(upstream, b"?", PATIENCE),
            Some([b"?", BY_SERVER, BY_PROXY].concat())
        );
        assert_eq!(
            ask_as_proxy(upstream, b"?"),
            Some([b"?", BY_SERVER].concat())
        );
        let client = TcpStream::connect(upstream).expect("taken by the proxy");
        let (_, from) = tcp.accept().expect("a connection");
        assert_eq!(Ok(from), client.local_addr().map_err(|error| error.kind()));
    }
}

/// The application and the proxy take turns with three ports: soon a query of one has the addresses and ports of
/// an earlier one of the other, which connection tracking still remembers.
fn no_answer_is_lost(sandbox: &Sandbox, upstream: IpAddr) {
    let everywhere = capture(RangeSelection::All);
    let mut over_udp_only = everywhere.clone();
    over_udp_only.dns.as_mut().expect("captured").tcp = DnsOverTcp::Bypass;
    for capture in [capture(only(upstream)), everywhere, over_udp_only] {
        install(&capture);
        let upstream = SocketAddr::new(upstream, 53);
        let (_server, _proxy) = start_across(sandbox, upstream, PATIENCE);
        ask_often(upstream);
        zones_were_set();
    }
}

fn no_answer_is_lost_on_loopback() {
    let upstream = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 53), 53));
    install(&capture(only(upstream.ip())));
    let _server = server(upstream);
    let _proxy = proxy(PROXY_PORT, upstream, PATIENCE);
    ask_often(upstream);
}

/// Docker's server for a container, which has ports of its own: other rules translate them.
fn no_answer_of_translated_server_is_lost() {
    run(
        "nft",
        &["-f", "-"],
        "table ip nat {
            chain output {
                type nat hook output priority -100;
                ip daddr 127.0.0.11 udp dport 53 dnat to 127.0.0.11:59853
                ip daddr 127.0.0.11 tcp dport 53 dnat to 127.0.0.11:44463
            }
            chain postrouting {
                type nat hook postrouting priority srcnat;
                ip saddr 127.0.0.11 udp sport 59853 snat to :53
                ip saddr 127.0.0.11 tcp sport 44463 snat to :53
            }
        }",
    );
    let address = Ipv4Addr::new(127, 0, 0, 11);
    let asked = SocketAddr::from((address, 53));
    let _server = server(SocketAddr::from((address, 59_853)));
    let _proxy = proxy(PROXY_PORT, asked, PATIENCE);
    for servers in [only(address.into()), RangeSelection::All] {
        install(&capture(servers));
        assert_eq!(ask_as_proxy(asked, b"?"), Some([b"?", BY_SERVER].concat()));
        ask_often(asked);
    }
    // Over TCP it depends on the loopback range whether this is a call of the proxy to its own pod.
    let over_tcp = TcpListener::bind((address, 44_463)).expect("bind");
    let whole = Capture {
        loopback_range: "127.0.0.0/8".parse().expect("a range"),
        ..Capture::default()
    };
    for capture in [whole, capture(RangeSelection::All)] {
        install(&capture);
        let client = owned_by(PROXY, || TcpStream::connect(asked)).expect("it is reached");
        let (_, from) = over_tcp.accept().expect("a connection");
        assert_eq!(Ok(from), client.local_addr().map_err(|error| error.kind()));
    }
}

/// An excluded application and the proxy take turns with three ports.
fn no_answer_to_excluded_queries_is_lost(sandbox: &Sandbox) {
    let mut capture = capture(RangeSelection::All);
    capture.outbound.uids.exclude = [1000].into_iter().collect();
    install(&capture);
    let upstream = SocketAddr::new(PEER[0], 53);
    let (_server, _proxy) = start_across(sandbox, upstream, PATIENCE);
    three_local_ports();
    let expected = Some([b"?", BY_SERVER].concat());
    for number in 0..QUERIES {
        assert_eq!(ask(upstream, b"?", PATIENCE), expected, "{number}");
        assert_eq!(ask_as_proxy(upstream, b"?"), expected, "{number}");
    }
}

/// The server in the peer, and the proxy in the pod.
fn start_across(
    sandbox: &Sandbox,
    upstream: SocketAddr,
    patience: Duration,
) -> (fakes::Answering, fakes::Answering) {
    let server = sandbox.within_peer(|| {
        // Its own listener takes everything otherwise.
        run("nft", &["flush", "ruleset"], "");
        server(upstream)
    });
    (server, proxy(PROXY_PORT, upstream, patience))
}

fn three_local_ports() {
    let range = "/proc/sys/net/ipv4/ip_local_port_range";
    fs::write(range, "40000 40002").expect(range);
}

fn ask_often(upstream: SocketAddr) {
    three_local_ports();
    for number in 0..QUERIES {
        let query = format!("query {number}");
        let expected = [query.as_bytes(), BY_SERVER, BY_PROXY].concat();
        let answer = ask(upstream, query.as_bytes(), PATIENCE);
        assert_eq!(answer, Some(expected), "{query} of {QUERIES}");
    }
}

/// Each query was seen by a rule of either zone.
fn zones_were_set() {
    let counted = counters();
    let packets = |rule: &str| {
        let rules = counted.iter().filter(|(id, _)| id.starts_with(rule));
        rules.map(|(_, packets)| *packets).sum::<u64>()
    };
    for rule in ["outbound-raw/zone-proxy-query", "outbound-raw/zone-query"] {
        assert!(packets(rule) >= QUERIES as u64, "{rule}: {}", packets(rule));
    }
}

/// What the zones are for: without them a query is treated as the one before it from the same port.
fn without_zones_queries_go_astray(sandbox: &Sandbox) {
    let upstream = SocketAddr::new(PEER[0], 53);
    install(&capture(RangeSelection::All));
    run(
        "nft",
        &["delete", "chain", "inet", TABLE, "outbound_raw"],
        "",
    );
    let (_server, _proxy) = start_across(sandbox, upstream, IMPATIENCE);
    three_local_ports();
    let expected = Some([b"?", BY_SERVER, BY_PROXY].concat());
    let astray = (0..QUERIES).any(|_| ask(upstream, b"?", IMPATIENCE) != expected);
    assert!(
        astray,
        "all of {QUERIES} queries were answered by the proxy"
    );
}
