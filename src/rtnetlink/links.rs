//! The interfaces of the network namespace (`linux/if_link.h`).

use mnl::mnl_sys::libc;
use nix::errno::Errno;

use super::routing::list;
use super::veth::LINK_HEADER;
use crate::intent::Family;
use crate::netlink::{
    Attributes, Error, Flags, Message, Request, Socket, address_family, read_u32,
};

/// `IFLA_LINK_NETNSID`: the id of the network namespace that the other end of the link is in.
const IFLA_LINK_NETNSID: u16 = 37;

/// An interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) name: String,
    pub(crate) index: u32,
    /// The index of the bridge or bond that it is a port of.
    pub(crate) master: Option<u32>,
    /// For one end of a veth pair whose other end is in another network namespace: that namespace's id, which is valid in
    /// this one.
    pub(crate) peer_namespace: Option<u32>,
}

/// Lists the interfaces.
pub(crate) fn links(socket: &mut Socket) -> Result<Vec<Link>, Error> {
    let (kind, header) = (libc::RTM_GETLINK, [0; LINK_HEADER]);
    list(socket, "list the interfaces", kind, &header, link)
}

/// `RTM_GETNETCONF`, `NETCONFA_IFINDEX` with its value for all interfaces, and `NETCONFA_FORWARDING` (`linux/netconf.h`).
const RTM_GETNETCONF: u16 = 82;
const NETCONFA_IFINDEX: u16 = 1;
const ALL_INTERFACES: i32 = -1;
const NETCONFA_FORWARDING: u16 = 2;
/// `struct netconfmsg`, padded.
const NETCONF_HEADER: usize = 4;

/// Whether packets of the family are forwarded (the sysctls `net.ipv4.ip_forward` and `net.ipv6.conf.all.forwarding`).
pub(crate) fn forwards(socket: &mut Socket, family: Family) -> Result<bool, Error> {
    let mut header = [0; NETCONF_HEADER];
    header[0] = address_family(family);
    let request = Request::new(RTM_GETNETCONF, Flags::REQUEST, &header)
        .with(NETCONFA_IFINDEX, &ALL_INTERFACES.to_ne_bytes());
    let answer = socket.query("read whether packets are forwarded", request, |message| {
        message.attributes(NETCONF_HEADER).u32(NETCONFA_FORWARDING)
    });
    match answer {
        // A kernel without IPv6.
        Err(error) if error.refused_with() == Some(Errno::EOPNOTSUPP) => Ok(false),
        other => Ok(other? != 0),
    }
}

/// Reads a message as an interface.
#[cfg(feature = "fuzzing")]
pub(super) fn fuzz(message: Message<'_>) {
    let _ = link(message);
}

fn link(message: Message<'_>) -> Option<Link> {
    let attributes = message.attributes(LINK_HEADER);
    let name = attributes.string(libc::IFLA_IFNAME)?;
    let info = attributes.find(libc::IFLA_LINKINFO).map(Attributes);
    let kind = info.and_then(|info| info.find(libc::IFLA_INFO_KIND));
    let is_veth = kind.is_some_and(|kind| kind.starts_with(b"veth"));
    Some(Link {
        name: String::from_utf8_lossy(name).into_owned(),
        index: read_u32(message.body(), 4)?,
        master: attributes.u32(libc::IFLA_MASTER),
        peer_namespace: attributes.u32(IFLA_LINK_NETNSID).filter(|_| is_veth),
    })
}
