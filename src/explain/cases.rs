//! The connections that rules tell apart: one value of each kind that a rule or a set names, and ordinary ones.

use std::net::IpAddr;

use crate::intent::{Family, OwnerId, Protocol};
use crate::ruleset::{Hook, Ruleset};

use super::complete::{CLIENT_PORT, FAR, HERE, POD_INTERFACE, loopback, of};
use super::named::{Named, Value};
use super::purpose::DNS_SERVER;
use crate::connection::{
    Addresses, Connection, LOOPBACK, Owner, Path, PortPair, Tracking, Transport,
};

/// Ports and owners that are likely not named by any rule.
const ORDINARY_PORTS: [u16; 6] = [80, 8080, 443, 5000, 9999, 29_999];
const ORDINARY_OWNERS: [OwnerId; 6] = [1000, 2000, 3000, 10_000, 20_000, 100_001];
/// Where DNS servers listen (RFC 1035).
pub(super) const DNS: u16 = 53;

/// The connections, as a matrix.
pub(super) struct Cases {
    /// Who makes the outbound ones, in words: the columns.
    pub(super) owners: Vec<String>,
    pub(super) outbound: Vec<Row>,
    pub(super) inbound: Vec<Row>,
}

/// The same connection by each owner, once for each family.
pub(super) struct Row {
    /// Where to, of either family.
    pub(super) label: String,
    /// What is special about it.
    pub(super) note: String,
    pub(super) cases: Vec<Case>,
}

/// The connections of one family.
pub(super) struct Case {
    pub(super) label: String,
    pub(super) connections: Vec<Connection>,
}

impl Cases {
    /// The connections that the rules tell apart.
    pub(super) fn of(ruleset: &Ruleset) -> Self {
        let (out, into) = (Hook::Output, Hook::Prerouting);
        let (out, into) = (Named::on(out, ruleset), Named::on(into, ruleset));
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
                .map(|course| course.row(&paths(&course.interface)))
                .collect(),
            inbound: inbound
                .map(|course| {
                    let interface = course.interface.clone();
                    course.row(&[Path::In { interface }])
                })
                .collect(),
            owners: owners.into_iter().map(|(_, words)| words).collect(),
        }
    }
}

/// An application, root, and everyone whom rules name.
fn owners(named: &Named) -> Vec<(Owner, String)> {
    let taken = |values: &[Value<u32>], id: OwnerId| values.iter().any(|named| named.value == id);
    let is_free = |id: &OwnerId| !taken(&named.uids, *id) && !taken(&named.gids, *id);
    let mut ordinary = ORDINARY_OWNERS.into_iter();
    let app = ordinary.find(is_free).unwrap_or(OwnerId::MAX - 1);
    let owner = |uid, gid| Owner { uid, gid };
    let mut owners = vec![(owner(app, app), format!("app, uid {app}"))];
    if is_free(&0) {
        owners.push((owner(0, 0), "root, uid 0".to_owned()));
    }
    owners.extend(named.uids.iter().map(|Value { value, words }| {
        let words = format!("{words}, uid {value}");
        (owner(*value, app), words)
    }));
    owners.extend(named.gids.iter().map(|Value { value, words }| {
        let words = format!("{words}, gid {value}");
        (owner(app, *value), words)
    }));
    owners
}

fn outbound(named: &Named) -> Vec<Course> {
    let usual = Course::usual(named);
    let mut courses = vec![usual.clone()];
    let to_port = |port: &Value<u16>| Course {
        port: port.value,
        note: port.words.to_owned(),
        ..usual.clone()
    };
    courses.extend(named.ports.iter().map(to_port));
    let others = named.destinations.iter();
    // Loopback is a line of its own.
    let others = others.filter(|place| !place.value.is_loopback());
    courses.extend(others.map(|place| usual.clone().to(place)));
    courses.extend(named.interfaces.iter().map(|interface| Course {
        interface: interface.value.clone(),
        note: format!("by {}", interface.value),
        ..usual.clone()
    }));
    let own_pod = Course {
        source: Place::OwnPod,
        destination: Place::OwnPod,
        interface: LOOPBACK.to_owned(),
        ..usual.clone()
    };
    courses.push(own_pod.clone());
    courses.extend(named.sources.iter().map(|source| Course {
        source: Place::Address(source.value),
        note: format!("from {}", source.value),
        ..own_pod.clone()
    }));
    courses.push(Course {
        source: Place::Loopback,
        destination: Place::Loopback,
        ..own_pod
    });
    courses.push(Course {
        protocol: Protocol::Udp,
        port: DNS,
        note: "DNS".to_owned(),
        ..usual
    });
    courses
}

fn inbound(named: &Named) -> Vec<Course> {
    let usual = Course {
        source: Place::Elsewhere,
        destination: Place::OwnPod,
        ..Course::usual(named)
    };
    let mut courses = vec![usual.clone()];
    courses.extend(named.ports.iter().map(|port| Course {
        port: port.value,
        note: port.words.to_owned(),
        ..usual.clone()
    }));
    // The passthrough sources are on `lo`, which the outbound lines see.
    let remote = |source: &&Value<IpAddr>| !source.words.is_empty() && source.words != DNS_SERVER;
    courses.extend(named.sources.iter().filter(remote).map(|source| Course {
        source: Place::Address(source.value),
        note: format!("{}, {}", source.words, source.value),
        ..usual.clone()
    }));
    for interface in &named.interfaces {
        let rerouted = Course {
            interface: interface.value.clone(),
            note: format!("by {}", interface.value),
            ..usual.clone()
        };
        courses.push(rerouted.clone());
        let places = named.destinations.iter();
        let places = places.filter(|place| !place.words.is_empty());
        courses.extend(places.map(|place| Course {
            destination: Place::Address(place.value),
            note: format!("by {}, {}", interface.value, place.words),
            ..rerouted.clone()
        }));
    }
    courses.push(Course {
        protocol: Protocol::Udp,
        port: DNS,
        ..usual
    });
    courses
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
struct Course {
    protocol: Protocol,
    source: Place,
    destination: Place,
    port: u16,
    interface: String,
    note: String,
}

impl Course {
    /// From the pod to somewhere, with nothing that a rule names.
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

    /// The same to a place that rules name, and where that is a DNS server, a query.
    fn to(mut self, place: &Value<IpAddr>) -> Self {
        if place.words == DNS_SERVER {
            self.protocol = Protocol::Udp;
            self.port = DNS;
        }
        self.destination = Place::Address(place.value);
        place.words.clone_into(&mut self.note);
        self
    }

    /// The connections on this course, by each of the paths.
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
