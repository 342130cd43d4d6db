//! Random configurations of Kuma's, as flags, variables and files, with random connections.

use std::cell::RefCell;
use std::net::IpAddr;

use ipnet::IpNet;
use netweir::connection::{Connection, End, Path, Transport};
use netweir::intent::{Capture, RangeSelection, VirtualNetwork, VirtualNetworks};
use netweir::meshes::{CompatCommand, Environment, Kuma, KumaFlag, Request};
use netweir::options::{Files, OptionSet, OptionValues, Origin};
use netweir_testkit::effort::effort;
use netweir_testkit::kuma_rules::{Dns, Flow, Settings, text};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::TestRunner;

use crate::outcomes::{SomeNames, compare, connections};

const PORTS: [u16; 7] = [22, 53, 80, 443, 8080, 15053, 65535];
const ADDRESSES: [&str; 8] = [
    "10.0.0.1",
    "10.1.2.3/16",
    "127.0.0.0/8",
    "192.168.0.0/16",
    "fd00::1",
    "fd00::5/64",
    "::1",
    "2001:db8::/32",
];
const FOR_UIDS: [&str; 8] = [
    "0",
    "106-108",
    "443:5678",
    "80,8000-8010:101",
    "tcp:*:200",
    "udp:53:5678",
    "*:53:106",
    "udp::101-102",
];
const SERVERS: [&str; 4] = ["10.96.0.10", "127.0.0.11", "fd00:10::a", "::1"];
const NETWORKS: [&str; 4] = [
    "docker0:172.17.0.0/16",
    "br+:10.0.0.1/8",
    "docker0:fd00::/64",
    "eth1:2001:db8::/32",
];

fn some<T: Clone + std::fmt::Debug + 'static>(
    pool: &[T],
) -> impl Strategy<Value = Vec<T>> + use<T> {
    let some = subsequence(pool.to_vec(), 0..=3).prop_shuffle();
    prop_oneof![2 => Just(Vec::new()), 2 => some]
}

fn texts(pool: &[&'static str]) -> impl Strategy<Value = Vec<String>> + use<> {
    some(pool).prop_map(|texts| texts.into_iter().map(str::to_owned).collect())
}

fn flow(port: u16) -> impl Strategy<Value = Flow> {
    let enabled = prop_oneof![4 => Just(true), 1 => Just(false)];
    let include = prop_oneof![3 => Just(Vec::new()), 1 => some(&PORTS)];
    (enabled, include, some(&PORTS), texts(&ADDRESSES)).prop_map(
        move |(enabled, include, exclude, addresses)| Flow {
            enabled,
            port,
            include,
            exclude,
            addresses,
        },
    )
}

fn settings() -> impl Strategy<Value = Settings> {
    let servers = some(&SERVERS).prop_map(|texts| {
        let servers = texts.iter().map(|text| text.parse().unwrap());
        Dns::Servers(servers.collect())
    });
    let dns = prop_oneof![1 => Just(Dns::Off), 1 => Just(Dns::All), 2 => servers];
    (
        (flow(15006), flow(15001), texts(&FOR_UIDS), any::<bool>()),
        (dns, any::<bool>(), texts(&NETWORKS), any::<bool>()),
        select(vec![5678, 0, 65535]),
    )
        .prop_map(
            |((inbound, outbound, for_uids, insert), (dns, zones, networks, drop_invalid), uid)| {
                Settings {
                    uid,
                    inbound,
                    outbound,
                    for_uids,
                    insert,
                    dns,
                    dns_port: 15053,
                    zones,
                    networks,
                    drop_invalid,
                }
            },
        )
}

/// The settings by path in Kuma's configuration, flag, and value; lists have their entries.
fn fields(own: &Settings) -> Vec<(&'static str, KumaFlag, Vec<String>)> {
    let ports = |ports: &[u16]| ports.iter().map(ToString::to_string).collect();
    let on = |on: bool| vec![on.to_string()];
    let mut fields = vec![
        (
            "kumaDPUser",
            KumaFlag::KumaDpUser,
            vec![own.uid.to_string()],
        ),
        (
            "redirect.inbound.enabled",
            KumaFlag::RedirectInbound,
            on(own.inbound.enabled),
        ),
        (
            "redirect.outbound.enabled",
            KumaFlag::RedirectOutbound,
            on(own.outbound.enabled),
        ),
        (
            "redirect.inbound.includePorts",
            KumaFlag::IncludeInboundPorts,
            ports(&own.inbound.include),
        ),
        (
            "redirect.outbound.includePorts",
            KumaFlag::IncludeOutboundPorts,
            ports(&own.outbound.include),
        ),
        (
            "redirect.inbound.excludePorts",
            KumaFlag::ExcludeInboundPorts,
            ports(&own.inbound.exclude),
        ),
        (
            "redirect.outbound.excludePorts",
            KumaFlag::ExcludeOutboundPorts,
            ports(&own.outbound.exclude),
        ),
        (
            "redirect.inbound.excludePortsForIPs",
            KumaFlag::ExcludeInboundIps,
            own.inbound.addresses.clone(),
        ),
        (
            "redirect.outbound.excludePortsForIPs",
            KumaFlag::ExcludeOutboundIps,
            own.outbound.addresses.clone(),
        ),
        (
            "redirect.outbound.excludePortsForUIDs",
            KumaFlag::ExcludeOutboundPortsForUids,
            own.for_uids.clone(),
        ),
        (
            "redirect.outbound.insertRedirectInsteadOfAppend",
            KumaFlag::OutboundInsert,
            on(own.insert),
        ),
        (
            "redirect.dns.skipConntrackZoneSplit",
            KumaFlag::SkipZones,
            on(!own.zones),
        ),
        (
            "redirect.vnet.networks",
            KumaFlag::Vnet,
            own.networks.clone(),
        ),
        (
            "dropInvalidPackets",
            KumaFlag::DropInvalidPackets,
            on(own.drop_invalid),
        ),
    ];
    match own.dns {
        Dns::Off => {}
        Dns::All => fields.push((
            "redirect.dns.captureAll",
            KumaFlag::RedirectAllDnsTraffic,
            on(true),
        )),
        Dns::Servers(_) => {
            fields.push(("redirect.dns.enabled", KumaFlag::RedirectDns, on(true)));
        }
    }
    fields.retain(|(.., entries)| !entries.is_empty());
    fields
}

/// The configuration file, and resolv.conf.
struct TwoFiles {
    config: String,
    resolv_conf: String,
}

impl Files for TwoFiles {
    fn read(&self, name: &str) -> Result<String, String> {
        match name {
            "config.yaml" => Ok(self.config.clone()),
            "/etc/resolv.conf" => Ok(self.resolv_conf.clone()),
            name => Err(format!("no file {name}")),
        }
    }
}

fn is_list(flag: KumaFlag) -> bool {
    use netweir::options::Shape::{List, Several};
    [List, Several].contains(&flag.spec().shape)
}

/// The YAML of one setting.
fn yaml(path: &str, flag: KumaFlag, entries: &[String]) -> String {
    let value = match (is_list(flag), entries) {
        (false, [value]) => value.clone(),
        _ => serde_json::to_string(entries).unwrap(),
    };
    let keys: Vec<_> = path.split('.').collect();
    let mut text = value;
    for key in keys.iter().rev() {
        text = if text.starts_with('{') || key == keys.last().unwrap() {
            format!("{{\"{key}\": {text}}}")
        } else {
            text
        };
    }
    text
}

/// The request of the settings, of which each is given by a file, a variable or a flag.
fn request(own: &Settings, sources: &[u8]) -> Request {
    let mut values = OptionValues::default();
    let mut documents = Vec::new();
    for ((path, flag, entries), source) in fields(own).into_iter().zip(sources.iter().cycle()) {
        let separator = if flag.spec().shape == netweir::options::Shape::Several {
            ";"
        } else {
            ","
        };
        let has_commas = entries.iter().any(|entry| entry.contains(','));
        let variable = flag.spec().variables.first();
        match (source, variable) {
            (0, _) => documents.push(yaml(path, flag, &entries)),
            (1, Some(variable)) if !has_commas => {
                values.set(flag, Origin::Variable(variable), entries.join(","));
            }
            _ => values.set(flag, Origin::Flag, entries.join(separator)),
        }
    }
    // Inline texts, and a file.
    let config = documents.pop().unwrap_or_default();
    documents.push("config.yaml".to_owned());
    values.set(KumaFlag::Config, Origin::Flag, documents.join(";"));
    let servers: &[IpAddr] = match &own.dns {
        Dns::Servers(servers) => servers,
        Dns::Off | Dns::All => &[],
    };
    let lines = servers
        .iter()
        .map(|server| format!("nameserver {server}\n"));
    let files = TwoFiles {
        config,
        resolv_conf: lines.collect(),
    };
    let read = Kuma::read(&values, &SomeNames, &files).1;
    read.unwrap_or_else(|errors| panic!("{own:?}\n{values:?}\n{}\n{errors:?}", files.config))
}

fn environment(ipv6: bool) -> Environment {
    let addresses = ["127.0.0.1", "10.0.0.2", "::1", "fe80::1"];
    let addresses = addresses.into_iter().take(if ipv6 { 4 } else { 3 });
    Environment {
        addresses: addresses.map(|text| text.parse().unwrap()).collect(),
        ..Environment::default()
    }
}

/// A capture with every value that can be drawn.
fn everything() -> Capture {
    let mut capture = Capture::default();
    let networks = |texts: &[&str]| {
        let networks = texts.iter().map(|text| {
            let address = text.split('/').next().unwrap();
            IpNet::from(address.parse::<IpAddr>().unwrap())
        });
        networks.collect()
    };
    capture.proxy.uids = vec![0, 101, 106, 200, 5678, 65535];
    capture.outbound.exclude_ports = PORTS.into_iter().collect();
    capture.outbound.exclude_ranges = networks(&ADDRESSES);
    capture.inbound.exclude_sources = networks(&ADDRESSES);
    let own = NETWORKS.iter().map(|text| {
        let (interface, cidr) = text.split_once(':').unwrap();
        VirtualNetwork {
            interface: interface.parse().unwrap(),
            network: cidr.parse::<IpNet>().unwrap().trunc(),
        }
    });
    capture.inbound.virtual_networks = Some(VirtualNetworks {
        dns_port: capture.proxy.outbound_port,
        networks: own.collect(),
    });
    capture.dns = Some(netweir::intent::Dns::new(
        capture.proxy.outbound_port,
        RangeSelection::Only(networks(&SERVERS)),
    ));
    capture
}

/// Whether Kuma's rules may take it for an answer of a name server on loopback, which netweir finds without a zone.
fn is_local_answer(connection: &Connection) -> bool {
    let end = |end| connection.addresses.end(end);
    let is_local = end(End::Source).is_loopback() && end(End::Destination).is_loopback();
    is_local && matches!(connection.transport, Transport::Udp(_))
}

/// Whether the kernel can route it so: loopback addresses use no other interface, and nothing has the port 0.
fn is_possible(connection: &Connection) -> bool {
    if let Transport::Tcp(ports) | Transport::Udp(ports) = connection.transport
        && ports.destination == 0
    {
        return false;
    }
    let to_loopback = connection.addresses.end(End::Destination).is_loopback();
    match &connection.path {
        Path::In { interface } => interface != "lo",
        Path::Out { interface, .. } => interface == "lo" || !to_loopback,
    }
}

#[test]
fn connections_have_the_outcome_of_kumas_rules() {
    let cases = (settings(), prop::collection::vec(0..3u8, 5), any::<bool>());
    let cases = cases.prop_flat_map(|(settings, sources, ipv6)| {
        let (capture, _) = request(&settings, &sources).capture(&environment(ipv6));
        let connections = connections(&capture, &everything());
        (Just((settings, capture, ipv6)), connections)
    });
    let (mut captured, mut tried) = (0, 0);
    let results = RefCell::new((&mut captured, &mut tried));
    TestRunner::new(ProptestConfig {
        cases: effort(300, 300 * 50),
        failure_persistence: None,
        max_shrink_iters: 200,
        ..ProptestConfig::default()
    })
    .run(&cases, |((settings, capture, ipv6), mut connections)| {
        connections.retain(|own| !is_local_answer(own) && is_possible(own));
        let of_ipv6 = if ipv6 {
            text(&settings, true)
        } else {
            String::new()
        };
        let found = compare(&capture, [&text(&settings, false), &of_ipv6], &connections)?;
        let mut results = results.borrow_mut();
        *results.0 += found;
        *results.1 += connections.len();
        Ok(())
    })
    .unwrap();
    assert!(captured * 15 > tried, "{captured} of {tried} captured");
}
