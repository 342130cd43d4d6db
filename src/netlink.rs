//! Netlink messages and the socket that carries them (RFC 3549, `linux/netlink.h`).

mod error;
mod multicast;
mod request;
pub(crate) mod sock_diag;

use std::io;

use mnl::mnl_sys::libc;
use nix::errno::Errno;
use nix::sys::socket::{setsockopt, sockopt};

use crate::intent::Family;
use crate::printable::printable;
use crate::sys;

pub(crate) use error::PROBE_TABLE;
pub use error::{Error, Subject};
pub(crate) use multicast::{Group, Received, Topic};
pub(crate) use request::{Flags, Nest, Request};

/// The length of `struct nlmsghdr`.
pub(crate) const HEADER: usize = 16;
/// Attributes and messages are padded to this many bytes (`NLA_ALIGNTO`, `NLMSG_ALIGNTO`).
const ALIGNMENT: usize = 4;
/// The kernel sends dumps in parts of up to this size to whoever reads with a buffer of it (`netlink_dump`).
const RECEIVE_BUFFER: usize = 32 * 1024;
/// Enough for the parts of a short dump, and cleared at every start.
const SMALL_BUFFER: usize = 8 * 1024;
/// The default send buffer (`net.core.wmem_default`) less the kernel's own share; a larger batch needs more.
const DEFAULT_SEND_BUFFER: usize = 200 * 1024;
/// `NLA_TYPE_MASK`: without the flags for nesting and byte order.
const ATTRIBUTE_TYPE: u16 = 0x3fff;

/// A message that was received.
#[derive(Clone, Copy)]
pub(crate) struct Message<'a> {
    /// All of it.
    pub(crate) bytes: &'a [u8],
    pub(crate) kind: u16,
    flags: u16,
    pub(crate) sequence: u32,
}

impl<'a> Message<'a> {
    fn read(bytes: &'a [u8]) -> io::Result<Self> {
        let whole = bytes.len() >= HEADER;
        let field = |offset| read_u16(bytes, offset);
        whole
            .then(|| {
                Some(Self {
                    bytes,
                    kind: field(4)?,
                    flags: field(6)?,
                    sequence: read_u32(bytes, 8)?,
                })
            })
            .flatten()
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
    }

    /// What follows the message header.
    pub(crate) fn body(self) -> &'a [u8] {
        self.bytes.get(HEADER..).unwrap_or_default()
    }

    /// The attributes behind a fixed header of this length.
    pub(crate) fn attributes(self, header: usize) -> Attributes<'a> {
        Attributes(self.body().get(header..).unwrap_or_default())
    }

    /// The answer that an error message is: `None` for another message.
    pub(crate) fn answer(self) -> Option<Answer> {
        if i32::from(self.kind) != libc::NLMSG_ERROR {
            return None;
        }
        let body = self.body();
        let code = i32::from_ne_bytes(*body.first_chunk()?);
        if code == 0 {
            return Some(Answer::Done);
        }
        // struct nlmsgerr is the code and the header of the request; the kernel's words follow.
        let told = i32::from(self.flags) & libc::NLM_F_ACK_TLVS != 0;
        let mut attributes = Attributes(body.get(4 + HEADER..).unwrap_or_default());
        let words = told
            .then(|| attributes.find(|&(kind, _)| kind == NLMSGERR_ATTR_MSG))
            .flatten()
            .map(|(_, text)| {
                String::from_utf8_lossy(text)
                    .trim_end_matches('\0')
                    .to_owned()
            });
        Some(Answer::Failed(Refusal {
            errno: Errno::from_raw(-code),
            words,
        }))
    }
}

/// `NLMSGERR_ATTR_MSG` (`linux/netlink.h`).
const NLMSGERR_ATTR_MSG: u16 = 1;

/// What the kernel says to a request.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Acknowledged.
    Done,
    /// Refused.
    Failed(Refusal),
}

/// Why the kernel refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The error number.
    pub errno: Errno,
    /// The kernel's own explanation, where it has one (extended acknowledgement).
    pub words: Option<String>,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({:?})", self.errno.desc(), self.errno)?;
        match &self.words {
            Some(words) => write!(f, ": {words}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Refusal {}

/// Attributes, as type and payload.
#[derive(Clone)]
pub(crate) struct Attributes<'a>(pub(crate) &'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let length = usize::from(read_u16(self.0, 0)?);
        let kind = read_u16(self.0, 2)? & ATTRIBUTE_TYPE;
        let payload = self.0.get(4..length)?;
        let after = length.next_multiple_of(ALIGNMENT).min(self.0.len());
        self.0 = self.0.get(after..).unwrap_or_default();
        Some((kind, payload))
    }
}

pub(crate) fn read_u16(bytes: &[u8], offset: usize) -> Option<u16> {
    let field = bytes.get(offset..)?.first_chunk()?;
    Some(u16::from_ne_bytes(*field))
}

pub(crate) fn read_u32(bytes: &[u8], offset: usize) -> Option<u32> {
    let field = bytes.get(offset..)?.first_chunk()?;
    Some(u32::from_ne_bytes(*field))
}

/// Why an exchange with the kernel failed.
#[derive(Debug)]
pub(crate) enum ExchangeError {
    /// The socket failed.
    Io(io::Error),
    /// The kernel refused the request.
    Refused(Refusal),
    /// What a dump lists changed while it was read.
    Interrupted,
}

impl From<io::Error> for ExchangeError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Opens a socket of the calling thread's network namespace.
///
/// # Errors
/// The kernel refused.
pub(crate) fn open(bus: mnl::Bus) -> Result<Socket, Error> {
    Socket::open(bus).map_err(Error::Open)
}

/// A netlink socket.
pub(crate) struct Socket {
    inner: mnl::Socket,
    buffer: Vec<u8>,
    sequence: u32,
}

impl Socket {
    /// Opens a socket of the calling thread's network namespace.
    pub(crate) fn open(bus: mnl::Bus) -> io::Result<Self> {
        let socket = mnl::Socket::new(bus)?;
        sys::want_extended_acks(&socket);
        Ok(Self {
            inner: socket,
            buffer: vec![0; SMALL_BUFFER],
            sequence: 0,
        })
    }

    /// The number of the socket: no other one of the network namespace has it.
    pub(crate) fn number(&self) -> u32 {
        self.inner.portid()
    }

    /// The sequence number for the next message; they start at 1.
    pub(crate) fn next_sequence(&mut self) -> u32 {
        self.sequence = self.sequence.wrapping_add(1).max(1);
        self.sequence
    }

    /// Sends all of it as one datagram: the kernel would take the parts of a batch that come in several for batches of
    /// their own, and acknowledge each without doing anything.
    pub(crate) fn send(&self, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() > DEFAULT_SEND_BUFFER {
            // The kernel doubles the value for its bookkeeping. In a user namespace only the plain option is
            // allowed, and it may grant less; then the send fails with EMSGSIZE.
            let size = bytes.len() + 4096;
            let socket = sys::borrow_fd(&self.inner);
            setsockopt(&socket, sockopt::SndBufForce, &size)
                .or_else(|_| setsockopt(&socket, sockopt::SndBuf, &size))?;
        }
        if self.inner.send(bytes)? == bytes.len() {
            Ok(())
        } else {
            Err(io::ErrorKind::WriteZero.into())
        }
    }

    /// Reads once, and hands over each message until one of them ends the exchange.
    pub(crate) fn receive<T>(
        &mut self,
        mut each: impl FnMut(Message<'_>) -> Result<Option<T>, ExchangeError>,
    ) -> Result<Option<T>, ExchangeError> {
        let length = loop {
            match self.inner.recv_raw(&mut self.buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        if length > SMALL_BUFFER / 4 {
            // More may come: in larger parts, then.
            self.buffer.resize(RECEIVE_BUFFER, 0);
        }
        let received = self.buffer.get(..length).unwrap_or_default();
        for message in mnl::NlMessages::new(received) {
            if let Some(end) = each(Message::read(message?)?)? {
                return Ok(Some(end));
            }
        }
        Ok(None)
    }

    /// Sends a request and waits for its acknowledgement or its refusal.
    pub(crate) fn acknowledge(&mut self, request: Request) -> Result<(), ExchangeError> {
        self.exchange(request, |message| match message.answer() {
            Some(Answer::Done) => Ok(Some(())),
            Some(Answer::Failed(refusal)) => Err(ExchangeError::Refused(refusal)),
            None => Ok(None),
        })
    }

    /// Sends a request and reads the one message that answers it.
    pub(crate) fn query<T>(
        &mut self,
        request: Request,
        mut read: impl FnMut(Message<'_>) -> Option<T>,
    ) -> Result<T, ExchangeError> {
        self.exchange(request, |message| match message.answer() {
            Some(Answer::Failed(refusal)) => Err(ExchangeError::Refused(refusal)),
            Some(Answer::Done) => Ok(None),
            None => match read(message) {
                Some(value) => Ok(Some(value)),
                None => Err(io::Error::from(io::ErrorKind::InvalidData).into()),
            },
        })
    }

    /// Sends a dump request and hands over each message of the listing.
    pub(crate) fn dump(
        &mut self,
        request: Request,
        mut each: impl FnMut(Message<'_>) -> Option<()>,
    ) -> Result<(), ExchangeError> {
        self.exchange(request, |message| {
            if i32::from(message.flags) & libc::NLM_F_DUMP_INTR != 0 {
                return Err(ExchangeError::Interrupted);
            }
            if i32::from(message.kind) == libc::NLMSG_DONE {
                return Ok(Some(()));
            }
            match message.answer() {
                Some(Answer::Failed(refusal)) => Err(ExchangeError::Refused(refusal)),
                Some(Answer::Done) => Ok(Some(())),
                None => match each(message) {
                    Some(()) => Ok(None),
                    None => Err(io::Error::from(io::ErrorKind::InvalidData).into()),
                },
            }
        })
    }

    fn exchange<T>(
        &mut self,
        request: Request,
        mut each: impl FnMut(Message<'_>) -> Result<Option<T>, ExchangeError>,
    ) -> Result<T, ExchangeError> {
        let sequence = self.next_sequence();
        self.send(&request.finish(sequence))?;
        loop {
            // What is left of an exchange that was given up is passed over.
            let mut own = |message: Message<'_>| match message.sequence {
                number if number == sequence => each(message),
                _ => Ok(None),
            };
            if let Some(end) = self.receive(&mut own)? {
                return Ok(end);
            }
        }
    }
}

/// A name or a comment that anybody may have chosen, to be shown and compared, but not to be asked for.
pub(crate) fn text(bytes: Option<&[u8]>) -> String {
    printable(&String::from_utf8_lossy(bytes.unwrap_or_default())).into_owned()
}

/// `AF_INET` or `AF_INET6`.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small constants"
)]
pub(crate) const fn address_family(family: Family) -> u8 {
    match family {
        Family::Ipv4 => libc::AF_INET as u8,
        Family::Ipv6 => libc::AF_INET6 as u8,
    }
}
