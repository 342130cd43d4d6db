//! The elements of a set, in the form that all formats share.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use crate::connection::ConnectionEnds;
use crate::intent::{Bound, InterfacePattern, Interval, cidr_of};
use crate::ruleset::Elements;

/// A value that a set can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// A port, a user or a group.
    Number(u32),
    /// An address.
    Address(IpAddr),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// One element of a set, in its shortest form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element<'a> {
    /// An interface, or those with a prefix.
    Interface(&'a InterfacePattern),
    /// A single value.
    One(Value),
    /// A network of more than one address.
    Network(IpNet),
    /// From the first to the last value, both included.
    Range(Value, Value),
    /// A connection: address and port of each end.
    Connection([Value; 4]),
    /// Users with ports.
    UidPort(Interval<u32>, Interval<u16>),
}

impl Element<'_> {
    /// The network, or the address if it has only one.
    pub(super) fn network(network: IpNet) -> Self {
        if network.prefix_len() == network.max_prefix_len() {
            Self::One(Value::Address(network.addr()))
        } else {
            Self::Network(network)
        }
    }

    pub(super) fn numbers<T: Bound + Into<u32>>(interval: &Interval<T>) -> Self {
        let value = |number: T| Value::Number(number.into());
        Self::between(value(interval.first()), value(interval.last()))
    }

    fn addresses<T: Bound + Into<IpAddr>>(interval: &Interval<T>, network: Option<IpNet>) -> Self {
        let value = |address: T| Value::Address(address.into());
        network.map_or_else(
            || Self::between(value(interval.first()), value(interval.last())),
            Self::network,
        )
    }

    fn connection(ends: &ConnectionEnds) -> Self {
        let address = |end: SocketAddr| Value::Address(end.ip());
        let port = |end: SocketAddr| Value::Number(end.port().into());
        let ConnectionEnds { local, remote } = *ends;
        Self::Connection([address(local), port(local), address(remote), port(remote)])
    }

    fn between(first: Value, last: Value) -> Self {
        if first == last {
            Self::One(first)
        } else {
            Self::Range(first, last)
        }
    }
}

impl fmt::Display for Element<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interface(pattern) => write!(f, "\"{pattern}\""),
            Self::One(value) => value.fmt(f),
            Self::UidPort(uids, ports) => {
                write!(
                    f,
                    "{} . {}",
                    Element::numbers(uids),
                    Element::numbers(ports)
                )
            }
            Self::Network(network) => network.fmt(f),
            Self::Range(first, last) => write!(f, "{first}-{last}"),
            Self::Connection([local, port, remote, remote_port]) => {
                write!(f, "{local} . {port} . {remote} . {remote_port}")
            }
        }
    }
}

/// The elements in ascending order, as nft writes them.
pub fn texts(of: &Elements) -> impl Iterator<Item = String> + '_ {
    elements(of).map(|element| element.to_string())
}

/// How many elements of a set are shown in a summary.
const SHOWN: usize = 3;

/// The first elements, and the number of the others.
#[must_use]
pub fn gist(of: &Elements) -> String {
    let mut first: Vec<_> = texts(of).take(SHOWN).collect();
    let others = of.len().saturating_sub(SHOWN);
    if others > 0 {
        first.push(format!("{others} others"));
    }
    first.join(", ")
}

/// The elements in ascending order, converted one at a time to save memory.
pub(super) fn elements(elements: &Elements) -> Box<dyn Iterator<Item = Element<'_>> + '_> {
    match elements {
        Elements::Interfaces(interfaces) => Box::new(interfaces.iter().map(Element::Interface)),
        Elements::Ports(intervals) => Box::new(intervals.iter().map(Element::numbers)),
        Elements::Uids(intervals) | Elements::Gids(intervals) => {
            Box::new(intervals.iter().map(Element::numbers))
        }
        Elements::Ipv4(intervals) => Box::new(
            intervals
                .iter()
                .map(|interval| Element::addresses(interval, cidr_of(interval).map(IpNet::V4))),
        ),
        Elements::Ipv6(intervals) => Box::new(
            intervals
                .iter()
                .map(|interval| Element::addresses(interval, cidr_of(interval).map(IpNet::V6))),
        ),
        Elements::UidPorts(pairs) => Box::new(
            pairs
                .iter()
                .map(|&(uids, ports)| Element::UidPort(uids, ports)),
        ),
        Elements::Connections(_, connections) => {
            Box::new(connections.iter().map(Element::connection))
        }
    }
}
