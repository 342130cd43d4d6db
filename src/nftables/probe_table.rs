//! A temporary table that exempts what is sent by one interface from connection tracking.

use nftnl::nftnl_sys::libc;
use nix::errno::Errno;

use super::batch::{Batch, Part};
use super::dump::generation;
use super::expression::Expression;
use super::message::{TABLE_NAME, request};
use super::{object, rule};
use crate::intent::InterfacePattern;
use crate::netlink::{Error, Flags, Socket, Subsystem, retry};
use crate::ruleset::{ChainKind, Direction, Hook, Match, Priority};
use crate::sys::INET;

const TABLE: &str = "netweir-probe";
const CHAIN: &str = "output";
/// Before other chains that deal with tracking.
const PRIORITY: i32 = Priority::Raw.number() - 1;
/// `NFT_TABLE_F_OWNER` (Linux 5.12, commit 6001a930ce03): the table ends with the socket that made it.
pub(super) const OWNER: u32 = 1 << 1;

const PART: Part = Part::ProbeTable(TABLE);

/// The table; it is deleted when this is dropped.
pub(crate) struct ProbeTable(Socket);

impl ProbeTable {
    /// Adds the table. If the kernel knows owners of tables, it also ends with the process, however that ends.
    pub(crate) fn add(interface: &InterfacePattern) -> Result<Self, Error> {
        let mut socket = Socket::open(Subsystem::Nftables)?;
        match add(&mut socket, interface, OWNER) {
            Err(error)
                if matches!(
                    error.refused_with(),
                    Some(Errno::EOPNOTSUPP | Errno::EINVAL)
                ) =>
            {
                add(&mut socket, interface, 0)?;
            }
            other => other?,
        }
        Ok(Self(socket))
    }
}

impl Drop for ProbeTable {
    fn drop(&mut self) {
        // The next run deletes what cannot be deleted now, and until then it harms nothing.
        let _ = delete(&mut self.0, TABLE);
    }
}

/// Deletes the table that an interrupted verification left.
///
/// It looks first: the kernel waits for its readers before it gives up a transaction, which takes about 12 ms.
pub(crate) fn remove_leftover() -> Result<(), Error> {
    let mut socket = Socket::open(Subsystem::Nftables)?;
    let table = request(libc::NFT_MSG_GETTABLE, Flags::REQUEST, INET).with_text(TABLE_NAME, TABLE);
    match socket.find("look for a table of verification", table, |_| Some(()))? {
        Some(()) => delete(&mut socket, TABLE),
        None => Ok(()),
    }
}

fn add(socket: &mut Socket, interface: &InterfacePattern, flags: u32) -> Result<(), Error> {
    let leaves_by = Match::Interface {
        direction: Direction::Out,
        pattern: interface.clone(),
    };
    let mut expressions = rule::encode_matches(&[leaves_by]);
    expressions.push(Expression::NoTrack);
    retry(|| {
        let mut batch = Batch::new(generation(socket)?, socket.reserve(1));
        let table = object::table(TABLE, flags);
        batch.add(PART, libc::NFT_MSG_NEWTABLE, Flags::CREATE, table)?;
        let hook = Hook::Output.number();
        let chain = object::base_chain(TABLE, CHAIN, ChainKind::Filter, hook, PRIORITY);
        batch.add(PART, libc::NFT_MSG_NEWCHAIN, Flags::CREATE, chain)?;
        let rule = object::bare_rule(TABLE, CHAIN, &expressions);
        batch.add(PART, libc::NFT_MSG_NEWRULE, Flags::APPEND, rule)?;
        batch.commit(socket)
    })
}

/// Deletes a temporary table. It is no error if there is none of the name.
pub(super) fn delete(socket: &mut Socket, name: &'static str) -> Result<(), Error> {
    let deleted = retry(|| {
        let mut batch = Batch::new(generation(socket)?, socket.reserve(1));
        let table = object::table(name, 0);
        batch.add(
            Part::ProbeTable(name),
            libc::NFT_MSG_DELTABLE,
            Flags::REQUEST,
            table,
        )?;
        batch.commit(socket)
    });
    match deleted {
        Err(error) if error.refused_with() == Some(Errno::ENOENT) => Ok(()),
        other => other,
    }
}
