//! The connection that is asked about: all that a match of the model can look at.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::intent::{Family, Protocol};
use crate::printable::printable;
use crate::ruleset::End;

/// A packet of a connection as the first chain meets it. The chains that decide for a whole connection see
/// its first packet, for which [`Tracking::New`] stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Connection {
    /// Whether it is made here or arrives, and by which interface.
    pub path: Path,
    /// Where from and where to.
    pub addresses: Addresses,
    /// The transport protocol and its ports.
    pub transport: Transport,
    /// The packet's mark: the socket's `SO_MARK` on the way out, 0 unless something set it.
    pub packet_mark: u32,
    /// The connection's mark (`ct mark`).
    pub connection_mark: u32,
    /// What connection tracking says of the packet.
    pub tracking: Tracking,
}

/// The direction of a packet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Path {
    /// It is made in this namespace.
    Out {
        /// The interface that its route leaves by.
        interface: String,
        /// Who opened its socket. `None` when it has no socket: the kernel's own packets, such as a
        /// reset.
        owner: Option<Owner>,
    },
    /// It arrives.
    In {
        /// The interface that it came by.
        interface: String,
    },
}

/// Who opened a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// The fsuid of the thread that did.
    pub uid: u32,
    /// Its fsgid.
    pub gid: u32,
}

/// Two addresses of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Addresses {
    /// Of an IPv4 packet.
    Ipv4 {
        /// Where it comes from.
        source: Ipv4Addr,
        /// Where it goes to.
        destination: Ipv4Addr,
    },
    /// Of an IPv6 packet.
    Ipv6 {
        /// Where it comes from.
        source: Ipv6Addr,
        /// Where it goes to.
        destination: Ipv6Addr,
    },
}

impl Addresses {
    /// The two addresses, or `None` when they are not of one family.
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

    /// The same, to the loopback address of the family: where the kernel sends what it redirects on
    /// the way out (`nf_nat_redirect_ipv4`, `nf_nat_redirect_ipv6`).
    #[must_use]
    pub(super) const fn to_loopback(self) -> Self {
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

/// A transport protocol with what its header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// TCP.
    Tcp(PortPair),
    /// UDP.
    Udp(PortPair),
    /// Any other IP protocol, by its number (IANA "Assigned Internet Protocol Numbers").
    Other(u8),
}

/// The ports of a packet, 0 included: a packet can carry it although no socket has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PortPair {
    /// Where it comes from.
    pub source: u16,
    /// Where it goes to.
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
    /// The protocol, if it is one that rules can tell apart.
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

    /// The ports, of a protocol that has them.
    #[must_use]
    pub const fn ports(&self) -> Option<PortPair> {
        match self {
            Self::Tcp(ports) | Self::Udp(ports) => Some(*ports),
            Self::Other(_) => None,
        }
    }

    /// The same with another destination port, where there are ports.
    #[must_use]
    pub(super) const fn to_port(self, destination: u16) -> Self {
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

/// What connection tracking says of a packet (`ct state`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tracking {
    /// The first packet of a connection.
    #[default]
    New,
    /// A packet of a connection that is known, or one related to it.
    Tracked,
    /// A packet that fits no connection, such as one outside of the TCP window.
    Invalid,
}

impl Tracking {
    /// nft's word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Tracked => "established",
            Self::Invalid => "invalid",
        }
    }
}

impl fmt::Display for Connection {
    /// In plain form: `out tcp 10.0.0.5:443 from=10.0.0.2:40000 dev=eth0 uid=1000 gid=1000`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, interface, owner) = match &self.path {
            Path::Out { interface, owner } => ("out", interface, *owner),
            Path::In { interface } => ("in", interface, None),
        };
        let end = |end| self.addresses.end(end);
        match (&self.transport, self.transport.ports()) {
            (transport, Some(ports)) => write!(
                f,
                "{word} {transport} {} from={}",
                SocketAddr::new(end(End::Destination), ports.destination),
                SocketAddr::new(end(End::Source), ports.source),
            )?,
            (transport, None) => write!(
                f,
                "{word} protocol={} {} from={}",
                transport.number(),
                end(End::Destination),
                end(End::Source)
            )?,
        }
        write!(f, " dev={}", printable(interface))?;
        match (&self.path, owner) {
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
            Tracking::Tracked | Tracking::Invalid => write!(f, " state={}", self.tracking.name()),
        }
    }
}
