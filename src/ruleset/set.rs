//! Sets and their elements.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Serialize, Serializer};

use crate::connection::ConnectionEnds;
use crate::intent::{Family, Interfaces, Intervals, Protocol, UidPorts};

use super::owner_kind::OwnerKind;
use super::text::is_text_of;

/// A named set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// Its name.
    pub name: SetName,
    /// Its elements, which determine its type.
    pub elements: Elements,
}

/// The name of a set, at most 31 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SetName {
    /// Included ports of inbound connections.
    InboundIncludePorts,
    /// Excluded ports of inbound connections.
    InboundExcludePorts,
    /// Excluded sources of inbound connections.
    InboundExclude(Family),
    /// Excluded interfaces.
    ExcludeInterfaces,
    /// Interfaces of virtual machines.
    RerouteInterfaces,
    /// The addresses from which the proxy calls its application.
    PassthroughSources(Family),
    /// Users or groups that the proxy runs as, if there are several.
    ProxyOwners(OwnerKind),
    /// Included destination ports.
    OutboundIncludePorts,
    /// Excluded destination ports.
    OutboundExcludePorts,
    /// Destination ports excluded for users, by the position of the exclusion, from 1.
    OutboundExcludePortsForUids(usize),
    /// The users of the exclusion at this position, from 1.
    OutboundExcludePortsUids(usize),
    /// Users with the destination ports that are excluded for them, by several exclusions.
    OutboundExcludeUidPorts(Protocol),
    /// Included destinations.
    OutboundInclude(Family),
    /// Excluded destinations.
    OutboundExclude(Family),
    /// Destinations that are excluded first.
    OutboundExcludeFirst(Family),
    /// Included users or groups.
    OutboundIncludeOwners(OwnerKind),
    /// Excluded users or groups.
    OutboundExcludeOwners(OwnerKind),
    /// DNS servers whose queries are captured.
    DnsServers(Family),
    /// Connections that were open before they could be captured.
    OpenConnections(Family),
    /// The name of a set that another program, or another version, made.
    Other(String),
}

impl From<&str> for SetName {
    /// The name of this text; a text that no name of the plan has stays what it is, in [`SetName::Other`].
    fn from(text: &str) -> Self {
        let fixed = [
            Self::InboundIncludePorts,
            Self::InboundExcludePorts,
            Self::OutboundIncludePorts,
            Self::OutboundExcludePorts,
            Self::ExcludeInterfaces,
            Self::RerouteInterfaces,
            Self::OutboundExcludeUidPorts(Protocol::Tcp),
            Self::OutboundExcludeUidPorts(Protocol::Udp),
        ];
        let by_family = Family::ALL.into_iter().flat_map(|family| {
            [
                Self::InboundExclude,
                Self::PassthroughSources,
                Self::OutboundInclude,
                Self::OutboundExclude,
                Self::OutboundExcludeFirst,
                Self::DnsServers,
                Self::OpenConnections,
            ]
            .map(|name: fn(Family) -> Self| name(family))
        });
        let by_owner = OwnerKind::ALL.into_iter().flat_map(|kind| {
            [
                Self::ProxyOwners(kind),
                Self::OutboundIncludeOwners(kind),
                Self::OutboundExcludeOwners(kind),
            ]
        });
        let position: String = text.chars().filter(char::is_ascii_digit).collect();
        let by_position = position.parse().into_iter().flat_map(|position| {
            [
                Self::OutboundExcludePortsForUids(position),
                Self::OutboundExcludePortsUids(position),
            ]
        });
        fixed
            .into_iter()
            .chain(by_family)
            .chain(by_owner)
            .chain(by_position)
            .find(|name| is_text_of(text, name))
            .unwrap_or_else(|| Self::Other(text.to_owned()))
    }
}

impl Serialize for SetName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for SetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InboundIncludePorts => f.write_str("inbound_include_ports"),
            Self::InboundExcludePorts => f.write_str("inbound_exclude_ports"),
            Self::InboundExclude(family) => write!(f, "inbound_exclude_{}", family.name()),
            Self::ExcludeInterfaces => f.write_str("exclude_interfaces"),
            Self::RerouteInterfaces => f.write_str("reroute_interfaces"),
            Self::PassthroughSources(family) => {
                write!(f, "passthrough_sources_{}", family.name())
            }
            Self::ProxyOwners(kind) => write!(f, "proxy_{}s", kind.name()),
            Self::OutboundIncludePorts => f.write_str("outbound_include_ports"),
            Self::OutboundExcludePorts => f.write_str("outbound_exclude_ports"),
            Self::OutboundExcludePortsForUids(nth) => write!(f, "outbound_exclude_ports_{nth}"),
            Self::OutboundExcludePortsUids(nth) => write!(f, "outbound_exclude_ports_{nth}_uids"),
            Self::OutboundExcludeUidPorts(protocol) => {
                write!(f, "outbound_exclude_uid_ports_{}", protocol.name())
            }
            Self::OutboundInclude(family) => write!(f, "outbound_include_{}", family.name()),
            Self::OutboundExclude(family) => write!(f, "outbound_exclude_{}", family.name()),
            Self::OutboundExcludeFirst(family) => {
                write!(f, "outbound_exclude_first_{}", family.name())
            }
            Self::OutboundIncludeOwners(kind) => write!(f, "outbound_include_{}s", kind.name()),
            Self::OutboundExcludeOwners(kind) => write!(f, "outbound_exclude_{}s", kind.name()),
            Self::DnsServers(family) => write!(f, "dns_servers_{}", family.name()),
            Self::OpenConnections(family) => write!(f, "open_connections_{}", family.name()),
            Self::Other(text) => f.write_str(text),
        }
    }
}

/// TCP connections of both families that were open before they could be captured, in any order.
pub type OpenConnections = Vec<ConnectionEnds>;

/// The elements of a set, by the type of its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Elements {
    /// `inet_service`: TCP or UDP ports.
    Ports(Intervals<u16>),
    /// `ipv4_addr`.
    Ipv4(Intervals<Ipv4Addr>),
    /// `ipv6_addr`.
    Ipv6(Intervals<Ipv6Addr>),
    /// `uid`.
    Uids(Intervals<u32>),
    /// `gid`.
    Gids(Intervals<u32>),
    /// `ifname`.
    Interfaces(Interfaces),
    /// `uid . inet_service`.
    UidPorts(UidPorts),
    /// `ipv4_addr . inet_service . ipv4_addr . inet_service`, or the same of IPv6: the connections of that family. Rules cannot
    /// look up ranges of these, and the kernel refuses changes while a rule looks the set up.
    Connections(Family, OpenConnections),
}

impl Elements {
    /// The set's type in nft's words.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Ports(_) => "inet_service",
            Self::Ipv4(_) => "ipv4_addr",
            Self::Ipv6(_) => "ipv6_addr",
            Self::Uids(_) => "uid",
            Self::Gids(_) => "gid",
            Self::Interfaces(_) => "ifname",
            Self::UidPorts(_) => "uid . inet_service",
            Self::Connections(Family::Ipv4, _) => {
                "ipv4_addr . inet_service . ipv4_addr . inet_service"
            }
            Self::Connections(Family::Ipv6, _) => {
                "ipv6_addr . inet_service . ipv6_addr . inet_service"
            }
        }
    }

    /// The set's flag in nft's words.
    #[must_use]
    pub const fn flag(&self) -> &'static str {
        match self {
            Self::Ports(_)
            | Self::Ipv4(_)
            | Self::Ipv6(_)
            | Self::Uids(_)
            | Self::Gids(_)
            | Self::Interfaces(_)
            | Self::UidPorts(_) => "interval",
            Self::Connections(..) => "constant",
        }
    }

    /// The number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Ports(intervals) => intervals.len(),
            Self::Ipv4(intervals) => intervals.len(),
            Self::Ipv6(intervals) => intervals.len(),
            Self::Uids(intervals) | Self::Gids(intervals) => intervals.len(),
            Self::Interfaces(interfaces) => interfaces.len(),
            Self::UidPorts(pairs) => pairs.len(),
            Self::Connections(_, connections) => connections.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements that are not in the other set; `None` if the keys are of another type.
    #[must_use]
    pub fn without(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Ports(own), Self::Ports(other)) => Some(Self::Ports(own.without(other))),
            (Self::Ipv4(own), Self::Ipv4(other)) => Some(Self::Ipv4(own.without(other))),
            (Self::Ipv6(own), Self::Ipv6(other)) => Some(Self::Ipv6(own.without(other))),
            (Self::Uids(own), Self::Uids(other)) => Some(Self::Uids(own.without(other))),
            (Self::Gids(own), Self::Gids(other)) => Some(Self::Gids(own.without(other))),
            (Self::UidPorts(own), Self::UidPorts(other)) => {
                Some(Self::UidPorts(own.without(other)))
            }
            (Self::Interfaces(own), Self::Interfaces(other)) => {
                Some(Self::Interfaces(own.without(other)))
            }
            (Self::Connections(family, own), Self::Connections(of, other)) if family == of => {
                // Equal lists are the rule, and quickly compared.
                let is_own = |ends: &&_| own != other && !other.contains(ends);
                let own = own.iter().filter(is_own).copied().collect();
                Some(Self::Connections(*family, own))
            }
            (
                Self::Ports(_)
                | Self::Ipv4(_)
                | Self::Ipv6(_)
                | Self::Uids(_)
                | Self::Gids(_)
                | Self::Interfaces(_)
                | Self::UidPorts(_)
                | Self::Connections(..),
                _,
            ) => None,
        }
    }
}
