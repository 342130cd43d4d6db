//! Addresses and networks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::{IpNet, Ipv4Net};

use crate::intent::VirtualNetwork;

use super::{ValueError, decimal, interface};

/// One IPv4 or IPv6 address.
pub fn address(text: &str) -> Result<IpAddr, ValueError> {
    let address = text
        .parse()
        .map_err(|_| ValueError::Address(text.to_owned()))?;
    match mapped(address, 128) {
        Some(network) => Err(ValueError::Ipv4Mapped(
            text.to_owned(),
            network.addr().to_string(),
        )),
        None => Ok(address),
    }
}

/// An address with a port.
pub fn socket_address(text: &str) -> Result<SocketAddr, ValueError> {
    let error = |_| ValueError::SocketAddress(text.to_owned());
    text.parse().map_err(error)
}

/// An address that a socket can be bound to.
pub fn passthrough_source(text: &str) -> Result<IpAddr, ValueError> {
    let address = address(text)?;
    let broadcast = address == IpAddr::V4(Ipv4Addr::BROADCAST);
    if address.is_unspecified() || address.is_multicast() || broadcast {
        return Err(ValueError::Source(address));
    }
    Ok(address)
}

/// The DNS server that gets queries in the proxy's place; `None` for an empty text.
pub fn dns_server(text: &str) -> Result<Option<IpAddr>, ValueError> {
    if text.is_empty() {
        return Ok(None);
    }
    passthrough_source(text).map(Some)
}

/// A network: a CIDR without host bits, or one address.
pub fn network(text: &str) -> Result<IpNet, ValueError> {
    let network = network_with_host_bits(text)?;
    without_host_bits(text, network).map(|()| network)
}

fn without_host_bits(text: &str, network: IpNet) -> Result<(), ValueError> {
    if network.trunc() == network {
        return Ok(());
    }
    Err(ValueError::HostBits(text.to_owned(), network.trunc()))
}

/// A network inside 127.0.0.0/8 (RFC 1122, 3.2.1.3): a CIDR without host bits, or one address.
pub fn loopback_range(text: &str) -> Result<Ipv4Net, ValueError> {
    match network_with_host_bits(text) {
        Ok(IpNet::V4(range)) if range.addr().is_loopback() && range.prefix_len() >= 8 => {
            without_host_bits(text, range.into()).map(|()| range)
        }
        // What else is wrong with it does not matter: another network would not do either.
        Ok(_) | Err(ValueError::Network(_)) => Err(ValueError::LoopbackRange(text.to_owned())),
        Err(other) => Err(other),
    }
}

/// `INTERFACE:CIDR`, without host bits.
pub fn virtual_network(text: &str) -> Result<VirtualNetwork, ValueError> {
    let wrong = || ValueError::VirtualNetwork(text.to_owned());
    let (name, cidr) = text.split_once(':').ok_or_else(wrong)?;
    Ok(VirtualNetwork {
        interface: interface(name)?,
        network: network(cidr)?,
    })
}

/// A CIDR with its host bits, or one address.
pub fn network_with_host_bits(text: &str) -> Result<IpNet, ValueError> {
    let (address_text, length_text) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let address: IpAddr = address_text
        .parse()
        .map_err(|_| ValueError::Network(text.to_owned()))?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let length = length_text.map_or(Some(longest), decimal::<u8>);
    let network = length
        .and_then(|length| IpNet::new(address, length).ok())
        .ok_or_else(|| ValueError::PrefixLength(text.to_owned(), longest))?;
    match mapped(address, network.prefix_len()) {
        Some(network) => Err(ValueError::Ipv4Mapped(
            text.to_owned(),
            match length_text {
                Some(_) => network.to_string(),
                None => network.addr().to_string(),
            },
        )),
        None => Ok(network),
    }
}

/// The IPv4 network that an IPv4-mapped IPv6 network stands for.
fn mapped(address: IpAddr, prefix_length: u8) -> Option<Ipv4Net> {
    let IpAddr::V6(address) = address else {
        return None;
    };
    let prefix_length = prefix_length.checked_sub(96)?;
    let ipv4 = Ipv6Addr::to_ipv4_mapped(&address)?;
    Ipv4Net::new(ipv4, prefix_length)
        .ok()
        .map(|net| net.trunc())
}
