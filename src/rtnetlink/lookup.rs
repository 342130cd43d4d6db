//! What the routing tables say (`linux/rtnetlink.h`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use mnl::mnl_sys::libc;
use nix::net::if_::if_indextoname;

use super::routing::{ROUTE_HEADER, family_of, find};
use crate::intent::Family;
use crate::netlink::Error;
use crate::netlink::address_family;
use crate::netlink::{Attributes, ExchangeError, Flags, Message, Request, Socket, read_u32};

/// The way of a packet that is made here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    /// The interface that it leaves by.
    pub(crate) interface: String,
    /// The address that it comes from.
    pub(crate) source: IpAddr,
}

/// The routing tables of the namespace.
pub(crate) struct Routes(Socket);

impl Routes {
    /// Opens a socket to ask with.
    pub(crate) fn open() -> Result<Self, Error> {
        crate::netlink::open(mnl::Bus::Route).map(Self)
    }

    /// The way of this user's packets to the address; `None` where there is none.
    pub(crate) fn to(&mut self, destination: IpAddr) -> Result<Option<Route>, Error> {
        self.way(destination, None, 0)
    }

    /// The same for packets from a certain address, or with a certain mark.
    pub(crate) fn way(
        &mut self,
        destination: IpAddr,
        source: Option<IpAddr>,
        mark: u32,
    ) -> Result<Option<Route>, Error> {
        let (family, bytes) = octets(destination);
        let mut header = [0; ROUTE_HEADER];
        header[0] = address_family(family);
        header[1] = whole(family);
        header[2] = source.map_or(0, |_| whole(family));
        let mut request =
            Request::new(libc::RTM_GETROUTE, Flags::REQUEST, &header).with(libc::RTA_DST, &bytes);
        if let Some(source) = source {
            request = request.with(libc::RTA_SRC, &octets(source).1);
        }
        if mark != 0 {
            request = request.with(libc::RTA_MARK, &mark.to_ne_bytes());
        }
        match self
            .0
            .query(request, |message| Some(route(message, source)))
        {
            Ok(route) => Ok(route),
            // No route, or one that says so (unreachable, prohibit, blackhole).
            Err(ExchangeError::Refused(_)) => Ok(None),
            Err(other) => Err(Error::reading("look up a route")(other)),
        }
    }

    /// Where the routes of all tables lead to, own addresses included.
    pub(crate) fn destinations(&mut self, family: Family) -> Result<Vec<IpNet>, Error> {
        let mut all = Vec::new();
        let mut header = [0; ROUTE_HEADER];
        header[0] = address_family(family);
        let request = Request::new(libc::RTM_GETROUTE, Flags::DUMP, &header);
        let listed = self.0.dump(request, |message| {
            all.extend(destination(message));
            Some(())
        });
        listed.map_err(Error::reading("list the routes"))?;
        Ok(all)
    }
}

/// The route in the kernel's answer, which leaves out a source that it was told.
fn route(message: Message<'_>, source: Option<IpAddr>) -> Option<Route> {
    let body = message.body();
    let attributes = message.attributes(ROUTE_HEADER);
    let interface = match *body.get(7)? {
        // What goes to an own address goes by lo, whatever interface has it.
        libc::RTN_LOCAL => "lo".to_owned(),
        libc::RTN_UNICAST => {
            let index = read_u32(find(&attributes, libc::RTA_OIF)?, 0)?;
            if_indextoname(index).ok()?.into_string().ok()?
        }
        _ => return None,
    };
    let source = address(&attributes, libc::RTA_PREFSRC).or(source)?;
    Some(Route { interface, source })
}

fn destination(message: Message<'_>) -> Option<IpNet> {
    let body = message.body();
    let family = family_of(body)?;
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
    let octets = find(attributes, kind)?;
    let ipv4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    ipv4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from))
        .ok()
}

/// The family of an address and its bytes in network order.
pub(crate) fn octets(address: IpAddr) -> (Family, Vec<u8>) {
    match address {
        IpAddr::V4(address) => (Family::Ipv4, address.octets().to_vec()),
        IpAddr::V6(address) => (Family::Ipv6, address.octets().to_vec()),
    }
}

/// The prefix length of one address.
pub(crate) const fn whole(family: Family) -> u8 {
    match family {
        Family::Ipv4 => 32,
        Family::Ipv6 => 128,
    }
}
