//! Proves that connections to one address arrive at another.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags};
use thiserror::Error;

use crate::process::shutdown::Shutdown;
use crate::process::wait::wait;

use super::prober::{Client, Fault};
use super::trial::token;

/// Why it is not proven.
#[derive(Debug, Error)]
pub(crate) enum NotRedirected {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The error.
        #[source]
        source: io::Error,
    },
    /// The connection failed, or arrived elsewhere.
    #[error("{to} should have reached {at}, but {fault}")]
    Connection {
        /// The address that was connected to.
        to: SocketAddr,
        /// The listener's address.
        at: SocketAddr,
        /// What happened.
        #[source]
        fault: Fault,
    },
    /// There was no answer in time.
    #[error("{to} should have reached {at}, but there was no answer within {within:?}")]
    NoAnswer {
        /// The address that was connected to.
        to: SocketAddr,
        /// The listener's address.
        at: SocketAddr,
        /// The time limit.
        within: Duration,
    },
    /// The process was asked to end.
    #[error("ended by a signal")]
    Ended,
    /// The operating system cannot wait.
    #[error("cannot wait: {0}")]
    Wait(io::Error),
}

/// Listens at an address, connects to another one, and waits for the listener's random token on the connection. Needs no
/// privilege.
///
/// # Errors
/// The connection arrives elsewhere or not at all, or has no answer before the time or the process ends.
pub(crate) fn redirected(
    at: SocketAddr,
    (from, to): (Option<IpAddr>, SocketAddr),
    within: Duration,
    shutdown: &Shutdown,
) -> Result<(), NotRedirected> {
    let deadline = Instant::now() + within;
    let listen = || {
        let listener = TcpListener::bind(at)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    let listener = listen().map_err(|source| NotRedirected::Listen {
        address: at,
        source,
    })?;
    let failed = |fault| NotRedirected::Connection { to, at, fault };
    let token = token();
    let mut client = Client::start(from, to).map_err(failed)?;
    let mut answer = Vec::new();
    loop {
        while let Ok((mut connection, _)) = listener.accept() {
            // A new connection has room for the token. What is lost is missing at the other end.
            let _ = connection.write_all(&token);
        }
        let connected = client.is_connected().map_err(failed)?;
        if connected {
            let mut part = [0; 64];
            match client.socket.read(&mut part) {
                Ok(0) => return Err(failed(Fault::OtherToken)),
                Ok(count) => answer.extend(part.iter().take(count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(failed(Fault::Token(error))),
            }
            if answer == token {
                return Ok(());
            }
            if !token.starts_with(&answer) {
                return Err(failed(Fault::Elsewhere));
            }
        }
        let of_client = if connected {
            PollFlags::POLLIN
        } else {
            PollFlags::POLLOUT
        };
        let mut events = [
            PollFd::new(listener.as_fd(), PollFlags::POLLIN),
            PollFd::new(client.socket.as_fd(), of_client),
            PollFd::new(shutdown.as_fd(), PollFlags::POLLIN),
        ];
        if !wait(&mut events, deadline).map_err(NotRedirected::Wait)? {
            return Err(NotRedirected::NoAnswer { to, at, within });
        }
        if shutdown.is_requested().map_err(NotRedirected::Wait)? {
            return Err(NotRedirected::Ended);
        }
    }
}
