//! The addresses of the network namespace.

use std::io;
use std::net::IpAddr;

use ipnet::IpNet;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;
use nix::sys::socket::SockaddrStorage;

use crate::intent::{Families, Family};

/// The families that the namespace has an address of, apart from loopback and link-local ones; `None` where it
/// has no such address at all.
pub fn families_with_addresses() -> io::Result<Option<Families>> {
    let addresses = global_addresses()?;
    let ipv4 = addresses.iter().any(|address| address.addr().is_ipv4());
    let ipv6 = addresses.iter().any(|address| address.addr().is_ipv6());
    Ok(match (ipv4, ipv6) {
        (true, true) => Some(Families::Both),
        (true, false) => Some(Families::Only(Family::Ipv4)),
        (false, true) => Some(Families::Only(Family::Ipv6)),
        (false, false) => None,
    })
}

/// The addresses of the namespace with their networks, apart from loopback and link-local ones.
pub(crate) fn global_addresses() -> io::Result<Vec<IpNet>> {
    let mut addresses = Vec::new();
    for interface in getifaddrs()? {
        if interface.flags.contains(InterfaceFlags::IFF_LOOPBACK) {
            continue;
        }
        let Some(address) = interface.address.as_ref().and_then(ip) else {
            continue;
        };
        let is_link_local = match address {
            IpAddr::V4(address) => address.is_link_local(),
            IpAddr::V6(address) => address.is_unicast_link_local(),
        };
        let mask = interface.netmask.as_ref().and_then(ip);
        let network = match mask {
            Some(mask) => IpNet::with_netmask(address, mask).unwrap_or(address.into()),
            None => address.into(),
        };
        if !is_link_local {
            addresses.push(network);
        }
    }
    Ok(addresses)
}

/// The interface that has the address.
pub fn interface_of(address: IpAddr) -> io::Result<Option<String>> {
    let mut interfaces = getifaddrs()?;
    let has_it = interfaces.find(|interface| {
        let own = interface.address.as_ref().and_then(ip);
        own == Some(address)
    });
    Ok(has_it.map(|interface| interface.interface_name))
}

/// All addresses of the namespace, in the kernel's order: those of IPv4 before those of IPv6, by interface.
pub fn all_addresses() -> io::Result<Vec<IpAddr>> {
    let addresses = getifaddrs()?.filter_map(|interface| interface.address.as_ref().and_then(ip));
    Ok(addresses.collect())
}

/// The IP address, if it is one: interfaces have link-layer addresses, too.
fn ip(address: &SockaddrStorage) -> Option<IpAddr> {
    let ipv4 = address.as_sockaddr_in().map(|ipv4| IpAddr::V4(ipv4.ip()));
    ipv4.or_else(|| address.as_sockaddr_in6().map(|ipv6| IpAddr::V6(ipv6.ip())))
}
