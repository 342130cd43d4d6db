//! What the lines of the decision tables ask of a packet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netweir::connection::{Addresses, Owner, Tracking, Transport};
use netweir::intent::{Capture, Dns, Family, InterfacePattern, Port, Protocol, RangeSelection};
use netweir::ruleset::End;

/// A packet somewhere on its way.
#[derive(Clone)]
pub(super) struct Packet<'a> {
    pub(super) capture: &'a Capture,
    pub(super) interface: &'a str,
    pub(super) addresses: Addresses,
    pub(super) transport: Transport,
    pub(super) owner: Option<Owner>,
    pub(super) tracking: Tracking,
    /// "Open connections".
    pub(super) bypasses: bool,
    pub(super) mark: u32,
    pub(super) connection_mark: u32,
}

impl Packet<'_> {
    pub(super) fn to_excluded_port(&self, dns_is_udp_only: bool) -> bool {
        let outbound = &self.capture.outbound;
        let Some(port) = self.to_port() else {
            return false;
        };
        let for_uid = |uid: u32| {
            outbound.exclude_ports_for_uids.iter().any(|exclusion| {
                exclusion
                    .protocol
                    .is_none_or(|only| Some(only) == self.transport.protocol())
                    && exclusion.ports.contains(port)
                    && exclusion.uids.contains(uid)
            })
        };
        let for_everyone = self.is_tcp() || !dns_is_udp_only;
        for_everyone && outbound.exclude_ports.contains(port)
            || self.owner.is_some_and(|owner| for_uid(owner.uid))
    }

    /// Whether DNS is captured in the packet's family.
    pub(super) fn has_servers(&self, dns: &Dns) -> bool {
        if dns
            .to
            .is_some_and(|to| to.is_ipv4() != (self.addresses.family() == Family::Ipv4))
        {
            return false;
        }
        match (&dns.servers, self.addresses.family()) {
            (RangeSelection::All, _) => true,
            (RangeSelection::Only(servers), Family::Ipv4) => servers.ipv4.iter().next().is_some(),
            (RangeSelection::Only(servers), Family::Ipv6) => servers.ipv6.iter().next().is_some(),
        }
    }

    pub(super) fn is_passthrough(&self) -> bool {
        match self.addresses.end(End::Source) {
            IpAddr::V4(source) => self.capture.passthrough.ipv4.contains(&source),
            IpAddr::V6(source) => self.capture.passthrough.ipv6.contains(&source),
        }
    }

    pub(super) fn to_loopback_range(&self) -> bool {
        match self.to() {
            IpAddr::V4(to) => self.capture.loopback_range.contains(&to),
            IpAddr::V6(to) => to == Ipv6Addr::LOCALHOST,
        }
    }

    pub(super) fn of_proxy(&self) -> bool {
        let proxy = &self.capture.proxy;
        self.owner.is_some_and(|Owner { uid, gid }| {
            proxy.uids.contains(&uid) || proxy.gids.contains(&gid)
        })
    }

    pub(super) fn uid_is(&self, uid: u32) -> Option<bool> {
        self.owner.map(|owner| owner.uid == uid)
    }

    pub(super) fn gid_is(&self, gid: u32) -> Option<bool> {
        self.owner.map(|owner| owner.gid == gid)
    }

    pub(super) fn by_any(&self, patterns: &[InterfacePattern]) -> bool {
        patterns.iter().any(|pattern| match pattern {
            InterfacePattern::Name(name) => name == self.interface,
            InterfacePattern::Prefix(prefix) => self.interface.starts_with(prefix),
        })
    }

    pub(super) fn is_tcp(&self) -> bool {
        self.transport.protocol() == Some(Protocol::Tcp)
    }

    pub(super) fn ports(&self) -> Option<(u16, u16)> {
        match self.transport {
            Transport::Tcp(ports) | Transport::Udp(ports) => {
                Some((ports.source, ports.destination))
            }
            Transport::Other(_) => None,
        }
    }

    pub(super) fn to_port(&self) -> Option<u16> {
        self.ports().map(|(_, to)| to)
    }

    pub(super) fn to(&self) -> IpAddr {
        self.addresses.end(End::Destination)
    }

    /// What is invalid has no connection.
    pub(super) fn mark_connection(&mut self, mark: u32) {
        if self.tracking != Tracking::Invalid {
            self.connection_mark = mark;
        }
    }
}

pub(super) fn selected(selection: &RangeSelection, address: IpAddr) -> bool {
    match selection {
        RangeSelection::All => true,
        RangeSelection::Only(ranges) => ranges.contains(address),
    }
}

pub(super) fn to_port(mut transport: Transport, port: Port) -> Transport {
    match &mut transport {
        Transport::Tcp(ports) | Transport::Udp(ports) => ports.destination = port.number(),
        Transport::Other(_) => {}
    }
    transport
}

pub(super) fn to_address(addresses: Addresses, to: IpAddr) -> Addresses {
    Addresses::of(addresses.end(End::Source), to).expect("one family")
}

pub(super) fn to_loopback(addresses: Addresses) -> Addresses {
    let loopback = match addresses.family() {
        Family::Ipv4 => IpAddr::from(Ipv4Addr::LOCALHOST),
        Family::Ipv6 => IpAddr::from(Ipv6Addr::LOCALHOST),
    };
    to_address(addresses, loopback)
}
