//! Random flags of Consul, with random connections.

use ipnet::IpNet;
use netweir::intent::{Capture, Dns, Port, RangeSelection};
use netweir::meshes::{Consul, ConsulFlag, Environment, Notice};
use netweir_testkit::consul_rules::{Settings, text};
use netweir_testkit::effort::effort;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::TestRunner;

use crate::linkerd::is_possible;
use crate::outcomes::{compare, connections, read};

const PORTS: [&str; 6] = ["22", "53", "80", "443", "8300:8302", "60000:65535"];
const CIDRS: [&str; 6] = [
    "10.0.0.0/8",
    "10.1.2.3/16",
    "192.168.0.9",
    "fd00::/8",
    "fd00::5/64",
    "2001:db8::7",
];
const UIDS: [&str; 4] = ["0", "5996", "100-200", "4294967294"];
const ADDRESSES: [&str; 8] = [
    "",
    "127.0.0.1",
    "127.0.0.2",
    "10.96.0.10",
    "",
    "::1",
    "fd00:10::a",
    "2001:db8::53",
];

#[derive(Clone, Debug)]
struct Case {
    settings: Settings,
    dual_stack: bool,
}

fn some(pool: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    let texts = subsequence(pool.to_vec(), 0..=3).prop_shuffle();
    let texts = texts.prop_map(|texts| texts.into_iter().map(str::to_owned).collect());
    prop_oneof![1 => Just(Vec::new()), 2 => texts]
}

fn case() -> impl Strategy<Value = Case> {
    let ports = Just([20_000, 15_001, 80]).prop_shuffle();
    (
        (ports, select(vec!["0", "101", "5995"]), any::<bool>()),
        (0..4_usize, select(vec![0, 8600, 53])),
        (some(&PORTS), some(&PORTS), some(&CIDRS), some(&UIDS)),
    )
        .prop_map(
            |((ports, uid, dual_stack), (address, dns_port), (inbound, outbound, cidrs, uids))| {
                let address = address + if dual_stack { 4 } else { 0 };
                Case {
                    settings: Settings {
                        dns_address: ADDRESSES[address].to_owned(),
                        dns_port,
                        uid: uid.to_owned(),
                        inbound_port: ports[0],
                        outbound_port: ports[1],
                        exclude_inbound_ports: inbound,
                        exclude_outbound_ports: outbound,
                        exclude_outbound_cidrs: cidrs,
                        exclude_uids: uids,
                    },
                    dual_stack,
                }
            },
        )
}

/// A capture with every value that can be drawn.
fn everything() -> Capture {
    let mut capture = Capture::default();
    let ports = [22_u16, 53, 80, 443, 8300, 8302, 60_000];
    let network = |text: &&str| {
        let address = || text.parse::<std::net::IpAddr>().unwrap().into();
        text.parse::<IpNet>().unwrap_or_else(|_| address())
    };
    capture.proxy.uids = vec![0, 101, 5995, 5996, 100, 200, 4_294_967_294];
    capture.outbound.exclude_ports = ports.into_iter().collect();
    capture.outbound.exclude_ranges = CIDRS.iter().map(network).collect();
    let servers = ADDRESSES.iter().filter(|text| !text.is_empty());
    let servers = RangeSelection::Only(servers.map(network).collect());
    capture.dns = Some(Dns::new(Port::new(8600).unwrap(), servers));
    capture
}

impl Case {
    fn capture(&self) -> Capture {
        let own = &self.settings;
        let flags = [
            (ConsulFlag::ConsulDnsIp, own.dns_address.clone()),
            (ConsulFlag::ConsulDnsPort, own.dns_port.to_string()),
            (ConsulFlag::ProxyUid, own.uid.clone()),
            (ConsulFlag::ProxyInboundPort, own.inbound_port.to_string()),
            (ConsulFlag::ProxyOutboundPort, own.outbound_port.to_string()),
            (
                ConsulFlag::ExcludeInboundPort,
                own.exclude_inbound_ports.join(";"),
            ),
            (
                ConsulFlag::ExcludeOutboundPort,
                own.exclude_outbound_ports.join(";"),
            ),
            (
                ConsulFlag::ExcludeOutboundCidr,
                own.exclude_outbound_cidrs.join(";"),
            ),
            (ConsulFlag::ExcludeUid, own.exclude_uids.join(";")),
        ];
        let flags = flags.iter().map(|(flag, text)| (*flag, text.as_str()));
        let flags: Vec<_> = flags.collect();
        let dual_stack = self.dual_stack.to_string();
        let request = read::<Consul>(&flags, &[("CONSUL_DUAL_STACK", &dual_stack)]);
        request.unwrap().capture(&Environment::default()).0
    }
}

#[test]
fn connections_have_the_outcome_of_consuls_rules() {
    let cases = case().prop_flat_map(|case| {
        let connections = connections(&case.capture(), &everything());
        (Just(case), connections)
    });
    let (mut captured, mut tried) = (0, 0);
    let results = std::cell::RefCell::new((&mut captured, &mut tried));
    TestRunner::new(ProptestConfig {
        cases: effort(200, 200 * 50),
        failure_persistence: None,
        ..ProptestConfig::default()
    })
    .run(&cases, |(case, mut connections)| {
        connections.retain(is_possible);
        let ipv6 = if case.dual_stack {
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
    assert!(captured * 25 > tried, "{captured} of {tried} captured");
}

#[test]
fn flags_of_the_http_client_are_accepted_with_a_message_each() {
    let flags = [
        (ConsulFlag::ProxyUid, "envoy"),
        (ConsulFlag::ProxyInboundPort, "20000"),
        (ConsulFlag::HttpAddr, "http://127.0.0.1:8500"),
        (ConsulFlag::Token, "secret"),
        (ConsulFlag::Partition, "default"),
    ];
    let request = read::<Consul>(&flags, &[]).unwrap();
    let messages = request.notices.iter().map(|notice| match notice {
        Notice::Info(text) => text.as_str(),
        other => panic!("{other}"),
    });
    let messages: Vec<_> = messages.collect();
    let of = |flag: &str| format!("--{flag}: ignored: not used, since Consul's agent is not asked");
    assert_eq!(messages, ["http-addr", "token", "partition"].map(of));
}
