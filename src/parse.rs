//! Parses the values of options.
//!
//! Each function turns one text into a value or an error. The names of options, their sources and defaults are the
//! subject of [`options`](crate::options). All bad entries of a list are reported.

mod address;
mod amount;
mod exclusion;
mod list;
mod name_server;
mod number;
mod owner;
mod owner_kind;
mod port;
mod target;
mod word;

use std::net::IpAddr;

use ipnet::IpNet;
use thiserror::Error;

use crate::intent::{InterfaceNameError, OwnerId};

pub use address::{
    address, dns_server, loopback_range, network, network_with_host_bits, passthrough_source,
    socket_address, virtual_network,
};
pub use amount::{duration, go_duration, positive};
pub use exclusion::ports_for_uids;
pub(crate) use list::distinct;
pub use list::{Selection, entries, list, selection};
pub use name_server::name_servers;
pub use number::{mark, nonzero_mark, routing_table};
pub use owner::{Accounts, NameError, NoNames, owner, owner_id, owners};
pub use owner_kind::{LARGEST_OWNER, OwnerKind};
pub use port::{optional_port, port, ports};
pub use target::{NetworkNamespace, network_namespace};
pub use word::{
    DnsChoice, FamilyChoice, ModeChoice, count, dns_of_everyone, families, over_loopback, switch,
    word,
};

use crate::intent::InterfacePattern;

/// Why a text is not a valid value. Messages say what was expected first, then what was found.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ValueError {
    /// Two commas in a row, or one at an end.
    #[error("empty list entry; separate entries with single commas")]
    EmptyEntry,
    /// `*` between other entries.
    #[error("\"*\" means everything and must be the only entry")]
    StarNotAlone,
    /// Not a port number; 0 is reserved (RFC 6335).
    #[error("expected a port (1-65535), found {0:?}")]
    Port(String),
    /// Neither a port nor `none`.
    #[error("expected a port (1-65535) or none, found {0:?}")]
    OptionalPort(String),
    /// A dash that is not between two ports.
    #[error("expected a range of ports (such as 8000-8999, within 1-65535), found {0:?}")]
    PortRange(String),
    /// A range whose end is before its start.
    /// In order: the text, the first bound, which is greater, the second bound, which is smaller.
    #[error("{0:?} is a reversed range; did you mean {2}-{1}")]
    Backwards(String, u32, u32),
    /// Not an IP address.
    #[error("expected an IPv4 or IPv6 address, found {0:?}")]
    Address(String),
    /// An address that no socket can be bound to.
    #[error("expected the address of one host, found {0}")]
    Source(IpAddr),
    /// Neither an address nor a network.
    #[error("expected an IPv4 or IPv6 address or a CIDR (such as 10.0.0.0/8), found {0:?}")]
    Network(String),
    /// Not an interface, a colon and a network.
    #[error("expected INTERFACE:CIDR (such as docker0:172.17.0.0/16), found {0:?}")]
    VirtualNetwork(String),
    /// Two networks of one family on an interface.
    #[error("{0} has two networks of one family; name the one that its own traffic stays in")]
    SecondNetwork(InterfacePattern),
    /// A prefix length that the family does not have.
    /// In order: the text, the family's longest.
    #[error("expected a prefix length of 0-{1}, found {0:?}")]
    PrefixLength(String, u8),
    /// A CIDR with bits set after its prefix.
    /// In order: the text, the network that contains the address.
    #[error("{0}: host bits are set; did you mean {1}")]
    HostBits(String, IpNet),
    /// An address of `::ffff:0:0/96`, which is never on the wire (RFC 4291, 2.5.5.2).
    /// In order: the text, the IPv4 form.
    #[error("{0} is an IPv4-mapped IPv6 address, which no packet has; write the IPv4 form {1}")]
    Ipv4Mapped(String, String),
    /// A loopback range outside 127.0.0.0/8.
    #[error("expected an IPv4 address or CIDR inside 127.0.0.0/8, found {0:?}")]
    LoopbackRange(String),
    /// Neither an id nor a name.
    /// In order: the text, users or groups.
    #[error("expected a {1} id (0-{LARGEST_OWNER}) or name, found {0:?}")]
    Owner(String, OwnerKind),
    /// Not an id, where names are not accepted.
    /// In order: the text, users or groups.
    #[error("expected a {1} id (0-{LARGEST_OWNER}), found {0:?}")]
    OwnerId(String, OwnerKind),
    /// A range where single owners are needed.
    /// In order: the text, users or groups.
    #[error("expected single {1} ids (0-{LARGEST_OWNER}) and names, found the range {0:?}")]
    OwnerRange(String, OwnerKind),
    /// `(uid_t) -1`, which system calls read as "no change" (setreuid(2)).
    /// In order: the number, users or groups.
    #[error("{0} is not a {1} id for the kernel; the largest is {LARGEST_OWNER}")]
    OwnerSentinel(OwnerId, OwnerKind),
    /// A name without an entry.
    /// In order: the name, users or groups.
    #[error("there is no {1} {0:?} in {file}; expected an id (0-{LARGEST_OWNER}) or a name", file = .1.file())]
    UnknownName(String, OwnerKind),
    /// A name that could not be looked up.
    /// In order: the name, users or groups, the operating system's error.
    #[error("cannot look up the {1} {0:?} in {file}: {2}; an id (0-{LARGEST_OWNER}) needs no lookup", file = .1.file())]
    Lookup(String, OwnerKind, String),
    /// A name that only the pod's own files define.
    /// In order: the name, users or groups.
    #[error(
        "expected a {1} id (0-{LARGEST_OWNER}), found {0:?}; names are the pod's own, and not known to the plugin"
    )]
    NameOfPod(String, OwnerKind),
    /// A field is missing, empty or too many.
    #[error(
        "expected [tcp:|udp:]PORTS:UIDS (such as tcp:3306,6000-6999:999,2000-2999), found {0:?}"
    )]
    PortsForUids(String),
    /// Not a packet mark.
    #[error("expected a mark (0-4294967295, or hexadecimal 0x0-0xffffffff), found {0:?}")]
    Mark(String),
    /// 0, the mark of packets that were not marked.
    #[error(
        "expected a mark of 1-4294967295, found 0; every packet without a mark has it, and all would be delivered to this pod"
    )]
    MarkOfAll,
    /// Not a routing table; 0 stands for none (`RT_TABLE_UNSPEC`).
    #[error("expected a routing table (1-4294967295, or hexadecimal 0x1-0xffffffff), found {0:?}")]
    RoutingTable(String),
    /// A table that every packet looks up.
    #[error(
        "expected a routing table of 1-252 or 256-4294967295, found {0}; every packet uses that table, and all would be \
         delivered to this pod"
    )]
    TableInUse(u32),
    /// A line of resolv.conf(5) that the C library may read in its own way.
    /// In order: the line, counted from 1, the text in the address's place.
    #[error("line {0}: expected the IPv4 or IPv6 address of a name server, found {1:?}")]
    NameServer(usize, String),
    /// Not an interface name.
    #[error(
        "expected an interface name (up to 15 bytes) or a prefix with {wildcards}, found {text:?}, which {reason}"
    )]
    Interface {
        /// The text.
        text: String,
        /// What is wrong with it.
        reason: InterfaceNameError,
        /// The wildcards that are accepted at the end.
        wildcards: &'static str,
    },
    /// An interface name with the peer that `ip link` prints after it.
    /// In order: the text, the name before the `@`.
    #[error("expected an interface name, found {0:?} as ip link prints it; write {1}")]
    InterfaceWithPeer(String, String),
    /// Not one of the accepted words.
    /// In order: the text, the words.
    #[error("expected one of {1}, found {0:?}")]
    Word(String, &'static str),
    /// Not a small number.
    #[error("expected a number (0-255), found {0:?}")]
    Count(String),
    /// Not a positive number.
    #[error("expected a number (1 or more), found {0:?}")]
    Positive(String),
    /// Not an address with a port.
    #[error(
        "expected an address with a port (such as 127.0.0.1:15097 or [::1]:15097), found {0:?}"
    )]
    SocketAddress(String),
    /// Not a network namespace.
    #[error("expected a path, a name under /run/netns or a process id, found {0:?}")]
    NetworkNamespace(String),
    /// Not a duration, or an empty one.
    #[error("expected a time (such as 5s, 1m30s or 500ms), found {0:?}")]
    Duration(String),
    /// Not a whole number with a unit.
    #[error("expected a whole number with one of the units ms, s, m, h, d, found {0:?}")]
    DurationWithUnit(String),
    /// Not a number.
    #[error("expected a number (0-4294967295), found {0:?}")]
    WholeNumber(String),
    /// Not a network with its prefix length.
    #[error("expected a CIDR, an address with a prefix length (such as 10.0.0.0/8), found {0:?}")]
    Cidr(String),
    /// A number that one program reads as decimal and another as octal.
    #[error(
        "expected a decimal number without a leading zero, found {0:?}; iptables reads it as octal"
    )]
    LeadingZero(String),
    /// A trailing `*`, which iptables does not know.
    #[error("{0:?} ends in *, which is not a wildcard in iptables; use +")]
    InterfaceStar(String),
}

impl ValueError {
    /// The text is none of the accepted words.
    #[must_use]
    pub fn word(text: &str, accepted: &'static str) -> Self {
        Self::Word(text.to_owned(), accepted)
    }
}

/// An interface name, or a prefix with `+` or `*` after it.
pub fn interface(text: &str) -> Result<InterfacePattern, ValueError> {
    text.parse().map_err(|reason| {
        with_peer(text).unwrap_or_else(|| ValueError::Interface {
            text: text.to_owned(),
            reason,
            wildcards: "+ or *",
        })
    })
}

/// The error for `eth0@if3`, as ip-link(8) prints the interface `eth0` and its peer.
fn with_peer(text: &str) -> Option<ValueError> {
    let (name, _) = text.split_once('@')?;
    name.parse::<InterfacePattern>().ok()?;
    Some(ValueError::InterfaceWithPeer(
        text.to_owned(),
        name.to_owned(),
    ))
}

/// A number in plain decimal digits, or `None`: `u32::from_str` also takes a plus sign.
pub(crate) fn decimal<T: std::str::FromStr>(text: &str) -> Option<T> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests;
