//! Netlink: messages, the sockets that carry them and what the kernel answers (RFC 3549, `linux/netlink.h`).
//!
//! Sockets belong to the network namespace of the thread that opens them.

mod channel;
mod error;
mod message;
mod multicast;
mod request;
mod retry;
pub(crate) mod sock_diag;
mod socket;
mod subsystem;

use std::net::IpAddr;

use crate::intent::Family;
use crate::printable::printable;

pub(crate) use error::kind_of;
pub use error::{Error, Refusal};
pub(crate) use message::{Answer, Attributes, Message, read_u32};
pub(crate) use multicast::{Group, Received, Topic};
pub(crate) use request::{Flags, Nest, Request};
pub(crate) use retry::retry;
pub(crate) use socket::Socket;
pub(crate) use subsystem::Subsystem;

/// The length of `struct nlmsghdr`.
const HEADER: usize = 16;
/// Attributes and messages are padded to this many bytes (`NLA_ALIGNTO`, `NLMSG_ALIGNTO`).
const ALIGNMENT: usize = 4;
/// The kernel sends dumps in parts of up to this size to readers with a buffer of it (`netlink_dump`).
const RECEIVE_BUFFER: usize = 32 * 1024;

/// A name or a comment, which any program may have chosen: for output and comparison, not for sending it back.
pub(crate) fn text(bytes: &[u8]) -> String {
    printable(&String::from_utf8_lossy(bytes)).into_owned()
}

/// `AF_INET` or `AF_INET6`, which are also `NFPROTO_IPV4` and `NFPROTO_IPV6` (`linux/netfilter.h`).
pub(crate) const fn address_family(family: Family) -> u8 {
    match family {
        Family::Ipv4 => 2,
        Family::Ipv6 => 10,
    }
}

/// The number of the address's family, and the length of the prefix that contains this address alone.
pub(crate) const fn host(address: IpAddr) -> [u8; 2] {
    match address {
        IpAddr::V4(_) => [address_family(Family::Ipv4), 32],
        IpAddr::V6(_) => [address_family(Family::Ipv6), 128],
    }
}

/// The bytes of an address in network order.
pub(crate) fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// The family of the number.
pub(crate) fn family_of(number: u8) -> Option<Family> {
    let mut families = Family::ALL.into_iter();
    families.find(|&family| address_family(family) == number)
}
