//! Typical connections: one for each kind of value that a rule or a set contains, and ordinary ones.

use std::net::IpAddr;

use crate::connection::{Addresses, Connection, Owner, Path, PortPair, Tracking, Transport};
use crate::intent::{DNS_PORT, Family, LOOPBACK, OwnerId, Protocol};
use crate::ruleset::{Hook, Installed, SetName};

use super::complete::{CLIENT_PORT, FAR, HERE, POD_INTERFACE, loopback, of};
use super::named::{Named, NamedValue};

/// Ports and owners that rules are unlikely to contain.
const ORDINARY_PORTS: [u16; 6] = [80, 8080, 443, 5000, 9999, 29_999];
const ORDINARY_OWNERS: [OwnerId; 6] = [1000, 2000, 3000, 10_000, 20_000, 100_001];

/// The connections, as a matrix.
pub(super) struct Cases {
    /// The owners of the outbound ones: the columns.
    pub(super) owners: Vec<String>,
    pub(super) outbound: Vec<Row>,
    pub(super) inbound: Vec<Row>,
}

/// The same connection for each owner and family.
pub(super) struct Row {
    /// The destination, without a family.
    pub(super) label: String,
    /// What distinguishes it.
    pub(super) note: String,
    pub(super) cases: Vec<Case>,
}

/// The connections of one family.
pub(super) struct Case {
    pub(super) label: String,
    pub(super) connections: Vec<Connection>,
}

impl Cases {
    /// The typical connections for the rules.
    pub(super) fn of(installed: &Installed) -> Self {
        let out = Named::on(Hook::Output, installed);
        let into = Named::on(Hook::Prerouting, installed);
        let owners = owners(&out);
        let paths = |interface: &str| -> Vec<_> {
            let path = |(owner, _): &(Owner, String)| Path::Out {
                interface: interface.to_owned(),
                owner: Some(*owner),
            };
            owners.iter().map(path).collect()
        };
        let outbound = outbound(&out).into_iter();
        let inbound = inbound(&into).into_iter();
        Self {
            outbound: outbound
                .map(|template| template.row(&paths(&template.interface)))
                .collect(),
            inbound: inbound
                .map(|template| {
                    let interface = template.interface.clone();
                    template.row(&[Path::In { interface }])
                })
                .collect(),
            owners: owners.into_iter().map(|(_, words)| words).collect(),
        }
    }
}

/// An application, root, and the owners that rules contain.
fn owners(named: &Named) -> Vec<(Owner, String)> {
    let taken =
        |values: &[NamedValue<u32>], id: OwnerId| values.iter().any(|named| named.value == id);
    let is_free = |id: &OwnerId| !taken(&named.uids, *id) && !taken(&named.gids, *id);
    let mut ordinary = ORDINARY_OWNERS.into_iter();
    let app = ordinary.find(is_free).unwrap_or(OwnerId::MAX - 1);
    let owner = |uid, gid| Owner { uid, gid };
    let mut owners = vec![(owner(app, app), format!("app, uid {app}"))];
    if is_free(&0) {
        owners.push((owner(0, 0), "root, uid 0".to_owned()));
    }
    owners.extend(named.uids.iter().map(|NamedValue { value, words, .. }| {
        let words = format!("{words}, uid {value}");
        (owner(*value, app), words)
    }));
    owners.extend(named.gids.iter().map(|NamedValue { value, words, .. }| {
        let words = format!("{words}, gid {value}");
        (owner(app, *value), words)
    }));
    owners
}

fn outbound(named: &Named) -> Vec<Template> {
    let usual = Template::usual(named);
    let mut templates = vec![usual.clone()];
    let to_port = |port: &NamedValue<u16>| Template {
        port: port.value,
        note: port.words.to_owned(),
        ..usual.clone()
    };
    templates.extend(named.ports.iter().map(to_port));
    let others = named.destinations.iter();
    // Loopback has a line of its own.
    let others = others.filter(|place| !place.value.is_loopback());
    templates.extend(others.map(|place| usual.clone().to(place)));
    templates.extend(named.interfaces.iter().map(|interface| Template {
        interface: interface.value.clone(),
        note: format!("on {}", interface.value),
        ..usual.clone()
    }));
    let own_pod = Template {
        source: Place::OwnPod,
        destination: Place::OwnPod,
        interface: LOOPBACK.to_owned(),
        ..usual.clone()
    };
    templates.push(own_pod.clone());
    templates.extend(named.sources.iter().map(|source| Template {
        source: Place::Address(source.value),
        note: format!("from {}", source.value),
        ..own_pod.clone()
    }));
    templates.push(Template {
        source: Place::Loopback,
        destination: Place::Loopback,
        ..own_pod
    });
    templates.push(Template {
        protocol: Protocol::Udp,
        port: DNS_PORT.number(),
        note: "DNS".to_owned(),
        ..usual
    });
    templates
}

fn inbound(named: &Named) -> Vec<Template> {
    let usual = Template {
        source: Place::Elsewhere,
        destination: Place::OwnPod,
        ..Template::usual(named)
    };
    let mut templates = vec![usual.clone()];
    templates.extend(named.ports.iter().map(|port| Template {
        port: port.value,
        note: port.words.to_owned(),
        ..usual.clone()
    }));
    // The passthrough sources are on `lo`, which the outbound lines cover.
    let remote = |source: &&NamedValue<IpAddr>| source.set.is_some() && !is_dns_server(source);
    templates.extend(named.sources.iter().filter(remote).map(|source| Template {
        source: Place::Address(source.value),
        note: format!("{}, {}", source.words, source.value),
        ..usual.clone()
    }));
    for interface in &named.interfaces {
        let rerouted = Template {
            interface: interface.value.clone(),
            note: format!("on {}", interface.value),
            ..usual.clone()
        };
        templates.push(rerouted.clone());
        let places = named.destinations.iter();
        let places = places.filter(|place| place.set.is_some());
        templates.extend(places.map(|place| Template {
            destination: Place::Address(place.value),
            note: format!("on {}, {}", interface.value, place.words),
            ..rerouted.clone()
        }));
    }
    templates.push(Template {
        protocol: Protocol::Udp,
        port: DNS_PORT.number(),
        ..usual
    });
    templates
}

const fn is_dns_server(place: &NamedValue<IpAddr>) -> bool {
    matches!(place.set, Some(SetName::DnsServers(_)))
}

/// A destination or a source, of one family or of both.
#[derive(Clone, Copy)]
enum Place {
    Elsewhere,
    OwnPod,
    Loopback,
    Address(IpAddr),
}

impl Place {
    /// Its address of the family, if it has one.
    fn address(self, family: Family) -> Option<IpAddr> {
        match self {
            Self::Elsewhere => Some(of(FAR, family)),
            Self::OwnPod => Some(of(HERE, family)),
            Self::Loopback => Some(loopback(family)),
            Self::Address(address) => {
                (address.is_ipv4() == (family == Family::Ipv4)).then_some(address)
            }
        }
    }

    fn words(self) -> String {
        match self {
            Self::Elsewhere => "elsewhere".to_owned(),
            Self::OwnPod => "the pod".to_owned(),
            Self::Loopback => "loopback".to_owned(),
            Self::Address(IpAddr::V4(address)) => address.to_string(),
            Self::Address(IpAddr::V6(address)) => format!("[{address}]"),
        }
    }
}

/// Connections from one place to another.
#[derive(Clone)]
struct Template {
    protocol: Protocol,
    source: Place,
    destination: Place,
    port: u16,
    interface: String,
    note: String,
}

impl Template {
    /// From the pod to another host, with values that no rule contains.
    fn usual(named: &Named) -> Self {
        let is_named = |port: &u16| named.ports.iter().any(|named| named.value == *port);
        let mut ordinary = ORDINARY_PORTS.into_iter();
        Self {
            protocol: Protocol::Tcp,
            source: Place::OwnPod,
            destination: Place::Elsewhere,
            port: ordinary.find(|port| !is_named(port)).unwrap_or(1),
            interface: POD_INTERFACE.to_owned(),
            note: String::new(),
        }
    }

    /// The same to a destination that rules contain; a query if that is a DNS server.
    fn to(mut self, place: &NamedValue<IpAddr>) -> Self {
        if is_dns_server(place) {
            self.protocol = Protocol::Udp;
            self.port = DNS_PORT.number();
        }
        self.destination = Place::Address(place.value);
        place.words.clone_into(&mut self.note);
        self
    }

    /// The connections, for each of the paths.
    fn row(&self, paths: &[Path]) -> Row {
        let (protocol, port) = (self.protocol.name(), self.port);
        let label = format!("{protocol} to {}:{port}", self.destination.words());
        let case = |family: Family| {
            let source = self.source.address(family)?;
            let destination = self.destination.address(family)?;
            let addresses = Addresses::of(source, destination)?;
            let connections = paths.iter().map(|path| self.connection(path, addresses));
            Some(Case {
                label: format!("{label}, {}", family.name()),
                connections: connections.collect(),
            })
        };
        Row {
            cases: Family::ALL.into_iter().filter_map(case).collect(),
            note: self.note.clone(),
            label,
        }
    }

    fn connection(&self, path: &Path, addresses: Addresses) -> Connection {
        let ports = PortPair {
            source: CLIENT_PORT,
            destination: self.port,
        };
        Connection {
            path: path.clone(),
            addresses,
            transport: match self.protocol {
                Protocol::Tcp => Transport::Tcp(ports),
                Protocol::Udp => Transport::Udp(ports),
            },
            packet_mark: 0,
            connection_mark: 0,
            tracking: Tracking::New,
        }
    }
}
