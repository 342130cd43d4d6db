//! Serialises runs in a network namespace with an abstract-socket lock.

use std::io;
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags};

use super::wait::wait;

/// What only one process of a network namespace does at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Makes temporary links and listeners.
    Verify,
    /// Changes the rules with the routing that belongs to them: the kernel has no transaction for both.
    Change,
}

impl Task {
    /// Abstract names belong to a network namespace, and are released when the process ends (unix(7)).
    const fn name(self) -> &'static str {
        match self {
            Self::Verify => "netweir-verify",
            Self::Change => "netweir-change",
        }
    }

    /// Longer than one run takes: where nothing answers, or after a hundred others.
    const fn limit(self) -> Duration {
        match self {
            Self::Verify => Duration::from_secs(20),
            Self::Change => Duration::from_secs(3),
        }
    }
}

/// The lock; it is released when this is dropped.
pub(crate) struct Lock {
    _name: UnixListener,
}

impl Lock {
    /// Waits for the lock.
    ///
    /// # Errors
    /// `TimedOut` if another process keeps it.
    pub(crate) fn wait(task: Task) -> io::Result<Self> {
        let mut deadline = None;
        let name = SocketAddr::from_abstract_name(task.name())?;
        loop {
            match UnixListener::bind_addr(&name) {
                Ok(listener) => return Ok(Self { _name: listener }),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                Err(error) => return Err(error),
            }
            let deadline = *deadline.get_or_insert_with(|| Instant::now() + task.limit());
            // The holder accepts nothing: the connection ends when its listener does.
            let released = match UnixStream::connect_addr(&name) {
                Ok(connection) => {
                    let mut ended = [PollFd::new(connection.as_fd(), PollFlags::POLLIN)];
                    wait(&mut ended, deadline)?
                }
                // It was released between the two calls.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => true,
                Err(error) => return Err(error),
            };
            if !released || Instant::now() >= deadline {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
    }
}
