//! A pair of veth links by which a connection made in this namespace arrives in it as one from outside does.
//!
//! What a namespace sends to an address of its own takes `lo`, and rules for arriving connections never see it. A packet
//! that leaves by one end of the pair arrives by the other and passes the prerouting hook, although both ends are here.
//! Connection tracking must first see it there, or all would be decided on the way out: a temporary table exempts it until
//! then.
//!
//! This takes `CAP_NET_ADMIN` alone. Raw sockets and packet sockets take `CAP_NET_RAW`, a namespace for the other end
//! `CAP_SYS_ADMIN`, a tun device a device node.

use crate::intent::InterfacePattern;
use crate::netlink::{Error, Socket, Subsystem};
use crate::nftables::probe_table::{self, ProbeTable};
use crate::rtnetlink::veth::{self, Ends, Names};

/// The pair and the temporary table. Both are deleted when this is dropped, with the pair's addresses, routes and neighbours.
pub(super) struct VethPair {
    socket: Socket,
    names: Names,
    _untracked: ProbeTable,
}

impl VethPair {
    /// Makes the pair.
    pub(super) fn open(names: Names) -> Result<Self, Error> {
        let sender = InterfacePattern::Name(names.sender.to_owned());
        let mut pair = Self {
            socket: Socket::open(Subsystem::Route)?,
            names,
            _untracked: ProbeTable::add(&sender)?,
        };
        veth::add_pair(&mut pair.socket, names)?;
        Ok(pair)
    }

    /// Puts addresses of a family on both ends, and the route to the target between them.
    pub(super) fn connect(&mut self, ends: Ends) -> Result<(), Error> {
        veth::connect(&mut self.socket, self.names, ends)
    }
}

impl Drop for VethPair {
    fn drop(&mut self) {
        // The next run deletes what cannot be deleted now, and until then it harms nothing.
        let _ = delete(&mut self.socket);
    }
}

/// Deletes what an interrupted verification left.
pub(super) fn remove_leftovers() -> Result<(), Error> {
    delete(&mut Socket::open(Subsystem::Route)?)?;
    probe_table::remove_leftover()
}

fn delete(socket: &mut Socket) -> Result<(), Error> {
    for names in Names::ALL {
        veth::delete(socket, names.sender)?;
    }
    Ok(())
}
