//! A way by which a connection made in this namespace arrives in it as one from outside does.
//!
//! What a namespace sends to an address of its own goes by `lo`, and what is captured on arrival never sees it. So a
//! pair of virtual Ethernet links is made, both of whose ends are here: a packet that leaves by one arrives by
//! the other and passes the prerouting hook. Connection tracking must first see it there, or all would be decided
//! on the way out: a temporary table leaves it untracked until then.
//!
//! This takes `CAP_NET_ADMIN` alone. Other ways take more: raw sockets and packet sockets `CAP_NET_RAW`, a
//! namespace for the other end `CAP_SYS_ADMIN`, a tun device a device node.

use nix::errno::Errno;

use crate::intent::InterfacePattern;
use crate::netlink::Error;
use crate::netlink::{Socket, Subject, open};
use crate::nftables::batch::{Batch, TableFlags};
use crate::nftables::{generation, retry, send};
use crate::rtnetlink::veth::{self, Ends, Names};

/// The pair of links and the temporary table; both go away when this is dropped, and what goes with them are the
/// addresses, routes and neighbours.
pub(crate) struct Detour {
    rtnetlink: Socket,
    nftables: Socket,
    names: Names,
}

impl Detour {
    /// Makes the way.
    pub(crate) fn open(names: Names) -> Result<Self, Error> {
        let mut detour = Self {
            rtnetlink: open(mnl::Bus::Route)?,
            nftables: open(mnl::Bus::Netfilter)?,
            names,
        };
        veth::add_pair(&mut detour.rtnetlink, names)?;
        detour.untrack()?;
        Ok(detour)
    }

    /// Puts addresses of a family on both ends, and the route to the target between them.
    pub(crate) fn lead(&mut self, ends: Ends) -> Result<(), Error> {
        veth::lead(&mut self.rtnetlink, self.names, ends)
    }

    /// With an owner, where the kernel knows owners: then the table ends with this process, however it ends.
    fn untrack(&mut self) -> Result<(), Error> {
        match self.untrack_with(TableFlags::Owner) {
            Err(Error::Refused { refusal, .. })
                if matches!(refusal.errno, Errno::EOPNOTSUPP | Errno::EINVAL) =>
            {
                self.untrack_with(TableFlags::None)
            }
            other => other,
        }
    }

    fn untrack_with(&mut self, flags: TableFlags) -> Result<(), Error> {
        let sender = InterfacePattern::Name(self.names.sender.to_owned());
        transact(&mut self.nftables, |generation, sequence| {
            Batch::untrack(&sender, flags, generation, sequence)
        })
    }
}

impl Drop for Detour {
    fn drop(&mut self) {
        // What cannot be deleted now is deleted by the next run, and harms nothing until then.
        let _ = remove_all(&mut self.rtnetlink, &mut self.nftables);
    }
}

/// Takes away what an interrupted verification left behind.
pub(crate) fn remove_leftovers() -> Result<(), Error> {
    let mut rtnetlink = open(mnl::Bus::Route)?;
    let mut nftables = open(mnl::Bus::Netfilter)?;
    remove_all(&mut rtnetlink, &mut nftables)
}

fn remove_all(rtnetlink: &mut Socket, nftables: &mut Socket) -> Result<(), Error> {
    for names in Names::ALL {
        veth::delete(rtnetlink, names.sender)?;
    }
    match transact(nftables, Batch::track_again) {
        Err(Error::Refused { refusal, .. }) if refusal.errno == Errno::ENOENT => Ok(()),
        other => other,
    }
}

fn transact(
    nftables: &mut Socket,
    batch: impl Fn(u32, u32) -> Result<Batch, crate::sys::TooLarge>,
) -> Result<(), Error> {
    retry(|| {
        let generation =
            generation(nftables).map_err(Error::reading("read the ruleset's generation"))?;
        let sequence = nftables.next_sequence();
        let batch =
            batch(generation, sequence).map_err(|_| Error::TooLarge(Subject::ProbeTable))?;
        send(nftables, &batch)
    })
}
