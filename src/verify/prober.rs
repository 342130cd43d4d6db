//! A listener, and a connection that should reach it, seen from both ends.

use std::io::{self, Read, Write};
use std::net::{
    IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, TcpListener, TcpStream,
};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, bind, connect, getsockopt, listen,
    setsockopt, socket, sockopt,
};
use thiserror::Error;

use crate::intent::{Family, Port};
use crate::process::wait::wait;

/// The time limit of a connection. The kernel repeats the first packet after one second (`TCP_TIMEOUT_INIT`).
pub(super) const LIMIT: Duration = Duration::from_secs(2);
/// How long after its answer a connection may reach the listener, which is on the same host.
const GRACE: Duration = Duration::from_millis(500);

/// How the listener gets the original destination of a captured connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Capture {
    /// From connection tracking, since it was rewritten (`SO_ORIGINAL_DST`).
    Redirected,
    /// From the local address, which is unchanged (tproxy).
    Transparent,
}

/// A listener on a port of every address of one family.
pub(crate) struct Listener {
    socket: TcpListener,
    capture: Capture,
}

impl Listener {
    /// Listens.
    ///
    /// # Errors
    /// `AddrInUse` if another process listens on the port.
    pub(crate) fn open(family: Family, port: Port, capture: Capture) -> io::Result<Self> {
        let (domain, everywhere): (_, IpAddr) = match family {
            Family::Ipv4 => (AddressFamily::Inet, Ipv4Addr::UNSPECIFIED.into()),
            Family::Ipv6 => (AddressFamily::Inet6, Ipv6Addr::UNSPECIFIED.into()),
        };
        let listener = stream(domain)?;
        // Connections of an earlier run may remain on the port.
        setsockopt(&listener, sockopt::ReuseAddr, &true)?;
        if family == Family::Ipv6 {
            setsockopt(&listener, sockopt::Ipv6V6Only, &true)?;
        }
        if capture == Capture::Transparent {
            // Also for IPv6: the kernel passes options of this level on, and both families share the flag
            // (`ipv6_setsockopt`).
            setsockopt(&listener, sockopt::IpTransparent, &true)?;
        }
        bind(
            listener.as_raw_fd(),
            &SockaddrStorage::from(SocketAddr::new(everywhere, port.number())),
        )?;
        listen(&listener, Backlog::MAXALLOWABLE)?;
        let socket = TcpListener::from(listener);
        Ok(Self { socket, capture })
    }

    /// Connects to the destination, and proves that the connection reaches this listener: the client reads the token that the
    /// listener sends, and the listener can read the original destination.
    pub(crate) fn prove(&self, destination: SocketAddr, token: &[u8]) -> Result<(), Fault> {
        let mut client = Client::start(None, destination)?;
        let mut accepted = self.wait_for(&client)?;
        let original = self
            .original_destination(&accepted)
            .map_err(Fault::NoOriginal)?;
        if original != destination {
            return Err(Fault::OtherOriginal(original));
        }
        accepted.write_all(token).map_err(Fault::Token)?;
        if client.read(token.len()).map_err(Fault::Token)? == token {
            Ok(())
        } else {
            Err(Fault::OtherToken)
        }
    }

    /// Waits until the client's connection is complete at both ends.
    fn wait_for(&self, client: &Client) -> Result<TcpStream, Fault> {
        let mut deadline = Instant::now() + LIMIT;
        let mut connected = false;
        let mut accepted = None;
        loop {
            if !connected && client.is_connected()? {
                connected = true;
                deadline = deadline.min(Instant::now() + GRACE);
            }
            if accepted.is_none() {
                accepted = self.accept(client.address);
            }
            match accepted {
                Some(accepted) if connected => return Ok(accepted),
                ref other => {
                    let mut waiting = Vec::new();
                    if other.is_none() {
                        waiting.push(PollFd::new(self.socket.as_fd(), PollFlags::POLLIN));
                    }
                    if !connected {
                        waiting.push(PollFd::new(client.socket.as_fd(), PollFlags::POLLOUT));
                    }
                    if !wait(&mut waiting, deadline).map_err(Fault::Connect)? {
                        return Err(if connected {
                            Fault::Elsewhere
                        } else {
                            Fault::NoAnswer
                        });
                    }
                }
            }
        }
    }

    /// The client's connection, if it has arrived. Other connections are closed: without this listener, they would be refused.
    fn accept(&self, client: SocketAddr) -> Option<TcpStream> {
        // Errors: no connection yet, or one that was closed before.
        while let Ok((accepted, peer)) = self.socket.accept() {
            close_at_once(&accepted);
            if peer.ip() == client.ip() && peer.port() == client.port() {
                return Some(accepted);
            }
        }
        None
    }

    fn original_destination(&self, accepted: &TcpStream) -> io::Result<SocketAddr> {
        let own = accepted.local_addr()?;
        Ok(match (self.capture, own) {
            (Capture::Transparent, own) => SocketAddr::new(own.ip(), own.port()),
            (Capture::Redirected, SocketAddr::V4(_)) => {
                let original = getsockopt(accepted, sockopt::OriginalDst)?;
                let address = Ipv4Addr::from_bits(u32::from_be(original.sin_addr.s_addr));
                SocketAddrV4::new(address, u16::from_be(original.sin_port)).into()
            }
            (Capture::Redirected, SocketAddr::V6(_)) => {
                let original = getsockopt(accepted, sockopt::Ip6tOriginalDst)?;
                let address = Ipv6Addr::from(original.sin6_addr.s6_addr);
                SocketAddrV6::new(address, u16::from_be(original.sin6_port), 0, 0).into()
            }
        })
    }
}

/// Why a connection does not prove capture.
#[derive(Debug, Error)]
pub enum Fault {
    /// The client's end failed.
    #[error("the connection failed: {0}")]
    Connect(io::Error),
    /// No process listens where it arrived.
    #[error("the connection was refused")]
    Refused,
    /// There was no answer.
    #[error("there was no answer within {} seconds", LIMIT.as_secs())]
    NoAnswer,
    /// A query did not arrive.
    #[error("it did not arrive within {} seconds", LIMIT.as_secs())]
    Lost,
    /// Another process accepted it.
    #[error("another process answered")]
    Elsewhere,
    /// The listener cannot read the original destination.
    #[error("cannot read the original destination: {0}")]
    NoOriginal(io::Error),
    /// The listener reads another original destination.
    #[error("the original destination reads {0}")]
    OtherOriginal(SocketAddr),
    /// The token could not be transferred.
    #[error("the connection broke: {0}")]
    Token(io::Error),
    /// The client read something else.
    #[error("the data was changed on the way")]
    OtherToken,
}

/// The connecting end.
pub(super) struct Client {
    pub(super) socket: TcpStream,
    address: SocketAddr,
}

impl Client {
    pub(super) fn start(source: Option<IpAddr>, destination: SocketAddr) -> Result<Self, Fault> {
        let domain = match destination {
            SocketAddr::V4(_) => AddressFamily::Inet,
            SocketAddr::V6(_) => AddressFamily::Inet6,
        };
        let socket = stream(domain).map_err(Fault::Connect)?;
        if let Some(source) = source {
            let source = SockaddrStorage::from(SocketAddr::new(source, 0));
            bind(socket.as_raw_fd(), &source).map_err(|errno| Fault::Connect(errno.into()))?;
        }
        match connect(socket.as_raw_fd(), &SockaddrStorage::from(destination)) {
            Ok(()) | Err(Errno::EINPROGRESS) => {}
            Err(errno) => return Err(failed(errno.into())),
        }
        let socket = TcpStream::from(socket);
        close_at_once(&socket);
        let address = socket.local_addr().map_err(Fault::Connect)?;
        Ok(Self { socket, address })
    }

    pub(super) fn is_connected(&self) -> Result<bool, Fault> {
        match self.socket.take_error() {
            Ok(None) => Ok(self.socket.peer_addr().is_ok()),
            Ok(Some(error)) | Err(error) => Err(failed(error)),
        }
    }

    /// Reads this many bytes.
    fn read(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let deadline = Instant::now() + GRACE;
        let mut received = Vec::new();
        while received.len() < length {
            let mut part = vec![0; length - received.len()];
            match self.socket.read(&mut part) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => received.extend(part.iter().take(count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let mut readable = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
                    if !wait(&mut readable, deadline)? {
                        return Err(io::ErrorKind::TimedOut.into());
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(received)
    }
}

pub(super) fn failed(error: io::Error) -> Fault {
    if error.kind() == io::ErrorKind::ConnectionRefused {
        Fault::Refused
    } else {
        Fault::Connect(error)
    }
}

fn stream(domain: AddressFamily) -> io::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    Ok(socket(domain, SockType::Stream, flags, None)?)
}

/// Makes closing the connection reset it, so that it does not remain in TIME-WAIT. This is best effort.
fn close_at_once(socket: &impl AsFd) {
    let at_once = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    let _ = setsockopt(&socket.as_fd(), sockopt::Linger, &at_once);
}
