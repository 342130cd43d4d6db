//! The addresses of the network namespace.

use std::io;
use std::net::IpAddr;

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;
use nix::sys::socket::SockaddrStorage;

use crate::intent::{Families, Family};

/// The families that the namespace has an address of, apart from loopback and link-local ones; `None` where it
/// has no such address at all.
pub fn families_with_addresses() -> io::Result<Option<Families>> {
    let (mut ipv4, mut ipv6) = (false, false);
    for interface in getifaddrs()? {
        if interface.flags.contains(InterfaceFlags::IFF_LOOPBACK) {
            continue;
        }
        match interface.address.as_ref().and_then(ip) {
            Some(IpAddr::V4(address)) => ipv4 |= !address.is_link_local(),
            Some(IpAddr::V6(address)) => ipv6 |= !address.is_unicast_link_local(),
            None => {}
        }
    }
    Ok(match (ipv4, ipv6) {
        (true, true) => Some(Families::Both),
        (true, false) => Some(Families::Only(Family::Ipv4)),
        (false, true) => Some(Families::Only(Family::Ipv6)),
        (false, false) => None,
    })
}

/// The IP address, if it is one: interfaces have link-layer addresses, too.
fn ip(address: &SockaddrStorage) -> Option<IpAddr> {
    let ipv4 = address.as_sockaddr_in().map(|ipv4| IpAddr::V4(ipv4.ip()));
    ipv4.or_else(|| address.as_sockaddr_in6().map(|ipv6| IpAddr::V6(ipv6.ip())))
}
