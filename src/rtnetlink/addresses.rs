//! The addresses of the network namespace.

use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;

use ipnet::IpNet;
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::SockaddrStorage;

use crate::intent::{Families, Family, LOOPBACK, PassthroughSources};

/// The families that the namespace has an address of, as in [`global_addresses`]; `None` where it has no such address at
/// all.
pub fn families_with_addresses(passthrough: &PassthroughSources) -> io::Result<Option<Families>> {
    let addresses = global_addresses(passthrough)?;
    let ipv4 = addresses.iter().any(|address| address.addr().is_ipv4());
    let ipv6 = addresses.iter().any(|address| address.addr().is_ipv6());
    Ok(match (ipv4, ipv6) {
        (true, true) => Some(Families::Both),
        (true, false) => Some(Families::Only(Family::Ipv4)),
        (false, true) => Some(Families::Only(Family::Ipv6)),
        (false, false) => None,
    })
}

/// The addresses of the namespace with their networks, apart from loopback and link-local ones and, on `lo`, the
/// passthrough sources: netweir itself adds those. A pod's own address can be on `lo`.
pub(crate) fn global_addresses(passthrough: &PassthroughSources) -> io::Result<Vec<IpNet>> {
    let mut addresses = Vec::new();
    for interface in getifaddrs()? {
        let Some(address) = interface.address.as_ref().and_then(ip) else {
            continue;
        };
        let is_passthrough = match address {
            IpAddr::V4(address) => passthrough.ipv4.contains(&address),
            IpAddr::V6(address) => passthrough.ipv6.contains(&address),
        };
        if address.is_loopback() || (is_passthrough && interface.interface_name == LOOPBACK) {
            continue;
        }
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

/// Whether the interface has an address of the family; `None` if there is no such interface.
pub fn has_address(interface: &str, family: Family) -> io::Result<Option<bool>> {
    let listed = getifaddrs()?.filter(|listed| listed.interface_name == interface);
    let addresses = listed.map(|listed| listed.address.as_ref().and_then(ip));
    let has_it = |address: Option<IpAddr>| address.is_some_and(|own| Family::of(own) == family);
    // An interface is listed with its link-layer address, too.
    Ok(addresses.map(has_it).reduce(|one, other| one || other))
}

/// The interfaces that have an address of the family.
pub(crate) fn interfaces_with_addresses(family: Family) -> io::Result<BTreeSet<String>> {
    let interfaces = getifaddrs()?.filter(|interface| {
        let address = interface.address.as_ref().and_then(ip);
        address.is_some_and(|address| Family::of(address) == family)
    });
    Ok(interfaces
        .map(|interface| interface.interface_name)
        .collect())
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
