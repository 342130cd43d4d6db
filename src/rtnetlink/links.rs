//! The interfaces of the network namespace (`linux/if_link.h`).

use mnl::mnl_sys::libc;

use super::routing::find;
use super::veth::LINK_HEADER;
use crate::netlink::{Attributes, Error, Flags, Message, Request, read_u32};

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
    let mut links = Vec::new();
    let request = Request::new(libc::RTM_GETLINK, Flags::DUMP, &[0; LINK_HEADER]);
    let listed = crate::netlink::open(mnl::Bus::Route)?.dump(request, |message| {
        links.extend(link(message));
        Some(())
    });
    listed.map_err(Error::reading("list the interfaces"))?;
    Ok(links)
}

fn link(message: Message<'_>) -> Option<Link> {
    let attributes = message.attributes(LINK_HEADER);
    let number = |kind| read_u32(find(&attributes, kind)?, 0);
    let name = find(&attributes, libc::IFLA_IFNAME)?.strip_suffix(&[0])?;
    let info = find(&attributes, libc::IFLA_LINKINFO).map(Attributes);
    let kind = info
        .as_ref()
        .and_then(|info| find(info, libc::IFLA_INFO_KIND));
    let is_veth = kind.is_some_and(|kind| kind.starts_with(b"veth"));
    Some(Link {
        name: String::from_utf8_lossy(name).into_owned(),
        index: read_u32(message.body(), 4)?,
        master: number(libc::IFLA_MASTER),
        peer_namespace: number(IFLA_LINK_NETNSID).filter(|_| is_veth),
    })
}
