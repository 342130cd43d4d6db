//! The owner of the socket that a packet belongs to (`linux/sock_diag.h`, `linux/inet_diag.h`).

use std::net::IpAddr;

use nix::net::if_::if_nametoindex;

use super::{Error, Flags, Request, Socket, Subsystem, address_family, read_u32};
use crate::connection::Transport;
use crate::intent::Protocol;
use crate::ruleset::End;
use crate::trace::Headers;

/// `SOCK_DIAG_BY_FAMILY`.
const BY_FAMILY: u16 = 20;
/// `INET_DIAG_NOCOOKIE`.
const NO_COOKIE: [u8; 8] = [0xff; 8];
/// The offsets of `idiag_dport`, `idiag_uid` and `idiag_inode` in `struct inet_diag_msg`.
const REMOTE_PORT: usize = 6;
const UID: usize = 64;
const INODE: usize = 68;

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
