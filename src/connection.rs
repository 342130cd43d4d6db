//! A connection: everything about a packet that a rule can match on, and its written form.

mod json;
mod spec;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::intent::{Family, Protocol};
use crate::named::named;
use crate::printable::printable;

pub(crate) use json::ConnectionJson;
pub use spec::{ConnectionSpec, EndpointSpec, OwnerSpec, ProtocolSpec, SpecError, SpecErrorKind};

/// A packet of a connection as it reaches its first chain. Nat chains see only the first packet of a connection,
/// which is [`Tracking::New`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Connection {
    /// Outgoing or incoming, with the interface and the owner.
    pub path: Path,
    /// Source and destination address.
    pub addresses: Addresses,
    /// The transport protocol and its ports.
    pub transport: Transport,
    /// The packet's mark (`meta mark`): for an outgoing packet the socket's `SO_MARK`; 0 when unset.
    pub packet_mark: u32,
    /// The connection's mark (`ct mark`).
    pub connection_mark: u32,
    /// The connection tracking state (`ct state`).
    pub tracking: Tracking,
}

impl Connection {
    /// The ends, if it is a TCP connection.
    #[must_use]
    pub fn ends(&self) -> Option<ConnectionEnds> {
        let Transport::Tcp(ports) = self.transport else {
            return None;
        };
        let local = match self.path.direction() {
            Direction::Out => End::Source,
            Direction::In => End::Destination,
        };
        Some(ConnectionEnds::new(self.addresses, ports, local))
    }
}

/// The two ends of a TCP connection, in one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionEnds {
    /// The end in this network namespace.
    pub local: SocketAddr,
    /// The other end.
    pub remote: SocketAddr,
}

impl ConnectionEnds {
    /// Those of a packet, of which this end is in this network namespace.
    #[must_use]
    pub fn new(addresses: Addresses, ports: PortPair, local: End) -> Self {
        let end = |end| SocketAddr::new(addresses.end(end), ports.end(end));
        let [local, remote] = local.and_other().map(end);
        Self { local, remote }
    }
}

named! {
    /// The direction of a packet relative to this network namespace, or of an interface match.
    pub enum Direction: name {
        /// Incoming (`iifname`).
        In "in";
        /// Outgoing (`oifname`).
        Out "out";
    }
}

/// An end of a connection, as the packet's header names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// The sender.
    Source,
    /// The receiver.
    Destination,
}

impl End {
    /// This end and the other one.
    #[must_use]
    pub const fn and_other(self) -> [Self; 2] {
        match self {
            Self::Source => [Self::Source, Self::Destination],
            Self::Destination => [Self::Destination, Self::Source],
        }
    }
}

/// The direction of a packet, with what only that direction has.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Path {
    /// Sent by this namespace.
    Out {
        /// The output interface of its route.
        interface: String,
        /// The owner of its socket; `None` for packets without one, which the kernel itself sends (a TCP reset, for
        /// example).
        owner: Option<Owner>,
    },
    /// Received by this namespace.
    In {
        /// The input interface.
        interface: String,
    },
}

impl Path {
    /// The direction.
    #[must_use]
    pub const fn direction(&self) -> Direction {
        match self {
            Self::Out { .. } => Direction::Out,
            Self::In { .. } => Direction::In,
        }
    }

    /// The interface that the packet leaves or arrives on.
    #[must_use]
    pub fn interface(&self) -> &str {
        match self {
            Self::Out { interface, .. } | Self::In { interface } => interface,
        }
    }

    /// The owner of the socket of an outgoing packet.
    #[must_use]
    pub const fn owner(&self) -> Option<Owner> {
        match self {
            Self::Out { owner, .. } => *owner,
            Self::In { .. } => None,
        }
    }
}

/// The owner of a socket: the credentials of the thread that opened it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// The file system user id (fsuid).
    pub uid: u32,
    /// The file system group id (fsgid).
    pub gid: u32,
}

/// Two addresses of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Addresses {
    /// Of an IPv4 packet.
    Ipv4 {
        /// The source.
        source: Ipv4Addr,
        /// The destination.
        destination: Ipv4Addr,
    },
    /// Of an IPv6 packet.
    Ipv6 {
        /// The source.
        source: Ipv6Addr,
        /// The destination.
        destination: Ipv6Addr,
    },
}

impl Addresses {
    /// The two addresses; `None` when their families differ.
    #[must_use]
    pub fn of(source: IpAddr, destination: IpAddr) -> Option<Self> {
        match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => Some(Self::Ipv4 {
                source,
                destination,
            }),
            (IpAddr::V6(source), IpAddr::V6(destination)) => Some(Self::Ipv6 {
                source,
                destination,
            }),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => None,
        }
    }

    /// Their family.
    #[must_use]
    pub const fn family(&self) -> Family {
        match self {
            Self::Ipv4 { .. } => Family::Ipv4,
            Self::Ipv6 { .. } => Family::Ipv6,
        }
    }

    /// The address of one end.
    #[must_use]
    pub const fn end(&self, end: End) -> IpAddr {
        match (self, end) {
            (Self::Ipv4 { source, .. }, End::Source) => IpAddr::V4(*source),
            (Self::Ipv4 { destination, .. }, End::Destination) => IpAddr::V4(*destination),
            (Self::Ipv6 { source, .. }, End::Source) => IpAddr::V6(*source),
            (Self::Ipv6 { destination, .. }, End::Destination) => IpAddr::V6(*destination),
        }
    }

    /// An address with its port, if the transport has ports: `10.0.0.5:443`, `[fd00::a]:53` or `10.0.0.5`.
    #[must_use]
    pub fn endpoint(&self, transport: Transport, end: End) -> String {
        let address = self.end(end);
        match transport.ports() {
            Some(ports) => SocketAddr::new(address, ports.end(end)).to_string(),
            None => address.to_string(),
        }
    }

    /// The same with the loopback address as destination: `redirect` in the output hook rewrites to it
    /// (`nf_nat_redirect_ipv4`, `nf_nat_redirect_ipv6`).
    #[must_use]
    pub const fn to_loopback(self) -> Self {
        match self {
            Self::Ipv4 { source, .. } => Self::Ipv4 {
                source,
                destination: Ipv4Addr::LOCALHOST,
            },
            Self::Ipv6 { source, .. } => Self::Ipv6 {
                source,
                destination: Ipv6Addr::LOCALHOST,
            },
        }
    }
}

/// A transport protocol with its ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// TCP.
    Tcp(PortPair),
    /// UDP.
    Udp(PortPair),
    /// Any other IP protocol, by its number (IANA "Assigned Internet Protocol Numbers").
    Other(u8),
}

/// The ports of a packet, 0 to 65535: a packet can carry port 0, which no socket can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PortPair {
    /// The source port.
    pub source: u16,
    /// The destination port.
    pub destination: u16,
}

impl PortPair {
    /// The port of one end.
    #[must_use]
    pub const fn end(&self, end: End) -> u16 {
        match end {
            End::Source => self.source,
            End::Destination => self.destination,
        }
    }
}

impl Transport {
    /// The protocol, if it is one that rules can match on.
    #[must_use]
    pub const fn protocol(&self) -> Option<Protocol> {
        match self {
            Self::Tcp(_) => Some(Protocol::Tcp),
            Self::Udp(_) => Some(Protocol::Udp),
            Self::Other(_) => None,
        }
    }

    /// Its number in the IP header (IANA "Assigned Internet Protocol Numbers").
    #[must_use]
    pub const fn number(&self) -> u8 {
        match self {
            Self::Tcp(_) => Protocol::Tcp.number(),
            Self::Udp(_) => Protocol::Udp.number(),
            Self::Other(number) => *number,
        }
    }

    /// The protocol in the written form: `tcp`, `udp` or `protocol=47`.
    #[must_use]
    pub fn keyword(&self) -> String {
        match self.protocol() {
            Some(protocol) => protocol.name().to_owned(),
            None => format!("protocol={}", self.number()),
        }
    }

    /// The ports, for a protocol with ports.
    #[must_use]
    pub const fn ports(&self) -> Option<PortPair> {
        match self {
            Self::Tcp(ports) | Self::Udp(ports) => Some(*ports),
            Self::Other(_) => None,
        }
    }

    /// The same with another destination port, for a protocol with ports.
    #[must_use]
    pub const fn to_port(self, destination: u16) -> Self {
        match self {
            Self::Tcp(PortPair { source, .. }) => Self::Tcp(PortPair {
                source,
                destination,
            }),
            Self::Udp(PortPair { source, .. }) => Self::Udp(PortPair {
                source,
                destination,
            }),
            Self::Other(number) => Self::Other(number),
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(_) => f.write_str("tcp"),
            Self::Udp(_) => f.write_str("udp"),
            Self::Other(number) => write!(f, "protocol {number}"),
        }
    }
}

named! {
    /// The connection tracking state of a packet (`ct state`).
    #[derive(Default)]
    pub enum Tracking: name {
        /// The first packet of a connection.
        #[default]
        New "new";
        /// A later packet of a connection that connection tracking has not seen before: to conntrack, and in nft's words, it is
        /// new, so that nat chains see it.
        Midstream "midstream";
        /// A later packet of a connection, or one related to it.
        Tracked "established";
        /// A packet that belongs to no connection, such as one outside the TCP window.
        Invalid "invalid";
    }
}

impl fmt::Display for Connection {
    /// The written form, which [`ConnectionSpec::parse`] reads: `out tcp 10.0.0.5:443 from=10.0.0.2:40000 dev=eth0 uid=1000 gid=1000`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            addresses,
            transport,
            ..
        } = self;
        write!(
            f,
            "{} {} {} from={} dev={}",
            path.direction().name(),
            transport.keyword(),
            addresses.endpoint(*transport, End::Destination),
            addresses.endpoint(*transport, End::Source),
            printable(path.interface())
        )?;
        match (path, path.owner()) {
            (_, Some(Owner { uid, gid })) => write!(f, " uid={uid} gid={gid}")?,
            (Path::Out { .. }, None) => f.write_str(" uid=none")?,
            (Path::In { .. }, None) => {}
        }
        if self.packet_mark != 0 {
            write!(f, " mark={:#x}", self.packet_mark)?;
        }
        if self.connection_mark != 0 {
            write!(f, " ctmark={:#x}", self.connection_mark)?;
        }
        match self.tracking {
            Tracking::New => Ok(()),
            Tracking::Midstream | Tracking::Tracked | Tracking::Invalid => {
                write!(f, " state={}", self.tracking.name())
            }
        }
    }
}
