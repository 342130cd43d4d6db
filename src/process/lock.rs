//! Serialises unprivileged runs in a network namespace with an abstract socket's name.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::time::Duration;

use super::wait::Pauses;

/// Abstract names belong to a network namespace, and are released when the process ends (unix(7)). Any process can take
/// one: what needs a privilege must not wait for a name.
const NAME: &str = "netweir-verify";

/// The lock; it is released when this is dropped.
pub(crate) struct Lock {
    _name: UnixListener,
}

impl Lock {
    /// Waits for the lock, but no longer than this.
    ///
    /// # Errors
    /// `TimedOut` if another process keeps it.
    pub(crate) fn wait(limit: Duration) -> io::Result<Self> {
        let name = SocketAddr::from_abstract_name(NAME)?;
        let mut pauses = Pauses::within(limit);
        loop {
            match UnixListener::bind_addr(&name) {
                Ok(listener) => return Ok(Self { _name: listener }),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                Err(error) => return Err(error),
            }
            // Connecting would show the moment of its release, but can block for good if the holder accepts nothing.
            if !pauses.pause() {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
    }
}
