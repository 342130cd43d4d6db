//! Random flags of Istio, with random connections.

use std::net::IpAddr;

use ipnet::IpNet;
use netweir::connection::Connection;
use netweir::intent::{Capture, InboundMode, RangeSelection, Tproxy};
use netweir::meshes::{Environment, Istio, IstioFlag};
use netweir_testkit::effort::effort;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::TestRunner;

use crate::outcomes::{compare, connections, read};
use netweir_testkit::istio_rules::{Dns, Settings, text};

const PORTS: [&str; 10] = [
    "22",
    "53",
    "80",
    "443",
    "8000:8010",
    "15001",
    "15006",
    "15008",
    "15020",
    "65535",
];
const CIDRS: [&str; 12] = [
    "10.0.0.0/8",
    "10.1.2.3/16",
    "127.0.0.0/8",
    "127.0.0.5/30",
    "126.0.0.1/7",
    "0.0.0.0/0",
    "192.168.7.9/24",
    "fd00::/8",
    "fd00::5/64",
    "::1/128",
    "::/0",
    "2001:db8::/32",
];
const INTERFACES: [&str; 4] = ["eth0", "eth1", "tun+", "lo"];
const OWNERS: [&str; 5] = ["0", "101", "1337", "1338", "4294967294"];
const GROUPS: [&str; 5] = ["0", "202", "1000-1999", "1337", "4294967294"];
const SERVERS: [&str; 4] = ["10.96.0.10", "127.0.0.11", "fd00:10::a", "::1"];

/// Flags, and where they are given.
#[derive(Clone, Debug)]
struct Case {
    settings: Settings,
    dual_stack: bool,
    addresses: &'static [&'static str],
    /// Whether IPv6 is captured.
    ipv6: bool,
    /// What separates the entries of lists.
    separator: &'static str,
}

fn some(pool: &'static [&'static str], most: usize) -> impl Strategy<Value = Vec<String>> {
    subsequence(pool.to_vec(), 0..=most)
        .prop_shuffle()
        .prop_map(|texts| texts.into_iter().map(str::to_owned).collect())
}

/// Nothing, everything, or some.
fn selection(pool: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    prop_oneof![
        1 => Just(Vec::new()),
        3 => Just(vec!["*".to_owned()]),
        2 => some(pool, 4),
    ]
}

/// Often nothing, so that connections reach later rules.
fn few(pool: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    prop_oneof![3 => Just(Vec::new()), 2 => some(pool, 3)]
}

fn proxy() -> impl Strategy<Value = Settings> {
    let ports = Just([15001, 15006, 15008, 4143, 53]).prop_shuffle();
    let uids = prop_oneof![2 => Just(vec!["1337".to_owned()]), 1 => some(&OWNERS, 3)];
    let gids = prop_oneof![2 => Just(vec!["1337".to_owned()]), 1 => some(&OWNERS, 3)];
    (ports, uids, gids)
        .prop_filter("no owner", |(_, uids, gids)| {
            !(uids.is_empty() || gids.is_empty())
        })
        .prop_map(|([outbound, inbound, tunnel, ..], uids, gids)| Settings {
            outbound_port: outbound,
            inbound_port: inbound,
            tunnel_port: tunnel,
            uids,
            gids,
            ..Settings::default()
        })
}

fn dns() -> impl Strategy<Value = Dns> {
    prop_oneof![
        2 => Just(Dns::Off),
        1 => Just(Dns::All),
        2 => some(&SERVERS, 3).prop_map(Dns::Servers),
    ]
}

fn settings() -> impl Strategy<Value = Settings> {
    let inbound = (selection(&PORTS), few(&PORTS), any::<bool>());
    let outbound = (selection(&CIDRS), few(&CIDRS), few(&PORTS), few(&PORTS));
    let interfaces = (few(&INTERFACES), few(&INTERFACES));
    let groups = (option::weighted(0.2, some(&GROUPS, 3)), few(&GROUPS));
    let others = (
        select(vec!["127.0.0.1/32", "127.0.0.0/8", "127.0.0.1/30"]),
        any::<bool>(),
        dns(),
        select(vec![1337, 1338, 7]),
    );
    (proxy(), inbound, outbound, interfaces, groups, others).prop_map(
        |(proxy, inbound, outbound, interfaces, groups, others)| Settings {
            inbound_ports: inbound.0,
            inbound_exclude: inbound.1,
            tproxy: inbound.2,
            ranges: outbound.0,
            ranges_exclude: outbound.1,
            ports: outbound.2,
            ports_exclude: outbound.3,
            interfaces_exclude: interfaces.0,
            interfaces_reroute: interfaces.1,
            groups: groups.0,
            groups_exclude: groups.1,
            loopback: others.0.to_owned(),
            drop_invalid: others.1,
            dns: others.2,
            mark: others.3,
            ..proxy
        },
    )
}

fn case() -> impl Strategy<Value = Case> {
    let pods = select(vec![
        (
            &["127.0.0.1", "10.0.0.2", "::1", "fe80::1"][..],
            true,
            false,
        ),
        (&["127.0.0.1", "10.0.0.2", "::1", "fd00::2"], false, false),
        (&["127.0.0.1", "10.0.0.2", "::1", "fd00::2"], true, true),
        (&["127.0.0.1", "10.0.0.2", "::1", "fd00::2"], true, true),
        (&["127.0.0.1", "::1", "fd00::2"], false, true),
    ]);
    let separator = select(vec![",", ", ", ",,"]);
    (settings(), pods, separator).prop_map(
        |(settings, (addresses, dual_stack, ipv6), separator)| Case {
            settings,
            dual_stack,
            addresses,
            ipv6,
            separator,
        },
    )
}

/// A capture with every value that can be drawn.
fn everything() -> Capture {
    let mut capture = Capture::default();
    let ids = |texts: &[&str]| -> Vec<u32> {
        let ends = texts.iter().flat_map(|text| text.split('-'));
        ends.map(|id| id.parse().unwrap()).collect()
    };
    let networks = CIDRS.iter().map(|text| text.parse().unwrap());
    let ports = PORTS.iter().flat_map(|text| text.split(':'));
    let ports = ports.map(|port| port.parse::<u16>().unwrap());
    let servers = SERVERS.iter().map(|text| text.parse::<IpAddr>().unwrap());
    capture.proxy.uids = ids(&OWNERS);
    capture.proxy.gids = ids(&OWNERS).into_iter().chain(ids(&GROUPS)).collect();
    capture.inbound.mode = InboundMode::Tproxy(Tproxy {
        mark: 7,
        outbound_mark: 1338,
        table: 133,
    });
    capture.exclude_interfaces = INTERFACES.map(|name| name.parse().unwrap()).to_vec();
    capture.outbound.exclude_ports = ports.collect();
    // Each is as likely as all ranges together otherwise.
    capture.outbound.exclude_ranges = networks
        .map(|network: IpNet| IpNet::from(network.addr()))
        .collect();
    capture.dns = Some(netweir::intent::Dns::new(
        capture.proxy.outbound_port,
        RangeSelection::Only(servers.map(IpNet::from).collect()),
    ));
    capture
}

impl Case {
    fn capture(&self) -> Capture {
        let own = &self.settings;
        let mut flags = own.flags(self.separator);
        flags.push((IstioFlag::DualStack, self.dual_stack.to_string()));
        let variables = own.variables(self.separator);
        let flags: Vec<_> = flags
            .iter()
            .map(|(flag, text)| (*flag, text.as_str()))
            .collect();
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, text)| (*name, text.as_str()))
            .collect();
        let request = read::<Istio>(&flags, &variables).unwrap();
        let addresses = self.addresses.iter().map(|text| text.parse().unwrap());
        let environment = Environment {
            addresses: addresses.collect(),
            resolv_conf: own.resolv_conf(),
        };
        request.capture(&environment).0
    }
}

#[test]
fn connections_have_the_outcome_of_istios_rules() {
    let cases = case().prop_flat_map(|case| {
        let capture = case.capture();
        (Just(case), connections(&capture, &everything()))
    });
    let (mut captured, mut tried) = (0, 0);
    let results = std::cell::RefCell::new((&mut captured, &mut tried));
    TestRunner::new(ProptestConfig {
        cases: effort(300, 300 * 20),
        failure_persistence: None,
        ..ProptestConfig::default()
    })
    .run(&cases, |(case, connections): (Case, Vec<Connection>)| {
        let ipv6 = if case.ipv6 {
            text(&case.settings, true)
        } else {
            String::new()
        };
        let ipv4 = text(&case.settings, false);
        let found = compare(&case.capture(), [&ipv4, &ipv6], &connections)?;
        let mut results = results.borrow_mut();
        *results.0 += found;
        *results.1 += connections.len();
        Ok(())
    })
    .unwrap();
    assert!(captured * 15 > tried, "{captured} of {tried} captured");
}
