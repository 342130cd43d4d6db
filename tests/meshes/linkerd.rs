//! Random flags of Linkerd, with random connections.

use ipnet::IpNet;
use netweir::connection::{Connection, Path};
use netweir::intent::Capture;
use netweir::meshes::{Environment, Linkerd, LinkerdFlag};
use netweir::ruleset::End;
use netweir_testkit::effort::effort;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::TestRunner;

use crate::outcomes::{compare, connections, read};
use netweir_testkit::linkerd_rules::{Settings, text};

const PORTS: [&str; 8] = [
    "22",
    "25",
    "80",
    "443",
    "4190",
    "4567-4568",
    "8080",
    "65535",
];
const SINGLE_PORTS: [&str; 5] = ["25", "80", "4567", "8080", "65535"];
const SUBNETS: [&str; 6] = [
    "10.0.0.0/8",
    "10.1.2.3/16",
    "192.168.0.0/16",
    "fd00::/8",
    "fd00::5/64",
    "2001:db8::/32",
];

#[derive(Clone, Debug)]
struct Case {
    settings: Settings,
    ipv6: bool,
}

fn some(pool: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    let texts = subsequence(pool.to_vec(), 0..=3).prop_shuffle();
    let texts = texts.prop_map(|texts| texts.into_iter().map(str::to_owned).collect());
    prop_oneof![1 => Just(Vec::new()), 2 => texts]
}

fn case() -> impl Strategy<Value = Case> {
    let owner = || select(vec![-1, 0, 1, 2102, 4_294_967_294]);
    let ports = Just([4143, 4140, 80]).prop_shuffle();
    (
        (ports, owner(), owner()),
        (some(&SINGLE_PORTS), some(&PORTS), some(&PORTS)),
        (some(&SUBNETS), any::<bool>()),
    )
        .prop_map(
            |((ports, uid, gid), (redirect, inbound_ignore, outbound_ignore), (subnets, ipv6))| {
                Case {
                    settings: Settings {
                        incoming_port: ports[0],
                        outgoing_port: ports[1],
                        uid,
                        gid,
                        redirect,
                        inbound_ignore,
                        outbound_ignore,
                        subnets,
                    },
                    ipv6,
                }
            },
        )
}

/// A capture with every value that can be drawn.
fn everything() -> Capture {
    let mut capture = Capture::default();
    let ports = PORTS.iter().flat_map(|text| text.split('-'));
    let networks = SUBNETS.iter().map(|text| text.parse::<IpNet>().unwrap());
    capture.proxy.uids = vec![0, 1, 2102, 4_294_967_294];
    capture.proxy.gids = capture.proxy.uids.clone();
    capture.outbound.exclude_ports = ports.map(|port| port.parse::<u16>().unwrap()).collect();
    capture.inbound.exclude_sources = networks.collect();
    capture
}

impl Case {
    fn capture(&self) -> Capture {
        let own = &self.settings;
        let list = |entries: &[String]| entries.join(",");
        let flags = [
            (
                LinkerdFlag::IncomingProxyPort,
                own.incoming_port.to_string(),
            ),
            (
                LinkerdFlag::OutgoingProxyPort,
                own.outgoing_port.to_string(),
            ),
            (LinkerdFlag::ProxyUid, own.uid.to_string()),
            (LinkerdFlag::ProxyGid, own.gid.to_string()),
            (LinkerdFlag::PortsToRedirect, list(&own.redirect)),
            (LinkerdFlag::InboundPortsToIgnore, list(&own.inbound_ignore)),
            (
                LinkerdFlag::OutboundPortsToIgnore,
                list(&own.outbound_ignore),
            ),
            (LinkerdFlag::SubnetsToIgnore, list(&own.subnets)),
            (LinkerdFlag::Ipv6, self.ipv6.to_string()),
        ];
        let flags: Vec<_> = flags
            .iter()
            .map(|(flag, text)| (*flag, text.as_str()))
            .collect();
        let request = read::<Linkerd>(&flags, &[]).unwrap();
        request.capture(&Environment::default()).0
    }

    fn text(&self, ipv6: bool) -> String {
        let of_family = |subnet: &String| subnet.contains(':') == ipv6;
        let mut settings = self.settings.clone();
        settings.subnets.retain(of_family);
        text(&settings)
    }
}

/// Whether the kernel can route it so: what arrives by `lo` has left by it before, and loopback addresses use no other
/// interface.
pub(crate) fn is_possible(connection: &Connection) -> bool {
    let to_loopback = connection.addresses.end(End::Destination).is_loopback();
    match &connection.path {
        Path::In { interface } => interface != "lo",
        Path::Out { interface, .. } => interface == "lo" || !to_loopback,
    }
}

#[test]
fn connections_have_the_outcome_of_linkerds_rules() {
    let cases = case().prop_flat_map(|case| {
        let connections = connections(&case.capture(), &everything());
        (Just(case), connections)
    });
    let (mut captured, mut tried) = (0, 0);
    let results = std::cell::RefCell::new((&mut captured, &mut tried));
    TestRunner::new(ProptestConfig {
        cases: effort(150, 150 * 20),
        failure_persistence: None,
        ..ProptestConfig::default()
    })
    .run(&cases, |(case, mut connections)| {
        connections.retain(is_possible);
        let ipv6 = if case.ipv6 {
            case.text(true)
        } else {
            String::new()
        };
        let found = compare(&case.capture(), [&case.text(false), &ipv6], &connections)?;
        let mut results = results.borrow_mut();
        *results.0 += found;
        *results.1 += connections.len();
        Ok(())
    })
    .unwrap();
    assert!(captured * 25 > tried, "{captured} of {tried} captured");
}
