//! Sets of addresses of both families.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::family::Family;
use super::interval::{Bound, Interval, Intervals};

/// A set of addresses of both families.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IpRanges {
    /// The IPv4 addresses.
    pub ipv4: Intervals<Ipv4Addr>,
    /// The IPv6 addresses.
    pub ipv6: Intervals<Ipv6Addr>,
}

impl IpRanges {
    /// Whether no address is inside.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ipv4.is_empty() && self.ipv6.is_empty()
    }

    /// Whether no address of the family is inside.
    #[must_use]
    pub fn is_empty_for(&self, family: Family) -> bool {
        match family {
            Family::Ipv4 => self.ipv4.is_empty(),
            Family::Ipv6 => self.ipv6.is_empty(),
        }
    }

    /// The addresses of the family.
    #[must_use]
    pub fn of_family(&self, family: Family) -> Self {
        let (mut ipv4, mut ipv6) = (Intervals::default(), Intervals::default());
        match family {
            Family::Ipv4 => ipv4.clone_from(&self.ipv4),
            Family::Ipv6 => ipv6.clone_from(&self.ipv6),
        }
        Self { ipv4, ipv6 }
    }

    /// Whether the address is inside.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.ipv4.contains(address),
            IpAddr::V6(address) => self.ipv6.contains(address),
        }
    }

    /// Whether a loopback address (127.0.0.0/8 or `::1`) is inside.
    #[must_use]
    pub fn reaches_loopback(&self) -> bool {
        let loopback = Interval::between(
            Ipv4Addr::new(127, 0, 0, 0),
            Ipv4Addr::new(127, 255, 255, 255),
        );
        self.ipv4.intersects(&loopback) || self.ipv6.contains(Ipv6Addr::LOCALHOST)
    }
}

impl FromIterator<IpNet> for IpRanges {
    /// Host bits are ignored; overlapping and touching networks are merged.
    fn from_iter<I: IntoIterator<Item = IpNet>>(networks: I) -> Self {
        let mut ipv4 = Vec::new();
        let mut ipv6 = Vec::new();
        for network in networks {
            match network {
                IpNet::V4(net) => ipv4.push(Interval::between(net.network(), net.broadcast())),
                IpNet::V6(net) => ipv6.push(Interval::between(net.network(), net.broadcast())),
            }
        }
        Self {
            ipv4: ipv4.into_iter().collect(),
            ipv6: ipv6.into_iter().collect(),
        }
    }
}

/// An address type that has networks.
pub trait Address: Bound {
    /// The network type.
    type Net;
    /// The network that an interval is exactly, if it is one.
    fn cidr(interval: &Interval<Self>) -> Option<Self::Net>;
}

impl Address for Ipv4Addr {
    type Net = Ipv4Net;
    fn cidr(interval: &Interval<Self>) -> Option<Ipv4Net> {
        let differing = interval.first().to_bits() ^ interval.last().to_bits();
        let prefix = u8::try_from(differing.leading_zeros()).ok()?;
        let net = Ipv4Net::new(interval.first(), prefix).ok()?;
        (net.network() == interval.first() && net.broadcast() == interval.last()).then_some(net)
    }
}

impl Address for Ipv6Addr {
    type Net = Ipv6Net;
    fn cidr(interval: &Interval<Self>) -> Option<Ipv6Net> {
        let differing = interval.first().to_bits() ^ interval.last().to_bits();
        let prefix = u8::try_from(differing.leading_zeros()).ok()?;
        let net = Ipv6Net::new(interval.first(), prefix).ok()?;
        (net.network() == interval.first() && net.broadcast() == interval.last()).then_some(net)
    }
}

/// The network that an interval is exactly, if it is one.
#[must_use]
pub fn cidr_of<A: Address>(interval: &Interval<A>) -> Option<A::Net> {
    A::cidr(interval)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(texts: &[&str]) -> IpRanges {
        texts
            .iter()
            .map(|text| text.parse::<IpNet>().unwrap())
            .collect()
    }

    #[test]
    fn touching_networks_become_one() {
        assert_eq!(
            ranges(&["10.0.0.128/25", "10.0.0.0/25", "10.0.0.7/32"]),
            ranges(&["10.0.0.0/24"])
        );
    }

    #[test]
    fn finds_the_network_of_an_interval() {
        let all = Interval::between(Ipv4Addr::MIN, Ipv4Addr::MAX);
        assert_eq!(cidr_of(&all).unwrap().to_string(), "0.0.0.0/0");
        let odd = Interval::between(Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
        assert_eq!(cidr_of(&odd), None);
        let one = Interval::single(Ipv6Addr::LOCALHOST);
        assert_eq!(cidr_of(&one).unwrap().to_string(), "::1/128");
    }

    #[test]
    fn knows_when_loopback_is_reached() {
        assert!(ranges(&["0.0.0.0/0"]).reaches_loopback());
        assert!(ranges(&["127.0.0.0/8"]).reaches_loopback());
        assert!(ranges(&["::/0"]).reaches_loopback());
        assert!(!ranges(&["10.0.0.0/8", "fd00::/8"]).reaches_loopback());
    }
}
