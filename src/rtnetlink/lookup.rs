//! Route lookups and listings (`linux/rtnetlink.h`).

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use mnl::mnl_sys::libc;
use nix::net::if_::if_indextoname;

use super::routing::{ROUTE_HEADER, list};
use crate::intent::{Family, LOOPBACK};
use crate::netlink::{
    Attributes, Error, Flags, Message, Request, Socket, Subsystem, address_family, family_of, host,
    octets,
};

/// The place of the kind in `struct rtmsg` (`rtm_type`).
const KIND: usize = 7;

/// The route of a packet that is sent from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    /// The interface that it leaves by.
    pub(crate) interface: String,
    /// Its source address.
    pub(crate) source: IpAddr,
}

/// The routing tables of a network namespace.
pub(crate) struct Routes(Socket);

impl Routes {
    /// Opens a netlink socket in the calling thread's network namespace.
    pub(crate) fn open() -> Result<Self, Error> {
        Socket::open(Subsystem::Route).map(Self)
    }

    /// The route of this user's packets to the address; `None` if there is none.
    pub(crate) fn to(&mut self, destination: IpAddr) -> Result<Option<Route>, Error> {
        self.lookup(destination, None, 0)
    }

    /// The route of packets with a certain source address (if given) and a certain mark (0: none).
    pub(crate) fn lookup(
        &mut self,
        destination: IpAddr,
        source: Option<IpAddr>,
        mark: u32,
    ) -> Result<Option<Route>, Error> {
        let [family, prefix] = host(destination);
        let mut header = [0; ROUTE_HEADER];
        header[0] = family;
        header[1] = prefix;
        header[2] = source.map_or(0, |_| prefix);
        let mut request = Request::new(libc::RTM_GETROUTE, Flags::REQUEST, &header)
            .with(libc::RTA_DST, &octets(destination));
        if let Some(source) = source {
            request = request.with(libc::RTA_SRC, &octets(source));
        }
        if mark != 0 {
            request = request.with(libc::RTA_MARK, &mark.to_ne_bytes());
        }
        let read = |message: Message<'_>| Some(route(message, source));
        match self.0.query("look up a route", request, read) {
            // No route, or one that refuses (unreachable, prohibit, blackhole).
            Err(Error::Refused { .. }) => Ok(None),
            other => other,
        }
    }

    /// The destinations of the routes in all tables, own addresses included.
    pub(crate) fn destinations(&mut self, family: Family) -> Result<Vec<IpNet>, Error> {
        self.list(family, destination)
    }

    /// The interfaces by which routes of all tables lead to other hosts.
    pub(crate) fn interfaces(&mut self, family: Family) -> Result<BTreeSet<String>, Error> {
        let interfaces = self.list(family, output_interface)?;
        Ok(interfaces.into_iter().collect())
    }

    fn list<T>(
        &mut self,
        family: Family,
        read: fn(Message<'_>) -> Option<T>,
    ) -> Result<Vec<T>, Error> {
        let mut header = [0; ROUTE_HEADER];
        header[0] = address_family(family);
        let kind = libc::RTM_GETROUTE;
        list(&mut self.0, "list the routes", kind, &header, read)
    }
}

/// The name of the interface by which packets with a route to another host leave.
fn output_interface(message: Message<'_>) -> Option<String> {
    let is_unicast = *message.body().get(KIND)? == libc::RTN_UNICAST;
    let index = message.attributes(ROUTE_HEADER).u32(libc::RTA_OIF)?;
    let name = if_indextoname(index).ok().filter(|_| is_unicast)?;
    name.into_string().ok()
}

/// The route in the kernel's answer, which omits a source that the request had.
fn route(message: Message<'_>, source: Option<IpAddr>) -> Option<Route> {
    let attributes = message.attributes(ROUTE_HEADER);
    let interface = match *message.body().get(KIND)? {
        // Packets to an own address take lo, whichever interface has the address.
        libc::RTN_LOCAL => LOOPBACK.to_owned(),
        libc::RTN_UNICAST => output_interface(message)?,
        _ => return None,
    };
    let source = address(&attributes, libc::RTA_PREFSRC).or(source)?;
    Some(Route { interface, source })
}

/// Reads a message as a route and as the kernel's answer to a request for one.
#[cfg(feature = "fuzzing")]
pub(super) fn fuzz(message: Message<'_>) {
    let _ = (route(message, None), destination(message));
}

fn destination(message: Message<'_>) -> Option<IpNet> {
    let body = message.body();
    let family = family_of(*body.first()?)?;
    let prefix = *body.get(1)?;
    let attributes = message.attributes(ROUTE_HEADER);
    let everything = match family {
        Family::Ipv4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        Family::Ipv6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let address = address(&attributes, libc::RTA_DST).unwrap_or(everything);
    IpNet::new(address, prefix).ok()
}

fn address(attributes: &Attributes<'_>, kind: u16) -> Option<IpAddr> {
    let octets = attributes.find(kind)?;
    let ipv4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    ipv4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from))
        .ok()
}
