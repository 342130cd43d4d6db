//! Serialises privileged runs in a network namespace with a table that belongs to a socket.
//!
//! Only a process that may change rules can make the table, and it ends with the process, however that ends.

use std::io;
use std::time::Duration;

use nftnl::nftnl_sys::libc;
use nix::errno::Errno;

use super::batch::{Batch, Part};
use super::dump::generation;
use super::object;
use super::probe_table::{OWNER, delete};
use crate::netlink::{Error, Flags, Socket, Subsystem, retry};
use crate::process::wait::Pauses;

const TABLE: &str = "netweir-verify";
const PART: Part = Part::ProbeTable(TABLE);

/// The turn, which ends when this is dropped.
pub struct Turn(Socket);

impl Turn {
    /// Waits for the turn, but no longer than this; `None` if the kernel knows no owners of tables (before Linux 5.12).
    ///
    /// # Errors
    /// The kernel refused, or another process keeps its turn.
    pub fn wait(limit: Duration) -> Result<Option<Self>, Error> {
        let mut socket = Socket::open(Subsystem::Nftables)?;
        let mut pauses = Pauses::within(limit);
        loop {
            match retry(|| add(&mut socket)) {
                Ok(()) => return Ok(Some(Self(socket))),
                Err(error) => match error.refused_with() {
                    Some(Errno::EOPNOTSUPP | Errno::EINVAL) => return Ok(None),
                    // Another process owns it. The kernel does not notify of the end of such a table.
                    Some(Errno::EPERM | Errno::EEXIST) => {}
                    _ => return Err(error),
                },
            }
            if !pauses.pause() {
                let timed_out = io::ErrorKind::TimedOut.into();
                return Err(Error::io("wait for another verification", timed_out));
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // If this fails, the table ends with the socket.
        let _ = delete(&mut self.0, TABLE);
    }
}

fn add(socket: &mut Socket) -> Result<(), Error> {
    let mut batch = Batch::new(generation(socket)?, socket.reserve(1));
    let table = object::table(TABLE, OWNER);
    batch.add(PART, libc::NFT_MSG_NEWTABLE, Flags::CREATE_NEW, table)?;
    batch.commit(socket)
}
