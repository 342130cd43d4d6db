//! The interfaces of the network namespace (`linux/if_link.h`).

use mnl::mnl_sys::libc;

use super::routing::list;
use super::veth::LINK_HEADER;
use crate::netlink::{Attributes, Error, Message, Socket, Subsystem, read_u32};

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
pub(crate) fn links() -> Result<Vec<Link>, Error> {
    let mut socket = Socket::open(Subsystem::Route)?;
    let header = [0; LINK_HEADER];
    list(
        &mut socket,
        "list the interfaces",
        libc::RTM_GETLINK,
        &header,
        link,
    )
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
