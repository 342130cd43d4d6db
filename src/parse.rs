//! Texts to values: what every front end's options are made of.
//!
//! Pure functions from one text to one value, or to what is wrong with it. The names of the options,
//! where their texts come from and what an absent one means is left to [`options`](crate::options).
//! An error quotes the text and says what is accepted; it never stops at a list's first bad entry.

mod address;
mod amount;
mod exclusion;
mod list;
mod name_server;
mod number;
mod owner;
mod port;
mod target;
mod word;

use std::net::IpAddr;

use ipnet::IpNet;
use thiserror::Error;

use crate::intent::{InterfaceNameError, OwnerId};

pub use address::{address, loopback_range, network, network_with_host_bits, passthrough_source};
pub use amount::{duration, go_duration, positive};
pub use exclusion::ports_for_uids;
pub use list::{Selection, entries, list, selection};
pub use name_server::name_servers;
pub use number::{mark, routing_table, telling_mark};
pub use owner::{Accounts, LARGEST_OWNER, NameError, OwnerKind, owner, owner_id, owners};
pub use port::{optional_port, port, ports};
pub use target::{NetworkNamespace, network_namespace};
pub use word::{
    DnsChoice, FamilyChoice, ModeChoice, count, dns, families, inbound_mode, over_loopback, switch,
};

use crate::intent::InterfacePattern;

/// Why a text is not the value that was asked for.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ValueError {
    /// Two commas in a row, or one at an end.
    #[error("an entry of the list is empty; entries are separated by single commas")]
    EmptyEntry,
    /// `*` between other entries.
    #[error("\"*\" means everything and stands alone")]
    StarNotAlone,
    /// No port number; 0 cannot be listened on or connected to (RFC 6335).
    #[error("{0:?} is not a port (1-65535)")]
    Port(String),
    /// Neither a port nor `none`.
    #[error("{0:?} is neither a port (1-65535) nor \"none\"")]
    OptionalPort(String),
    /// A dash, but not between two ports.
    #[error("{0:?} is not a range of ports (such as 8000-8999, within 1-65535)")]
    PortRange(String),
    /// The range ends before it starts.
    #[error("{text:?} runs backwards; did you mean {last}-{first}")]
    Backwards {
        /// What was written.
        text: String,
        /// The bound that was written first, and is greater.
        first: u32,
        /// The bound that was written last, and is smaller.
        last: u32,
    },
    /// No address.
    #[error("{0:?} is not an IPv4 or IPv6 address")]
    Address(String),
    /// A source address that no socket can have.
    #[error("{0} cannot be the source of a connection; accepted is an address of one host")]
    Source(IpAddr),
    /// Neither an address nor a network.
    #[error("{0:?} is neither an IPv4 or IPv6 address nor a CIDR (such as 10.0.0.0/8)")]
    Network(String),
    /// The part after the slash is no prefix length of the family.
    #[error("{text:?} has no valid prefix length (0-{longest})")]
    PrefixLength {
        /// What was written.
        text: String,
        /// The family's longest.
        longest: u8,
    },
    /// A CIDR with bits set after its prefix.
    #[error("{text}: host bits are set; did you mean {network}")]
    HostBits {
        /// What was written.
        text: String,
        /// The network that the address is in.
        network: IpNet,
    },
    /// An address of `::ffff:0:0/96`, which never is on the wire (RFC 4291, 2.5.5.2).
    #[error(
        "{text} is an IPv4-mapped IPv6 address, which no packet bears; write the IPv4 form {ipv4}"
    )]
    Ipv4Mapped {
        /// What was written.
        text: String,
        /// The same as IPv4.
        ipv4: String,
    },
    /// A range for loopback that is none.
    #[error("{0:?} is not an IPv4 address or CIDR inside 127.0.0.0/8")]
    LoopbackRange(String),
    /// Neither an id nor a name.
    #[error("{text:?} is not a {kind} id (0-{LARGEST_OWNER}) or name")]
    Owner {
        /// What was written.
        text: String,
        /// Of whom.
        kind: OwnerKind,
    },
    /// No id where names are none.
    #[error("{text:?} is not a {kind} id (0-{LARGEST_OWNER})")]
    OwnerId {
        /// What was written.
        text: String,
        /// Of whom.
        kind: OwnerKind,
    },
    /// A range where single owners are needed.
    #[error("{text:?} is a range; accepted are single {kind} ids (0-{LARGEST_OWNER}) and names")]
    OwnerRange {
        /// What was written.
        text: String,
        /// Of whom.
        kind: OwnerKind,
    },
    /// `(uid_t) -1` is no id: system calls take it for "leave as it is" (setreuid(2)).
    #[error("{id} is not a {kind} id to the kernel; the largest is {LARGEST_OWNER}")]
    OwnerSentinel {
        /// The number.
        id: OwnerId,
        /// Of whom.
        kind: OwnerKind,
    },
    /// A name that nobody has.
    #[error("there is no {kind} {name:?} in {}; accepted are ids (0-{LARGEST_OWNER}) and names", kind.file())]
    UnknownName {
        /// The name.
        name: String,
        /// Of whom.
        kind: OwnerKind,
    },
    /// A name that could not be looked up.
    #[error("the {kind} {name:?} cannot be looked up in {}: {reason}; an id (0-{LARGEST_OWNER}) needs no lookup", kind.file())]
    Lookup {
        /// The name.
        name: String,
        /// Of whom.
        kind: OwnerKind,
        /// What the operating system said.
        reason: String,
    },
    /// A name that only the pod's own files could tell the id of.
    #[error(
        "{name:?} is not a {kind} id (0-{LARGEST_OWNER}); names are the pod's own, and not known to the plugin"
    )]
    NameOfPod {
        /// The name.
        name: String,
        /// Of whom.
        kind: OwnerKind,
    },
    /// A field is missing, empty or too many.
    #[error("{0:?} is not [tcp:|udp:]PORTS:UIDS (such as tcp:3306,6000-6999:999,2000-2999)")]
    PortsForUids(String),
    /// No packet mark.
    #[error("{0:?} is not a mark (0-4294967295, or as hexadecimal 0x0-0xffffffff)")]
    Mark(String),
    /// Packets that nobody marked have the mark 0.
    #[error(
        "0 is the mark of every packet that nobody marked: all of them would be for this pod, which would reach \
         nobody any more; accepted is 1-4294967295"
    )]
    MarkOfAll,
    /// No routing table; 0 stands for none (`RT_TABLE_UNSPEC`).
    #[error("{0:?} is not a routing table (1-4294967295, or as hexadecimal 0x1-0xffffffff)")]
    RoutingTable(String),
    /// A table that every packet looks up.
    #[error(
        "{0} is a routing table that every packet looks up: all of them would be for this pod, which would reach \
         nobody any more; accepted are 1-252 and 256-4294967295"
    )]
    TableInUse(u32),
    /// A line of resolv.conf that the C library may read in its own way.
    #[error("line {line}: the name server {text:?} is not an IPv4 or IPv6 address")]
    NameServer {
        /// The line, counted from 1.
        line: usize,
        /// What stands where the address should.
        text: String,
    },
    /// No interface name.
    #[error(
        "{text:?} {reason}; accepted is an interface name of up to 15 bytes, or a prefix with + or *"
    )]
    Interface {
        /// What was written.
        text: String,
        /// What is wrong with it.
        reason: InterfaceNameError,
    },
    /// Not one of the words that are accepted.
    #[error("{text:?} is not one of {accepted}")]
    Word {
        /// What was written.
        text: String,
        /// The words.
        accepted: &'static str,
    },
    /// No small number.
    #[error("{0:?} is not a number (0-255)")]
    Count(String),
    /// Nothing, or not a number.
    #[error("{0:?} is not a number (1 or more)")]
    Positive(String),
    /// No address with a port.
    #[error("{0:?} is not an address with a port (such as 127.0.0.1:15097 or [::1]:15097)")]
    SocketAddress(String),
    /// No network namespace.
    #[error("{0:?} is neither a path, nor a name under /run/netns, nor a process id")]
    NetworkNamespace(String),
    /// No duration, or none that passes.
    #[error("{0:?} is not a time (such as 5s, 1m30s or 500ms)")]
    Duration(String),
    /// No number.
    #[error("{0:?} is not a number (0-4294967295)")]
    WholeNumber(String),
    /// No network with its prefix length.
    #[error(
        "{0:?} is not a CIDR: an IPv4 or IPv6 address, a slash and a prefix length (such as 10.0.0.0/8)"
    )]
    Cidr(String),
    /// A number that one program reads as decimal and another as octal.
    #[error(
        "{0:?} has a leading zero, with which iptables reads an octal number; accepted are decimal numbers without"
    )]
    LeadingZero(String),
    /// A wildcard that iptables does not know.
    #[error("{0:?} ends in a star, which is no wildcard to iptables; a + is")]
    InterfaceStar(String),
}

/// An interface name, or a prefix with `+` or `*` after it.
pub fn interface(text: &str) -> Result<InterfacePattern, ValueError> {
    text.parse().map_err(|reason| ValueError::Interface {
        text: text.to_owned(),
        reason,
    })
}

/// A number in plain decimal digits, or `None`: `u32::from_str` also takes a plus sign.
pub(crate) fn decimal<T: std::str::FromStr>(text: &str) -> Option<T> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests;
