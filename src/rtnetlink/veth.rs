//! A pair of veth links, its addresses and its routes (`linux/if_link.h`, `linux/veth.h`).

use std::net::IpAddr;

use mnl::mnl_sys::libc;
use nix::errno::Errno;
use nix::net::if_::if_nametoindex;

use super::routing::{PROTOCOL, ROUTE_HEADER, address_request};
use crate::intent::Family;
use crate::netlink::{Error, Flags, Nest, Request, Socket, address_family, host, octets};

/// The names of the two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Names {
    /// The end that packets leave by.
    pub(crate) sender: &'static str,
    /// The end that they arrive by.
    pub(crate) receiver: &'static str,
}

impl Names {
    /// The names to choose from: rules may exclude one of them (`net+`).
    pub(crate) const ALL: [Self; 2] = [
        Self {
            sender: "netweir-probe0",
            receiver: "netweir-probe1",
        },
        Self {
            sender: "probe0-netweir",
            receiver: "probe1-netweir",
        },
    ];
}

/// The addresses of one family on the pair. None of them may be in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    /// On the sending end: the source of connections.
    pub(crate) client: IpAddr,
    /// On the receiving end: where redirected connections arrive.
    pub(crate) receiver: IpAddr,
    /// On neither: the destination of connections.
    pub(crate) target: IpAddr,
}

/// The hardware address of the receiving end: locally administered, so that no other device has it.
const RECEIVER_ADDRESS: [u8; 6] = [0x02, 0, 0, 0x70, 0x72, 0x01];
/// `struct ifinfomsg`.
pub(super) const LINK_HEADER: usize = 16;
/// `IFLA_ADDRESS`, `IFLA_IFNAME`, `IFLA_LINKINFO`, `IFLA_AF_SPEC` (`linux/if_link.h`).
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_LINKINFO: u16 = 18;
const IFLA_AF_SPEC: u16 = 26;
/// `IFLA_INFO_KIND`, `IFLA_INFO_DATA`.
const INFO_KIND: u16 = 1;
const INFO_DATA: u16 = 2;
/// `VETH_INFO_PEER` (`linux/veth.h`).
const VETH_INFO_PEER: u16 = 1;
/// `IFLA_INET_CONF`, `IFLA_INET6_ADDR_GEN_MODE` and its value `IN6_ADDR_GEN_MODE_NONE`.
const INET_CONF: u16 = 1;
const INET6_ADDR_GEN_MODE: u16 = 8;
const NO_GENERATED_ADDRESS: u8 = 1;
/// `IPV4_DEVCONF_RP_FILTER` and `IPV4_DEVCONF_ACCEPT_LOCAL` (`linux/ip.h`).
const RP_FILTER: u16 = 8;
const ACCEPT_LOCAL: u16 = 23;

/// Adds the pair and sets it up.
///
/// The receiving end accepts packets from an address of this namespace. That is a sysctl, but in a pod `/proc/sys` is
/// read-only: it is set by netlink.
pub(crate) fn add_pair(socket: &mut Socket, names: Names) -> Result<(), Error> {
    let peer = Nest::after(&[0; LINK_HEADER])
        .with_text(IFLA_IFNAME, names.receiver)
        .with(IFLA_ADDRESS, &RECEIVER_ADDRESS);
    let info = Nest::default()
        .with_text(INFO_KIND, "veth")
        .with_nest(INFO_DATA, &Nest::default().with_nest(VETH_INFO_PEER, &peer));
    let add = Request::new(libc::RTM_NEWLINK, Flags::CREATE_NEW, &[0; LINK_HEADER])
        .with_text(IFLA_IFNAME, names.sender)
        .with_nest(IFLA_LINKINFO, &info);
    let Names { sender, receiver } = names;
    let doing = format!("add the pair of veth links {sender} and {receiver}");
    socket.acknowledge(&doing, add)?;

    // 2: the source must be reachable, by any interface; 1, which may be set for all, would require this one.
    let inet = Nest::default()
        .with(RP_FILTER, &2_u32.to_ne_bytes())
        .with(ACCEPT_LOCAL, &1_u32.to_ne_bytes());
    let inet = Nest::default().with_nest(INET_CONF, &inet);
    let settings = Nest::default().with_nest(address_family(Family::Ipv4).into(), &inet);
    let set = change(receiver, 0).with_nest(IFLA_AF_SPEC, &settings);
    let doing = format!("set accept_local and rp_filter of {receiver}");
    socket.acknowledge(&doing, set)?;

    // The receiving end first: the end that comes up second can send at once (`veth_open`), the first one only after its
    // change of state was processed (`linkwatch`).
    for name in [receiver, sender] {
        keep_silent(socket, name);
        let up = change(name, libc::IFF_UP.cast_unsigned());
        let doing = format!("set {name} up");
        socket.acknowledge(&doing, up)?;
    }
    Ok(())
}

/// Without a link-local address an interface solicits no routers. If this cannot be set, there is no IPv6, or there are
/// some more packets.
fn keep_silent(socket: &mut Socket, name: &str) {
    let inet6 = Nest::default().with(INET6_ADDR_GEN_MODE, &[NO_GENERATED_ADDRESS]);
    let settings = Nest::default().with_nest(address_family(Family::Ipv6).into(), &inet6);
    let set = change(name, 0).with_nest(IFLA_AF_SPEC, &settings);
    let _ = socket.acknowledge("keep the link silent", set);
}

/// A change to the link of the name: flags to set, and the attributes that follow.
fn change(name: &str, flags: u32) -> Request {
    let [a, b, c, d] = flags.to_ne_bytes();
    let header = [0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d, a, b, c, d];
    Request::new(libc::RTM_SETLINK, Flags::ACK, &header).with_text(IFLA_IFNAME, name)
}

/// Deletes the link, and with it the other end. Whether there was one.
pub(crate) fn delete(socket: &mut Socket, name: &str) -> Result<bool, Error> {
    let delete =
        Request::new(libc::RTM_DELLINK, Flags::ACK, &[0; LINK_HEADER]).with_text(IFLA_IFNAME, name);
    match socket.acknowledge(&format!("delete the link {name}"), delete) {
        Err(error) if error.refused_with() == Some(Errno::ENODEV) => Ok(false),
        other => other.map(|()| true),
    }
}

/// Puts addresses on both ends, and routes packets to the target from one to the other.
pub(crate) fn connect(socket: &mut Socket, names: Names, ends: Ends) -> Result<(), Error> {
    let Names { sender, receiver } = names;
    let from = index(sender)?;
    for (name, index, address) in [
        (sender, from, ends.client),
        (receiver, index(receiver)?, ends.receiver),
    ] {
        let doing = format!("add the address {address} to {name}");
        let add = add_address(index, address);
        socket.acknowledge(&doing, add)?;
        // The kernel adds the route to an IPv6 address of its own later (`addrconf_dad_work`); packets that
        // arrive before would be lost.
        if address.is_ipv6() {
            let doing = format!("add the local route to {address} by {name}");
            let add = add_route(index, address, Via::Local);
            socket.acknowledge(&doing, add)?;
        }
    }
    let target = ends.target;
    let doing = format!("add the neighbour {target} on {sender}");
    let add = add_neighbour(from, target);
    socket.acknowledge(&doing, add)?;
    let doing = format!("add the route to {target} by {sender}");
    let add = add_route(
        from,
        target,
        Via::Link {
            source: ends.client,
        },
    );
    socket.acknowledge(&doing, add)
}

fn index(name: &'static str) -> Result<u32, Error> {
    if_nametoindex(name).map_err(|errno| Error::io("find the pair of veth links", errno.into()))
}

fn add_address(index: u32, address: IpAddr) -> Request {
    address_request(libc::RTM_NEWADDR, Flags::CREATE_NEW, index, address)
        .with(libc::IFA_ADDRESS, &octets(address))
}

/// `struct ndmsg`: with the receiving end as a permanent neighbour, no discovery is needed.
fn add_neighbour(index: u32, target: IpAddr) -> Request {
    let [family, _] = host(target);
    let [a, b, c, d] = index.to_ne_bytes();
    let [low, high] = libc::NUD_PERMANENT.to_ne_bytes();
    let header = [family, 0, 0, 0, a, b, c, d, low, high, 0, 0];
    Request::new(libc::RTM_NEWNEIGH, Flags::CREATE_NEW, &header)
        .with(libc::NDA_DST, &octets(target))
        .with(libc::NDA_LLADDR, &RECEIVER_ADDRESS)
}

/// The destination of a route.
#[derive(Clone, Copy)]
enum Via {
    /// To this host.
    Local,
    /// To a host behind the link.
    Link { source: IpAddr },
}

fn add_route(index: u32, to: IpAddr, via: Via) -> Request {
    let [family, prefix] = host(to);
    let (table, scope, kind) = match via {
        Via::Local => (libc::RT_TABLE_LOCAL, libc::RT_SCOPE_HOST, libc::RTN_LOCAL),
        Via::Link { .. } => (libc::RT_TABLE_MAIN, libc::RT_SCOPE_LINK, libc::RTN_UNICAST),
    };
    let mut header = [0; ROUTE_HEADER];
    header[0] = family;
    header[1] = prefix;
    header[4] = table;
    header[5] = PROTOCOL;
    header[6] = scope;
    header[7] = kind;
    let request = Request::new(libc::RTM_NEWROUTE, Flags::CREATE_NEW, &header)
        .with(libc::RTA_DST, &octets(to))
        .with(libc::RTA_OIF, &index.to_ne_bytes());
    match via {
        Via::Local => request,
        Via::Link { source } => request.with(libc::RTA_PREFSRC, &octets(source)),
    }
}
