//! What to capture: a [`Capture`], which is valid by its types.
//!
//! Commands and plugin parse their own syntax to a `Capture`, which may fail; everything that reads a `Capture` cannot
//! fail.

mod family;
mod interface;
mod interval;
mod range;
mod uid_ports;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU16;

use crate::named::named;

use ipnet::{IpNet, Ipv4Net};

pub use family::Family;
pub use interface::{InterfaceNameError, InterfacePattern, Interfaces, LOOPBACK};
pub use interval::{Bound, Interval, Intervals};
pub use range::{IpRanges, cidr_of};
pub use uid_ports::{UidPortRange, UidPorts};

/// A TCP or UDP port, 1 to 65535 (RFC 6335; port 0 is reserved and cannot be listened on).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Port(NonZeroU16);

impl Port {
    /// The port of the number, or `None` for 0.
    #[must_use]
    pub const fn new(number: u16) -> Option<Self> {
        match NonZeroU16::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number, 1 to 65535.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0.get()
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The port of DNS servers (RFC 1035), over UDP and TCP.
pub const DNS_PORT: Port = Port::new(53).expect("53 is not 0");

/// A set of ports.
pub type Ports = Intervals<u16>;

/// A user or group id (32 bit; `uid_t` and `gid_t`).
pub type OwnerId = u32;

/// A set of user or group ids.
pub type Owners = Intervals<OwnerId>;

/// The families whose connections are captured; others bypass the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Families {
    /// IPv4 and IPv6.
    Both,
    /// One of them.
    Only(Family),
}

impl Families {
    /// Whether connections of the family are captured.
    #[must_use]
    pub fn contains(self, family: Family) -> bool {
        match self {
            Self::Both => true,
            Self::Only(only) => only == family,
        }
    }

    /// The captured families, IPv4 first.
    pub fn iter(self) -> impl Iterator<Item = Family> {
        Family::ALL
            .into_iter()
            .filter(move |&family| self.contains(family))
    }
}

/// The traffic to capture, and the traffic to bypass: the input of [`plan`](crate::plan::plan).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// The captured families.
    pub families: Families,
    /// The proxy's ports and owners.
    pub proxy: Proxy,
    /// Inbound connections.
    pub inbound: Inbound,
    /// Outbound connections.
    pub outbound: Outbound,
    /// Interfaces whose traffic bypasses the proxy, in both directions.
    pub exclude_interfaces: Vec<InterfacePattern>,
    /// IPv4 destinations that are never captured on the way out, inside 127.0.0.0/8. Its IPv6
    /// counterpart is always `::1/128`.
    pub loopback_range: Ipv4Net,
    /// The addresses from which the proxy calls its own application.
    pub passthrough: PassthroughSources,
    /// Whether incoming packets that connection tracking calls invalid are dropped.
    pub drop_invalid: bool,
    /// DNS capture; `None` if it is off.
    pub dns: Option<Dns>,
}

/// The proxy's ports and owners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// Takes captured outbound TCP.
    pub outbound_port: Port,
    /// Takes captured inbound TCP.
    pub inbound_port: Port,
    /// The proxy's own mutual-TLS port, reached directly.
    pub tunnel_port: Option<Port>,
    /// The users that the proxy runs as, in the order of their rules.
    pub uids: Vec<OwnerId>,
    /// The groups that the proxy runs as, in the order of their rules.
    pub gids: Vec<OwnerId>,
}

/// Inbound connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inbound {
    /// How they reach the proxy.
    pub mode: InboundMode,
    /// The captured ports.
    pub ports: InboundPorts,
    /// Sources whose connections bypass the proxy.
    pub exclude_sources: IpRanges,
    /// Interfaces of virtual machines or nested containers: connections that arrive there are outbound connections of
    /// the pod.
    pub reroute_interfaces: Vec<InterfacePattern>,
    /// Networks inside the pod, such as those of containers on its bridge; `None` without any.
    pub virtual_networks: Option<VirtualNetworks>,
}

/// Networks inside the pod, such as those of containers on its bridge. What arrives from there is captured like an outbound
/// connection, unless it goes to the network itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualNetworks {
    /// The proxy's port for their DNS queries, which are captured whether or not those of the pod are.
    pub dns_port: Port,
    /// The networks: of each interface at most one of a family.
    pub networks: Vec<VirtualNetwork>,
}

/// A network behind an interface of the pod. Of a family without a network nothing is captured on the interface.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct VirtualNetwork {
    /// Where its connections arrive.
    pub interface: InterfacePattern,
    /// Its addresses.
    pub network: IpNet,
}

/// How captured inbound connections reach the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InboundMode {
    /// With `redirect`, which rewrites the destination; the proxy reads the original one with `SO_ORIGINAL_DST`.
    Redirect,
    /// With `tproxy`, which hands packets to a transparent socket and keeps their addresses.
    Tproxy(Tproxy),
}

/// The marks and the routing table of tproxy mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tproxy {
    /// The mark of packets for the transparent listener.
    pub mark: u32,
    /// The mark of the proxy's own packets to its own pod.
    pub outbound_mark: u32,
    /// The routing table in which everything is local.
    pub table: u32,
}

/// The captured inbound ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InboundPorts {
    /// All ports except these.
    AllExcept(Ports),
    /// These ports; an empty list disables inbound capture.
    Only(Ports),
}

/// Outbound connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outbound {
    /// Destinations that bypass the proxy before any other line: DNS queries to them, and the proxy's calls to its own pod,
    /// too.
    pub exclude_ranges_first: IpRanges,
    /// Destination ports that bypass the proxy.
    pub exclude_ports: Ports,
    /// Destination ports that bypass the proxy for certain users.
    pub exclude_ports_for_uids: Vec<PortsForUids>,
    /// Destination ports that are captured for every address.
    pub include_ports: Ports,
    /// Destinations that are captured.
    pub include_ranges: RangeSelection,
    /// Destinations that bypass the proxy.
    pub exclude_ranges: IpRanges,
    /// Whether connections over `lo` that are not the proxy's are captured, too; otherwise they bypass the proxy. Set if
    /// an included range contains a loopback address.
    pub capture_over_loopback: bool,
    /// The captured users.
    pub uids: OwnerSelection,
    /// The captured groups.
    pub gids: OwnerSelection,
}

/// The exclusions that hold for the protocol, with their positions, from 1.
pub fn exclusions_of(
    exclusions: &[PortsForUids],
    protocol: Protocol,
) -> impl Iterator<Item = (usize, &PortsForUids)> {
    let holds = move |own: &PortsForUids| own.protocol.is_none_or(|only| only == protocol);
    (1..).zip(exclusions).filter(move |(_, own)| holds(own))
}

/// Destination ports that bypass the proxy for certain users.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PortsForUids {
    /// The protocol, or both when `None`.
    pub protocol: Option<Protocol>,
    /// The destination ports.
    pub ports: Ports,
    /// The users.
    pub uids: Owners,
}

named! {
    /// A transport protocol that rules match on.
    pub enum Protocol: name {
        /// TCP (IP protocol 6).
        Tcp "tcp";
        /// UDP (IP protocol 17).
        Udp "udp";
    }
}

impl Protocol {
    /// The protocol number in the IP header (IANA "Assigned Internet Protocol Numbers").
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }
}

/// All addresses, or certain ranges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RangeSelection {
    /// `*`: every address of both families.
    All,
    /// These ranges.
    Only(IpRanges),
}

/// The captured owners. Exclusion takes precedence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnerSelection {
    /// The captured owners; all if `None`.
    pub include: Option<Owners>,
    /// Owners whose connections bypass the proxy.
    pub exclude: Owners,
}

/// The addresses from which the proxy calls its own application.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PassthroughSources {
    /// IPv4 addresses.
    pub ipv4: Vec<Ipv4Addr>,
    /// IPv6 addresses; each must be an address of `lo`, or the proxy cannot bind to it.
    pub ipv6: Vec<Ipv6Addr>,
}

/// DNS capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dns {
    /// The proxy's DNS port, or that of the server in its place.
    pub port: Port,
    /// The server that gets the queries of its family in the proxy's place; those of the other family are not captured.
    pub to: Option<IpAddr>,
    /// The servers whose queries are captured.
    pub servers: RangeSelection,
    /// Whether everyone's queries are captured: the proxy's too, and those that are excluded.
    pub everyone: bool,
    /// What happens to queries over TCP.
    pub tcp: DnsOverTcp,
    /// Whether queries of applications and of the proxy are tracked in separate conntrack zones. They never are where
    /// another server gets the queries, or the proxy's own ones are captured, too.
    pub zones: bool,
}

impl Dns {
    /// Queries to these servers over UDP and TCP, tracked in zones.
    #[must_use]
    pub const fn new(port: Port, servers: RangeSelection) -> Self {
        Self {
            port,
            to: None,
            servers,
            everyone: false,
            tcp: DnsOverTcp::Redirect,
            zones: true,
        }
    }

    /// Whether only queries over UDP go to the DNS port. Exclusions by port, and by the passthrough source, are then for
    /// TCP alone.
    #[must_use]
    pub fn is_udp_only(&self) -> bool {
        self.tcp != DnsOverTcp::Redirect
    }

    /// Whether queries of the family are captured.
    #[must_use]
    pub fn has_servers_of(&self, family: Family) -> bool {
        self.to.is_none_or(|to| Family::of(to) == family)
            && match &self.servers {
                RangeSelection::All => true,
                RangeSelection::Only(servers) => !servers.is_empty_for(family),
            }
    }

    /// Whether the proxy's queries differ from those of applications by their conntrack zone.
    #[must_use]
    pub const fn has_zones(&self) -> bool {
        self.zones && self.to.is_none() && !self.everyone
    }
}

named! {
    /// What happens to DNS queries over TCP.
    pub enum DnsOverTcp: name {
        /// They go to the DNS port, like those over UDP.
        Redirect "redirect";
        /// They bypass the proxy, to any server.
        Bypass "bypass";
        /// They are captured like other TCP.
        Outbound "outbound";
    }
}

impl Default for Capture {
    /// The defaults of `netweir apply`: all TCP, for a proxy with the usual ports and user of meshes. A test of the
    /// `options` module compares them with those of the option table.
    fn default() -> Self {
        const OUTBOUND: Port = Port::new(15001).expect("15001 is not 0");
        const INBOUND: Port = Port::new(15006).expect("15006 is not 0");
        const TUNNEL: Port = Port::new(15008).expect("15008 is not 0");
        Self {
            families: Families::Both,
            proxy: Proxy {
                outbound_port: OUTBOUND,
                inbound_port: INBOUND,
                tunnel_port: Some(TUNNEL),
                uids: vec![1337],
                gids: vec![1337],
            },
            inbound: Inbound {
                mode: InboundMode::Redirect,
                ports: InboundPorts::AllExcept(Ports::default()),
                exclude_sources: IpRanges::default(),
                reroute_interfaces: Vec::new(),
                virtual_networks: None,
            },
            outbound: Outbound {
                exclude_ranges_first: IpRanges::default(),
                exclude_ports: Ports::default(),
                exclude_ports_for_uids: Vec::new(),
                include_ports: Ports::default(),
                include_ranges: RangeSelection::All,
                exclude_ranges: IpRanges::default(),
                capture_over_loopback: false,
                uids: OwnerSelection::default(),
                gids: OwnerSelection::default(),
            },
            exclude_interfaces: Vec::new(),
            loopback_range: Ipv4Net::new_assert(Ipv4Addr::LOCALHOST, 32),
            passthrough: PassthroughSources {
                ipv4: vec![Ipv4Addr::new(127, 0, 0, 6)],
                ipv6: vec![Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0, 6)],
            },
            drop_invalid: false,
            dns: None,
        }
    }
}
