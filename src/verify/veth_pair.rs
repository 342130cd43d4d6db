//! A veth pair through which a connection from this namespace arrives in it like one from outside.
//!
//! Packets to an address of the own namespace take `lo`, so inbound rules never see them. A packet that leaves by one end of the
//! pair arrives by the other and passes the prerouting hook, although both ends are in this namespace. Connection
//! tracking must see it there first, so a temporary table exempts it in the output hook.
//!
//! This needs only `CAP_NET_ADMIN`. Raw and packet sockets would need `CAP_NET_RAW`, a namespace for the other end
//! `CAP_SYS_ADMIN`, a tun device a device node.

use crate::intent::InterfacePattern;
use crate::netlink::{Error, Socket, Subsystem};
use crate::nftables::probe_table::{self, ProbeTable};
use crate::rtnetlink::veth::{self, Ends, Names};

/// The pair and the temporary table. Dropping it deletes both, and with the pair its addresses, routes and neighbours.
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

    /// Adds addresses of a family to both ends, and the route to the target.
    pub(super) fn connect(&mut self, ends: Ends) -> Result<(), Error> {
        veth::connect(&mut self.socket, self.names, ends)
    }
}

impl Drop for VethPair {
    fn drop(&mut self) {
        // If this fails, the verification tries again when it ends.
        let _ = delete(&mut self.socket);
    }
}

/// Deletes the links and the table of an interrupted verification. Whether there were links.
///
/// # Errors
/// They cannot be deleted.
pub(crate) fn remove_leftovers() -> Result<bool, Error> {
    let links = Socket::open(Subsystem::Route).and_then(|mut socket| delete(&mut socket));
    probe_table::remove_leftover()?;
    links
}

fn delete(socket: &mut Socket) -> Result<bool, Error> {
    let mut deleted = false;
    for names in Names::ALL {
        deleted |= veth::delete(socket, names.sender)?;
    }
    Ok(deleted)
}
