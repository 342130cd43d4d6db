//! The sockets of a network namespace: the owner of the one that a packet belongs to, and the open TCP connections
//! (`linux/sock_diag.h`, `linux/inet_diag.h`).

use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use nix::net::if_::if_nametoindex;

use super::{Error, Flags, Request, Socket, Subsystem, address_family, family_of, read_u32};
use crate::connection::{ConnectionEnds, Transport};
use crate::intent::{Family, Protocol};
use crate::ruleset::{End, OpenConnections};
use crate::trace::Headers;

/// `SOCK_DIAG_BY_FAMILY`.
const BY_FAMILY: u16 = 20;
/// `INET_DIAG_NOCOOKIE`.
const NO_COOKIE: [u8; 8] = [0xff; 8];
/// The offsets of `idiag_sport`, `idiag_dport`, `idiag_src`, `idiag_dst`, `idiag_uid` and `idiag_inode` in
/// `struct inet_diag_msg`.
const LOCAL_PORT: usize = 4;
const REMOTE_PORT: usize = 6;
const LOCAL: usize = 8;
const REMOTE: usize = 24;
const UID: usize = 64;
const INODE: usize = 68;

/// The states (`net/tcp_states.h`) of TCP sockets that are no open connections: in `TCP_TIME_WAIT` both sides have closed.
const NOT_OPEN: u32 = 1 << 6 | 1 << 7 | 1 << 10;
/// The most connections that are listed: their addresses and ports fit into one transaction with the default send buffer.
const MOST: usize = 4096;

/// The TCP connections that are open in a network namespace.
#[derive(Default)]
pub(crate) struct OpenList {
    /// They, or as many as are listed.
    pub(crate) listed: OpenConnections,
    /// The number of those that are not listed.
    pub(crate) others: usize,
}

/// The sockets of a network namespace.
pub(crate) struct Sockets(Socket);

impl Sockets {
    /// Opens a netlink socket in the calling thread's network namespace.
    ///
    /// # Errors
    /// The kernel refused.
    pub(crate) fn open() -> Result<Self, Error> {
        Socket::open(Subsystem::SockDiag).map(Self)
    }

    /// The user that opened the socket of a packet that was made here; `None` if there is no such socket (any more), or the
    /// kernel does not say (`CONFIG_INET_DIAG`, `CONFIG_INET_UDP_DIAG`).
    pub(crate) fn uid(&mut self, headers: &Headers) -> Option<u32> {
        let (protocol, ports) = match headers.transport {
            Transport::Tcp(ports) => (Protocol::Tcp, ports),
            Transport::Udp(ports) => (Protocol::Udp, ports),
            Transport::Other(_) => return None,
        };
        let end = |end| (headers.addresses.end(end), ports.end(end));
        let (own, other) = (end(End::Source), end(End::Destination));
        // For UDP the kernel looks for the receiver of a packet with these ends, not for its sender (udp_dump_one).
        let [first, second] = match protocol {
            Protocol::Udp => [other, own],
            Protocol::Tcp => [own, other],
        };
        let family = address_family(headers.addresses.family());
        let mut request = vec![family, protocol.number(), 0, 0];
        // In any state.
        request.extend(u32::MAX.to_ne_bytes());
        request.extend(first.1.to_be_bytes());
        request.extend(second.1.to_be_bytes());
        request.extend(padded(first.0));
        request.extend(padded(second.0));
        // Without the interface the kernel skips sockets that are bound to one. 0: none.
        let interface = headers.leaves_by.as_deref();
        let interface = interface.and_then(|name| if_nametoindex(name).ok());
        request.extend(interface.unwrap_or(0).to_ne_bytes());
        request.extend(NO_COOKIE);
        let request = Request::new(BY_FAMILY, Flags::REQUEST, &request);
        let answer = self.0.query("look up a socket", request, |message| {
            let body = message.body();
            let port = body.get(REMOTE_PORT..)?.first_chunk()?;
            let (uid, inode) = (read_u32(body, UID)?, read_u32(body, INODE)?);
            Some((u16::from_be_bytes(*port), uid, inode))
        });
        let (remote_port, uid, inode) = answer.ok()?;
        // After the end of a connection the kernel finds the listener on its port instead.
        let belongs = protocol == Protocol::Udp || remote_port == ports.destination;
        // A socket that was closed is reported as root's (inet_twsk_diag_fill, sock_i_uid).
        (belongs && inode != 0).then_some(uid)
    }
}

impl OpenList {
    /// The connections of the process's network namespace. Those that are only routed through it have no socket there.
    ///
    /// # Errors
    /// The kernel refused, for example without `CONFIG_INET_DIAG`.
    pub(crate) fn read() -> Result<Self, Error> {
        let mut list = Self::default();
        if has_no_sockets().unwrap_or(false) {
            return Ok(list);
        }
        let mut socket = Socket::open(Subsystem::SockDiag)?;
        for family in Family::ALL {
            let mut request = vec![address_family(family), Protocol::Tcp.number(), 0, 0];
            request.extend((!NOT_OPEN).to_ne_bytes());
            // No ends, no interface.
            request.resize(request.len() + 40, 0);
            request.extend(NO_COOKIE);
            let request = Request::new(BY_FAMILY, Flags::DUMP, &request);
            socket.dump("list the open TCP connections", request, |message| {
                list.add(ends(message.body())?);
                Some(())
            })?;
        }
        Ok(list)
    }

    fn add(&mut self, ends: ConnectionEnds) {
        if self.listed.len() < MOST {
            self.listed.push(ends);
        } else {
            self.others += 1;
        }
    }
}

/// Whether the process's network namespace has no TCP socket, not even a listening one; `None` where it cannot be
/// read. To list the connections of an empty namespace takes longer, as the kernel goes through the table that all
/// namespaces share.
fn has_no_sockets() -> Option<bool> {
    // The kernel writes such a file at once.
    let mut text = [0; 256];
    let mut is_none = |file, line: &str| {
        let length = File::open(file).ok()?.read(&mut text).ok()?;
        let text = str::from_utf8(text.get(..length)?).ok()?;
        Some(text.contains(line))
    };
    let ipv4 = is_none("/proc/self/net/sockstat", "\nTCP: inuse 0 ")?;
    Some(ipv4 && is_none("/proc/self/net/sockstat6", "TCP6: inuse 0\n")?)
}

/// The ends of the connection in a `struct inet_diag_msg`.
fn ends(body: &[u8]) -> Option<ConnectionEnds> {
    let family = family_of(*body.first()?)?;
    let end = |address: usize, port: usize| {
        let bytes: [u8; 16] = *body.get(address..)?.first_chunk()?;
        let address = match family {
            Family::Ipv4 => IpAddr::from(Ipv4Addr::from(*bytes.first_chunk()?)),
            // A socket of both families has IPv4 addresses in this form.
            Family::Ipv6 => Ipv6Addr::from(bytes).to_canonical(),
        };
        let port = u16::from_be_bytes(*body.get(port..)?.first_chunk()?);
        Some(SocketAddr::new(address, port))
    };
    Some(ConnectionEnds {
        local: end(LOCAL, LOCAL_PORT)?,
        remote: end(REMOTE, REMOTE_PORT)?,
    })
}

fn padded(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => {
            let mut bytes = [0; 16];
            let (front, _) = bytes.split_at_mut(4);
            front.copy_from_slice(&address.octets());
            bytes
        }
        IpAddr::V6(address) => address.octets(),
    }
}

/// Reads a message as an open connection.
#[cfg(feature = "fuzzing")]
pub(crate) fn fuzz(message: super::Message<'_>) {
    let _ = ends(message.body());
}
