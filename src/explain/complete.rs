//! The parts of a connection that nobody said.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::intent::{Family, Port, Protocol};
use crate::ruleset::Direction;

use crate::connection::{
    Addresses, Connection, ConnectionSpec, EndpointSpec, LOOPBACK, Owner, OwnerSpec, Path,
    PortPair, ProtocolSpec, Tracking, Transport,
};

/// The interface of a pod's network.
pub(super) const POD_INTERFACE: &str = "eth0";
/// Somebody far away and this pod, in addresses that nobody has (RFC 5737, RFC 3849).
pub(super) const FAR: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
];
pub(super) const HERE: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2)),
];
/// A port such as the kernel gives a client (`net.ipv4.ip_local_port_range`).
pub(super) const CLIENT_PORT: u16 = 40_000;
/// An application's user.
const APPLICATION: u32 = 1000;

/// What is known of the network namespace that the connection is made in or arrives at.
pub trait Surroundings {
    /// The way of a packet with this mark from here to the address.
    fn way_to(&self, destination: IpAddr, source: Option<IpAddr>, mark: u32) -> Option<Way>;
    /// The interface that has the address.
    fn interface_of(&self, address: IpAddr) -> Option<String>;
}

/// The way of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// The interface that it leaves by.
    pub interface: String,
    /// The address that it comes from, unless its socket has another.
    pub source: IpAddr,
}

/// Nothing is known.
#[derive(Clone, Copy, Debug)]
pub struct Unknown;

impl Surroundings for Unknown {
    fn way_to(&self, _: IpAddr, _: Option<IpAddr>, _: u32) -> Option<Way> {
        None
    }

    fn interface_of(&self, _: IpAddr) -> Option<String> {
        None
    }
}

/// A connection with all its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completed {
    /// The connection.
    pub connection: Connection,
    /// The parts that were not said, in the order of the plain form.
    pub assumed: Vec<Part>,
}

/// A part of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Made here, or arriving.
    Direction,
    /// The transport protocol.
    Protocol,
    /// The destination's address.
    Destination,
    /// Its port.
    Port,
    /// The source's address.
    Source,
    /// Its port.
    SourcePort,
    /// The interface.
    Interface,
    /// The user.
    Uid,
    /// The group.
    Gid,
}

impl Part {
    /// Its name in the JSON form, and in the plain one where it has one there.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Direction => "direction",
            Self::Protocol => "protocol",
            Self::Destination => "destination",
            Self::Port => "port",
            Self::Source => "from",
            Self::SourcePort => "from_port",
            Self::Interface => "dev",
            Self::Uid => "uid",
            Self::Gid => "gid",
        }
    }

    /// What it is, in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Direction => "the direction",
            Self::Protocol => "the protocol",
            Self::Destination => "the destination address",
            Self::Port => "the destination port",
            Self::Source => "the source address",
            Self::SourcePort => "the source port",
            Self::Interface => "the interface",
            Self::Uid => "the user",
            Self::Gid => "the group",
        }
    }
}

/// The connection that is meant: what was not said is as in the surroundings, or as in any pod.
///
/// Marks are 0 and the packet is the first of its connection unless something else was said: that goes without
/// saying, and is not noted as assumed.
#[must_use]
pub fn complete(spec: &ConnectionSpec, surroundings: &dyn Surroundings) -> Completed {
    let mut completion = Completion {
        spec,
        surroundings,
        assumed: Vec::new(),
    };
    let connection = completion.connection();
    Completed {
        connection,
        assumed: completion.assumed,
    }
}

struct Completion<'a> {
    spec: &'a ConnectionSpec,
    surroundings: &'a dyn Surroundings,
    assumed: Vec<Part>,
}

impl Completion<'_> {
    fn connection(&mut self) -> Connection {
        let direction = self.or(self.spec.direction, Part::Direction, Direction::Out);
        let transport = self.transport();
        let (addresses, interface) = match direction {
            Direction::Out => self.outgoing(),
            Direction::In => self.arriving(),
        };
        let transport = self.source_port(transport);
        // In the order of the plain form.
        self.assumed.sort_unstable();
        let path = match direction {
            Direction::Out => Path::Out {
                interface,
                owner: self.owner(),
            },
            Direction::In => Path::In { interface },
        };
        Connection {
            path,
            addresses,
            transport,
            packet_mark: self.spec.packet_mark.unwrap_or(0),
            connection_mark: self.spec.connection_mark.unwrap_or(0),
            tracking: self.spec.tracking.unwrap_or(Tracking::New),
        }
    }

    fn or<T>(&mut self, said: Option<T>, part: Part, otherwise: T) -> T {
        said.unwrap_or_else(|| {
            self.assumed.push(part);
            otherwise
        })
    }

    fn family(&self) -> Family {
        let said = [self.spec.destination, self.spec.source];
        let address = said.iter().find_map(|end| end.address);
        address.map_or(Family::Ipv4, Family::of)
    }

    /// With source port 0 until it is known.
    fn transport(&mut self) -> Transport {
        let tcp = ProtocolSpec::Ported(Protocol::Tcp);
        let (protocol, usual) = match self.or(self.spec.protocol, Part::Protocol, tcp) {
            ProtocolSpec::Ported(Protocol::Tcp) => (Transport::Tcp as fn(PortPair) -> _, 80),
            ProtocolSpec::Ported(Protocol::Udp) => (Transport::Udp as fn(PortPair) -> _, 53),
            ProtocolSpec::Icmp => return Transport::Other(icmp(self.family())),
            ProtocolSpec::Number(number) => return Transport::Other(number),
        };
        let said = self.spec.destination.port.map(Port::number);
        protocol(PortPair {
            source: 0,
            destination: self.or(said, Part::Port, usual),
        })
    }

    fn source_port(&mut self, transport: Transport) -> Transport {
        let said = self.spec.source.port.map(Port::number);
        let mut with = |ports: PortPair| PortPair {
            source: self.or(said, Part::SourcePort, CLIENT_PORT),
            ..ports
        };
        match transport {
            Transport::Tcp(ports) => Transport::Tcp(with(ports)),
            Transport::Udp(ports) => Transport::Udp(with(ports)),
            Transport::Other(number) => Transport::Other(number),
        }
    }

    /// The addresses, and the interface that it leaves by.
    fn outgoing(&mut self) -> (Addresses, String) {
        let EndpointSpec { address, .. } = self.spec.destination;
        let far = of(FAR, self.family());
        let destination = self.or(address, Part::Destination, far);
        let said = self.spec.source.address;
        let mark = self.spec.packet_mark.unwrap_or(0);
        let way = self.surroundings.way_to(destination, said, mark);
        let by_loopback = self.spec.interface.as_deref() == Some(LOOPBACK);
        let source = match &way {
            _ if destination.is_loopback() => loopback(Family::of(destination)),
            // What goes by `lo` goes to this host, and comes from the address that it goes to.
            _ if by_loopback => destination,
            Some(way) => way.source,
            None => of(HERE, self.family()),
        };
        let source = self.or(said, Part::Source, source);
        let interface = match way {
            Some(way) => way.interface,
            None if destination.is_loopback() || source == destination => LOOPBACK.to_owned(),
            None => POD_INTERFACE.to_owned(),
        };
        self.between(source, destination, interface)
    }

    /// The addresses, and the interface that it comes by.
    fn arriving(&mut self) -> (Addresses, String) {
        let said = self.spec.source.address;
        let far = of(FAR, self.family());
        let way = self.surroundings.way_to(said.unwrap_or(far), None, 0);
        let here = way
            .as_ref()
            .map_or(of(HERE, self.family()), |way| way.source);
        let EndpointSpec { address, .. } = self.spec.destination;
        let destination = self.or(address, Part::Destination, here);
        let by_loopback = self.spec.interface.as_deref() == Some(LOOPBACK);
        let local = destination.is_loopback() || by_loopback;
        let source = self.or(said, Part::Source, if local { destination } else { far });
        let interface = match way {
            _ if source.is_loopback() || source == destination => LOOPBACK.to_owned(),
            Some(way) if self.spec.source.address.is_some() => way.interface,
            Some(way) => self
                .surroundings
                .interface_of(destination)
                .unwrap_or(way.interface),
            None => self
                .surroundings
                .interface_of(destination)
                .unwrap_or_else(|| POD_INTERFACE.to_owned()),
        };
        self.between(source, destination, interface)
    }

    fn between(
        &mut self,
        source: IpAddr,
        destination: IpAddr,
        interface: String,
    ) -> (Addresses, String) {
        let said = self.spec.interface.clone();
        let interface = self.or(said, Part::Interface, interface);
        // A spec's two addresses are of one family, and what is made up here is of that one.
        let addresses = match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => Addresses::Ipv4 {
                source,
                destination,
            },
            (IpAddr::V6(source), IpAddr::V6(destination)) => Addresses::Ipv6 {
                source,
                destination,
            },
            (_, IpAddr::V4(destination)) => Addresses::Ipv4 {
                source: Ipv4Addr::UNSPECIFIED,
                destination,
            },
            (_, IpAddr::V6(destination)) => Addresses::Ipv6 {
                source: Ipv6Addr::UNSPECIFIED,
                destination,
            },
        };
        (addresses, interface)
    }

    fn owner(&mut self) -> Option<Owner> {
        let ConnectionSpec { uid, gid, .. } = *self.spec;
        let uid = match uid {
            Some(OwnerSpec::NoSocket) => return None,
            Some(OwnerSpec::Id(uid)) => Some(uid),
            None => None,
        };
        let gid = match gid {
            Some(OwnerSpec::NoSocket) => return None,
            Some(OwnerSpec::Id(gid)) => Some(gid),
            None => None,
        };
        let uid = self.or(uid, Part::Uid, APPLICATION);
        // As where every user has a group of the same number.
        let gid = self.or(gid, Part::Gid, uid);
        Some(Owner { uid, gid })
    }
}

const fn icmp(family: Family) -> u8 {
    match family {
        Family::Ipv4 => 1,
        Family::Ipv6 => 58,
    }
}

pub(super) const fn of([ipv4, ipv6]: [IpAddr; 2], family: Family) -> IpAddr {
    match family {
        Family::Ipv4 => ipv4,
        Family::Ipv6 => ipv6,
    }
}

pub(super) const fn loopback(family: Family) -> IpAddr {
    match family {
        Family::Ipv4 => IpAddr::V4(Ipv4Addr::LOCALHOST),
        Family::Ipv6 => IpAddr::V6(Ipv6Addr::LOCALHOST),
    }
}
