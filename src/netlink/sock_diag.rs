//! Whose socket a packet is of (`linux/sock_diag.h`, `linux/inet_diag.h`).

use std::net::IpAddr;

use mnl::mnl_sys::libc;
use nix::net::if_::if_nametoindex;

use super::address_family;
use crate::connection::Transport;
use crate::netlink::Error;
use crate::netlink::open;
use crate::netlink::{Flags, Request, Socket, read_u32};
use crate::ruleset::End;
use crate::trace::Headers;

/// `SOCK_DIAG_BY_FAMILY`.
const BY_FAMILY: u16 = 20;
/// `INET_DIAG_NOCOOKIE`.
const NO_COOKIE: [u8; 8] = [0xff; 8];
/// Where `idiag_dport`, `idiag_uid` and `idiag_inode` are in `struct inet_diag_msg`.
const OTHER_PORT: usize = 6;
const UID: usize = 64;
const INODE: usize = 68;

/// The sockets of the calling thread's network namespace.
pub(crate) struct Sockets(Socket);

impl Sockets {
    /// Opens the way to ask.
    ///
    /// # Errors
    /// The kernel refused.
    pub(crate) fn open() -> Result<Self, Error> {
        open(mnl::Bus::SockDiag).map(Self)
    }

    /// The user that opened the socket of a packet that was made here; `None` where there is no such socket, or no more,
    /// or the kernel does not tell (`CONFIG_INET_DIAG`, `CONFIG_INET_UDP_DIAG`).
    pub(crate) fn uid(&mut self, headers: &Headers) -> Option<u32> {
        let (protocol, ports) = match headers.transport {
            Transport::Tcp(ports) => (libc::IPPROTO_TCP, ports),
            Transport::Udp(ports) => (libc::IPPROTO_UDP, ports),
            Transport::Other(_) => return None,
        };
        let end = |end| (headers.addresses.end(end), ports.end(end));
        let (own, other) = (end(End::Source), end(End::Destination));
        // Of UDP the kernel looks for the receiver of a packet with these ends, not for its sender (udp_dump_one).
        let [first, second] = match headers.transport {
            Transport::Udp(_) => [other, own],
            Transport::Tcp(_) | Transport::Other(_) => [own, other],
        };
        let mut request = vec![
            address_family(headers.addresses.family()),
            u8::try_from(protocol).ok()?,
            0,
            0,
        ];
        // In any state.
        request.extend(u32::MAX.to_ne_bytes());
        request.extend(first.1.to_be_bytes());
        request.extend(second.1.to_be_bytes());
        request.extend(padded(first.0));
        request.extend(padded(second.0));
        // Without it, the kernel passes over sockets that are bound to an interface.
        let interface = headers.leaves_by.as_deref();
        let interface = interface.and_then(|name| if_nametoindex(name).ok());
        request.extend(interface.unwrap_or_default().to_ne_bytes());
        request.extend(NO_COOKIE);
        let request = Request::new(BY_FAMILY, Flags::REQUEST, &request);
        let answer = self.0.query(request, |message| {
            let body = message.body();
            let other_port = body.get(OTHER_PORT..)?.first_chunk()?;
            let answer = Answer {
                other_port: u16::from_be_bytes(*other_port),
                uid: read_u32(body, UID)?,
                inode: read_u32(body, INODE)?,
            };
            Some(answer)
        });
        answer.ok()?.uid_of(headers.transport)
    }
}

/// What is told of a socket.
struct Answer {
    other_port: u16,
    uid: u32,
    inode: u32,
}

impl Answer {
    fn uid_of(&self, transport: Transport) -> Option<u32> {
        let is_of_packet = match transport {
            // Where the connection is gone, the kernel finds whoever listens on its port.
            Transport::Tcp(ports) => self.other_port == ports.destination,
            Transport::Udp(_) => true,
            Transport::Other(_) => false,
        };
        // What a program has closed is told to be root's (inet_twsk_diag_fill, sock_i_uid).
        (is_of_packet && self.inode != 0).then_some(self.uid)
    }
}

fn padded(address: IpAddr) -> [u8; 16] {
    let mut bytes = [0; 16];
    match address {
        IpAddr::V4(address) => {
            let (front, _) = bytes.split_at_mut(4);
            front.copy_from_slice(&address.octets());
        }
        IpAddr::V6(address) => bytes = address.octets(),
    }
    bytes
}
