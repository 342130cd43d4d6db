//! Completes a connection whose parts were only partly specified.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::intent::{Family, LOOPBACK, Port, Protocol};
use crate::named::named;
use crate::ruleset::{Direction, Installed, OpenConnections};

use crate::connection::{
    Addresses, Connection, ConnectionSpec, EndpointSpec, Owner, OwnerSpec, Path, PortPair,
    ProtocolSpec, Tracking, Transport,
};

use super::evaluate::evaluate_installed;
use super::outcome::{Outcome, Verdict};

/// The usual interface of a pod's network.
pub(super) const POD_INTERFACE: &str = "eth0";
/// A remote address and the pod's own, from the ranges for documentation (RFC 5737, RFC 3849).
pub(super) const FAR: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
];
pub(super) const HERE: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2)),
];
/// A port from the kernel's range for clients (`net.ipv4.ip_local_port_range`).
pub(super) const CLIENT_PORT: u16 = 40_000;
/// The user of an application.
const APPLICATION: u32 = 1000;

/// Routes and addresses of the network namespace that the connection belongs to.
pub trait Network {
    /// The route of an outgoing packet with this mark.
    fn route_to(&self, destination: IpAddr, source: Option<IpAddr>, mark: u32) -> Option<Route>;
    /// The interface that has the address.
    fn interface_of(&self, address: IpAddr) -> Option<String>;
    /// Whether the interface has an address of the family; `None` if there is no such interface.
    fn has_address(&self, interface: &str, family: Family) -> Option<bool>;
}

/// The route of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The output interface.
    pub interface: String,
    /// The source address that the kernel selects.
    pub source: IpAddr,
}

/// A connection with all its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completed {
    /// The connection.
    pub connection: Connection,
    /// The parts that were not specified, in the order of the written form.
    pub assumed: Vec<Part>,
    /// Whether it arrives on an interface without an address of its family: there, `redirect` drops it.
    pub lacks_address: bool,
}

impl Completed {
    /// The outcome under installed rules.
    #[must_use]
    pub fn outcome(&self, installed: &Installed) -> Outcome {
        let mut outcome = evaluate_installed(installed, &self.connection);
        // To the first address of the interface (`nf_nat_redirect_ipv4`, `nf_nat_redirect_ipv6`).
        if self.lacks_address && matches!(outcome.verdict, Verdict::Redirect(_)) {
            outcome.verdict = Verdict::Drop;
        }
        outcome
    }
}

named! {
    /// A part of a connection.
    pub enum Part: name, words {
        /// The direction.
        Direction "direction" "the direction";
        /// The transport protocol.
        Protocol "protocol" "the protocol";
        /// The destination address.
        Destination "destination" "the destination address";
        /// The destination port.
        Port "port" "the destination port";
        /// The source address.
        Source "from" "the source address";
        /// The source port.
        SourcePort "from_port" "the source port";
        /// The interface.
        Interface "dev" "the interface";
        /// The user.
        Uid "uid" "the user";
        /// The group.
        Gid "gid" "the group";
        /// The connection tracking state.
        State "state" "the state";
    }
}

/// Completes the connection: parts that were not specified are taken from the network or, if that does not know them,
/// from a typical pod.
///
/// Without a mark the marks are 0, and without a state the packet is the first of its connection; these are not listed
/// as assumed.
#[must_use]
pub fn complete(spec: &ConnectionSpec, network: &dyn Network) -> Completed {
    let mut completion = Completion {
        spec,
        network,
        assumed: Vec::new(),
    };
    let connection = completion.connection();
    let lacks_address = match &connection.path {
        Path::Out { .. } => false,
        Path::In { interface } => {
            network.has_address(interface, connection.addresses.family()) == Some(false)
        }
    };
    Completed {
        connection,
        assumed: completion.assumed,
        lacks_address,
    }
}

impl Completed {
    /// The same where these connections were open before they could be captured. Of such a connection a later packet is meant,
    /// unless the state was specified: the first one passed before.
    #[must_use]
    pub fn beside(mut self, spec: &ConnectionSpec, open: &OpenConnections) -> Self {
        let ends = self.connection.ends();
        if spec.tracking.is_none() && ends.is_some_and(|ends| open.contains(&ends)) {
            self.connection.tracking = Tracking::Midstream;
            self.assumed.push(Part::State);
        }
        self
    }
}

struct Completion<'a> {
    spec: &'a ConnectionSpec,
    network: &'a dyn Network,
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
        // In the order of the written form.
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

    fn or<T>(&mut self, specified: Option<T>, part: Part, otherwise: T) -> T {
        specified.unwrap_or_else(|| {
            self.assumed.push(part);
            otherwise
        })
    }

    fn family(&self) -> Family {
        let ends = [self.spec.destination, self.spec.source];
        let address = ends.iter().find_map(|end| end.address);
        address.map_or(Family::Ipv4, Family::of)
    }

    /// The transport, with source port 0 for now.
    fn transport(&mut self) -> Transport {
        let tcp = ProtocolSpec::Ported(Protocol::Tcp);
        let (protocol, usual) = match self.or(self.spec.protocol, Part::Protocol, tcp) {
            ProtocolSpec::Ported(Protocol::Tcp) => (Transport::Tcp as fn(PortPair) -> _, 80),
            ProtocolSpec::Ported(Protocol::Udp) => (Transport::Udp as fn(PortPair) -> _, 53),
            ProtocolSpec::Icmp => return Transport::Other(icmp(self.family())),
            ProtocolSpec::Number(number) => return Transport::Other(number),
        };
        let specified = self.spec.destination.port.map(Port::number);
        protocol(PortPair {
            source: 0,
            destination: self.or(specified, Part::Port, usual),
        })
    }

    fn source_port(&mut self, transport: Transport) -> Transport {
        let specified = self.spec.source.port.map(Port::number);
        let mut with = |ports: PortPair| PortPair {
            source: self.or(specified, Part::SourcePort, CLIENT_PORT),
            ..ports
        };
        match transport {
            Transport::Tcp(ports) => Transport::Tcp(with(ports)),
            Transport::Udp(ports) => Transport::Udp(with(ports)),
            Transport::Other(number) => Transport::Other(number),
        }
    }

    /// The addresses and the output interface.
    fn outgoing(&mut self) -> (Addresses, String) {
        let EndpointSpec { address, .. } = self.spec.destination;
        let far = of(FAR, self.family());
        let destination = self.or(address, Part::Destination, far);
        let specified = self.spec.source.address;
        let mark = self.spec.packet_mark.unwrap_or(0);
        let route = self.network.route_to(destination, specified, mark);
        let by_loopback = self.spec.interface.as_deref() == Some(LOOPBACK);
        let source = match &route {
            _ if destination.is_loopback() => loopback(Family::of(destination)),
            // A packet on `lo` is for this host, and its source is its destination.
            _ if by_loopback => destination,
            Some(route) => route.source,
            None => of(HERE, self.family()),
        };
        let source = self.or(specified, Part::Source, source);
        let interface = match route {
            Some(route) => route.interface,
            None if destination.is_loopback() || source == destination => LOOPBACK.to_owned(),
            None => POD_INTERFACE.to_owned(),
        };
        self.between(source, destination, interface)
    }

    /// The addresses and the input interface.
    fn arriving(&mut self) -> (Addresses, String) {
        let specified = self.spec.source.address;
        let far = of(FAR, self.family());
        let route = self.network.route_to(specified.unwrap_or(far), None, 0);
        let here = route
            .as_ref()
            .map_or(of(HERE, self.family()), |route| route.source);
        let EndpointSpec { address, .. } = self.spec.destination;
        let destination = self.or(address, Part::Destination, here);
        let by_loopback = self.spec.interface.as_deref() == Some(LOOPBACK);
        let local = destination.is_loopback() || by_loopback;
        let source = self.or(
            specified,
            Part::Source,
            if local { destination } else { far },
        );
        let interface = match route {
            _ if source.is_loopback() || source == destination => LOOPBACK.to_owned(),
            Some(route) if self.spec.source.address.is_some() => route.interface,
            route => {
                // From another host nothing arrives on `lo`, although that may have the address.
                let own = self.network.interface_of(destination);
                own.filter(|interface| interface != LOOPBACK)
                    .or(route.map(|route| route.interface))
                    .unwrap_or_else(|| POD_INTERFACE.to_owned())
            }
        };
        self.between(source, destination, interface)
    }

    fn between(
        &mut self,
        source: IpAddr,
        destination: IpAddr,
        interface: String,
    ) -> (Addresses, String) {
        let specified = self.spec.interface.clone();
        let interface = self.or(specified, Part::Interface, interface);
        let addresses = Addresses::of(source, destination)
            .expect("specified addresses are of one family, and assumed ones of the same");
        (addresses, interface)
    }

    fn owner(&mut self) -> Option<Owner> {
        let ConnectionSpec { uid, gid, .. } = *self.spec;
        let id = |owner: Option<OwnerSpec>| match owner {
            Some(OwnerSpec::Id(id)) => Some(Some(id)),
            Some(OwnerSpec::NoSocket) => None,
            None => Some(None),
        };
        let (uid, gid) = (id(uid)?, id(gid)?);
        let uid = self.or(uid, Part::Uid, APPLICATION);
        // Typically, a user has a group with the same number.
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
