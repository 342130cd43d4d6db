//! Connections to try out.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use netweir::connection::{Addresses, Connection, Owner, Path, PortPair, Tracking, Transport};
use netweir::intent::Protocol;
use nix::unistd::{Gid, Uid, setfsgid, setfsuid};
use socket2::{Domain, Socket, Type};

use super::topology::{BEYOND_POD, PEER, PEER_SECOND, POD, interface_of, is_of_pod};

/// How long a port may still be in use.
const PATIENCE: Duration = Duration::from_secs(3);

/// Who makes the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// A process in the pod.
    Out,
    /// The peer.
    In,
}

/// A connection to try out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// Who makes it.
    pub(crate) direction: Direction,
    /// TCP, or one datagram of UDP.
    pub(crate) protocol: Protocol,
    /// Who opens the socket, if it is made in the pod.
    pub(crate) owner: Owner,
    /// The address that the socket is bound to; the kernel's choice when `None`.
    pub(crate) source: Option<IpAddr>,
    /// Where it goes.
    pub(crate) destination: SocketAddr,
    /// The mark of its packets. A socket that has one may be bound to any address, as a proxy's is that
    /// calls its application from the client's address.
    pub(crate) mark: u32,
}

impl Attempt {
    /// A TCP connection with nothing special about it.
    pub(crate) const fn tcp(direction: Direction, owner: Owner, destination: SocketAddr) -> Self {
        Self {
            direction,
            protocol: Protocol::Tcp,
            owner,
            source: None,
            destination,
            mark: 0,
        }
    }

    /// Opens the socket and sends the first packet.
    pub(super) fn start(&self, source_port: u16) -> Client {
        let socket = match self.direction {
            Direction::Out => owned_by(self.owner, || self.open()),
            Direction::In => self.open(),
        };
        let source = self.source.unwrap_or(match self.destination {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        });
        let source = SocketAddr::new(source, source_port).into();
        let started = Instant::now();
        while let Err(error) = socket.bind(&source) {
            // A program that another test starts has copies of all sockets for a moment, also of one that had the port.
            let in_use = error.kind() == io::ErrorKind::AddrInUse;
            assert!(
                in_use && started.elapsed() < PATIENCE,
                "{self}: bind: {error}"
            );
            thread::yield_now();
        }
        let outcome = socket.connect(&self.destination.into()).and_then(|()| {
            if self.protocol == Protocol::Udp {
                socket.send(&[0])?;
            }
            Ok(())
        });
        let error = outcome
            .err()
            .filter(|error| error.raw_os_error() != Some(nix::libc::EINPROGRESS));
        Client {
            socket,
            protocol: self.protocol,
            error,
        }
    }

    fn open(&self) -> Socket {
        let (domain, kind) = (
            Domain::for_address(self.destination),
            match self.protocol {
                Protocol::Tcp => Type::STREAM,
                Protocol::Udp => Type::DGRAM,
            },
        );
        let socket = Socket::new(domain, kind, None).expect("a socket");
        socket.set_nonblocking(true).expect("non-blocking");
        match self.destination {
            SocketAddr::V4(_) => socket.set_freebind_v4(true),
            SocketAddr::V6(_) => socket.set_freebind_v6(true),
        }
        .expect("free to bind any address");
        if self.mark != 0 {
            socket.set_mark(self.mark).expect("a mark");
            set_transparent(&socket, self.destination);
        }
        if self.protocol == Protocol::Tcp {
            // Closed by a reset: nothing waits for a last packet.
            socket.set_linger(Some(Duration::ZERO)).expect("linger");
        }
        socket
    }

    /// Where it comes from, unless the kernel chooses otherwise.
    pub(crate) fn likely_source(&self) -> SocketAddr {
        let own = match self.direction {
            Direction::Out => POD,
            Direction::In if BEYOND_POD.contains(&self.destination.ip()) => PEER_SECOND,
            Direction::In => PEER,
        };
        let same = |source: &IpAddr| source.is_ipv4() == self.destination.is_ipv4();
        let source = self.source.or_else(|| own.into_iter().find(same));
        SocketAddr::new(source.expect("one of each family"), 40_000)
    }

    /// The connection as the rules see it.
    pub(crate) fn connection(&self, source: SocketAddr) -> Connection {
        let to = self.destination.ip();
        let path = match self.direction {
            Direction::Out => Path::Out {
                interface: if is_of_pod(to) {
                    "lo"
                } else {
                    interface_of(to)
                }
                .to_owned(),
                owner: Some(self.owner),
            },
            Direction::In => Path::In {
                interface: if BEYOND_POD.contains(&to) {
                    "eth1"
                } else {
                    interface_of(to)
                }
                .to_owned(),
            },
        };
        let ports = PortPair {
            source: source.port(),
            destination: self.destination.port(),
        };
        Connection {
            path,
            addresses: Addresses::of(source.ip(), to).expect("one family"),
            transport: match self.protocol {
                Protocol::Tcp => Transport::Tcp(ports),
                Protocol::Udp => Transport::Udp(ports),
            },
            packet_mark: self.mark,
            connection_mark: 0,
            tracking: Tracking::New,
        }
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = self.protocol.name();
        match self.direction {
            Direction::Out => write!(
                f,
                "out {protocol} {} uid={} gid={}",
                self.destination, self.owner.uid, self.owner.gid
            )?,
            Direction::In => write!(f, "in {protocol} {}", self.destination)?,
        }
        if let Some(source) = self.source {
            write!(f, " from={source}")?;
        }
        if self.mark != 0 {
            write!(f, " mark={}", self.mark)?;
        }
        Ok(())
    }
}

/// Lets the socket have the addresses of others.
pub(crate) fn set_transparent(socket: &Socket, address: SocketAddr) {
    match address {
        SocketAddr::V4(_) => socket.set_ip_transparent_v4(true),
        SocketAddr::V6(_) => socket.set_ip_transparent_v6(true),
    }
    .expect("transparent");
}

/// A socket whose first packet was sent.
pub(crate) struct Client {
    pub(super) socket: Socket,
    pub(super) protocol: Protocol,
    /// What the kernel said at once.
    pub(super) error: Option<io::Error>,
}

impl Client {
    /// Its own end.
    pub(super) fn source(&self) -> SocketAddr {
        let address = self.socket.local_addr().expect("bound");
        address.as_socket().expect("an internet address")
    }
}

/// Does something as another owner: a socket belongs to the fsuid and fsgid of the thread that opens it.
///
/// # Panics
/// When the ids do not exist in this user namespace.
pub(crate) fn owned_by<T>(owner: Owner, body: impl FnOnce() -> T) -> T {
    let (uid, gid) = (Uid::from_raw(owner.uid), Gid::from_raw(owner.gid));
    let before = (setfsuid(uid), setfsgid(gid));
    // These calls tell nothing but what was before.
    let now = (setfsuid(uid), setfsgid(gid));
    let result = (now == (uid, gid)).then(body);
    setfsgid(before.1);
    setfsuid(before.0);
    result.unwrap_or_else(|| panic!("uid {uid} and gid {gid} do not exist here"))
}
