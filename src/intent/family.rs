//! Address families.

use std::net::IpAddr;

use crate::named::named;

named! {
    /// An address family: a version of the internet protocol.
    pub enum Family: name {
        /// IPv4 (`NFPROTO_IPV4`).
        Ipv4 "ipv4";
        /// IPv6 (`NFPROTO_IPV6`).
        Ipv6 "ipv6";
    }
}

impl Family {
    /// The family of an address.
    #[must_use]
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::Ipv4,
            IpAddr::V6(_) => Self::Ipv6,
        }
    }
}
