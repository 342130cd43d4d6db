//! Messages from the kernel.

use std::io;

use mnl::mnl_sys::libc;
use nix::errno::Errno;

use super::{ALIGNMENT, HEADER, Refusal};

/// `NLA_TYPE_MASK`: without the flags for nesting and byte order.
const ATTRIBUTE_TYPE: u16 = 0x3fff;
/// `NLMSGERR_ATTR_MSG` (`linux/netlink.h`).
const NLMSGERR_ATTR_MSG: u16 = 1;

/// A message that was received.
#[derive(Clone, Copy)]
pub(crate) struct Message<'a> {
    /// The whole message, header included.
    pub(crate) bytes: &'a [u8],
    pub(crate) kind: u16,
    pub(super) flags: u16,
    pub(crate) sequence: u32,
}

impl<'a> Message<'a> {
    /// The messages of a datagram.
    pub(super) fn all(datagram: &'a [u8]) -> impl Iterator<Item = io::Result<Self>> {
        mnl::NlMessages::new(datagram).map(|bytes| {
            let bytes = bytes?;
            Self::read(bytes).ok_or_else(|| io::ErrorKind::InvalidData.into())
        })
    }

    fn read(bytes: &'a [u8]) -> Option<Self> {
        Some(Self {
            bytes,
            kind: read_u16(bytes, 4)?,
            flags: read_u16(bytes, 6)?,
            sequence: read_u32(bytes, 8)?,
        })
    }

    /// What follows the message header.
    pub(crate) fn body(self) -> &'a [u8] {
        self.bytes.get(HEADER..).unwrap_or(&[])
    }

    /// The attributes after a fixed header of this length.
    pub(crate) fn attributes(self, header: usize) -> Attributes<'a> {
        Attributes(self.body().get(header..).unwrap_or(&[]))
    }

    /// Whether the message is the last one of a dump.
    pub(super) fn ends_dump(self) -> bool {
        i32::from(self.kind) == libc::NLMSG_DONE
    }

    /// Whether what the dump lists changed since it began.
    pub(super) fn is_interrupted(self) -> bool {
        i32::from(self.flags) & libc::NLM_F_DUMP_INTR != 0
    }

    /// The answer in an error message: `None` for another message.
    pub(crate) fn answer(self) -> Option<Answer> {
        if i32::from(self.kind) != libc::NLMSG_ERROR {
            return None;
        }
        let body = self.body();
        let code = i32::from_ne_bytes(*body.first_chunk()?);
        if code == 0 {
            return Some(Answer::Done);
        }
        // struct nlmsgerr is the code and the header of the request; the kernel's explanation follows.
        let explained = i32::from(self.flags) & libc::NLM_F_ACK_TLVS != 0;
        let attributes = Attributes(body.get(4 + HEADER..).unwrap_or(&[]));
        let explanation = attributes.find(NLMSGERR_ATTR_MSG).filter(|_| explained);
        Some(Answer::Failed(Refusal {
            errno: Errno::from_raw(-code),
            explanation: explanation.map(|text| {
                let text = String::from_utf8_lossy(text);
                text.trim_end_matches('\0').to_owned()
            }),
        }))
    }
}

/// What the kernel answers to a request.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Acknowledged.
    Done,
    /// Refused.
    Failed(Refusal),
}

/// Attributes, as type and payload.
#[derive(Clone)]
pub(crate) struct Attributes<'a>(pub(crate) &'a [u8]);

impl<'a> Attributes<'a> {
    /// The payload of the first attribute of the type.
    pub(crate) fn find(&self, kind: u16) -> Option<&'a [u8]> {
        let mut all = self.clone();
        all.find_map(|(own, payload)| (own == kind).then_some(payload))
    }

    /// A number in host order, as rtnetlink has them.
    pub(crate) fn u32(&self, kind: u16) -> Option<u32> {
        read_u32(self.find(kind)?, 0)
    }

    /// A number in network order, as nf_tables has them.
    pub(crate) fn be32(&self, kind: u16) -> Option<u32> {
        Some(u32::from_be_bytes(*self.find(kind)?.first_chunk()?))
    }

    /// A number of 64 bits in network order.
    pub(crate) fn be64(&self, kind: u16) -> Option<u64> {
        Some(u64::from_be_bytes(*self.find(kind)?.first_chunk()?))
    }

    /// A string without its NUL.
    pub(crate) fn string(&self, kind: u16) -> Option<&'a [u8]> {
        self.find(kind)?.strip_suffix(&[0])
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let length = usize::from(read_u16(self.0, 0)?);
        let kind = read_u16(self.0, 2)? & ATTRIBUTE_TYPE;
        let payload = self.0.get(4..length)?;
        // The last attribute may come without its padding.
        self.0 = self
            .0
            .get(length.next_multiple_of(ALIGNMENT)..)
            .unwrap_or(&[]);
        Some((kind, payload))
    }
}

fn read_u16(bytes: &[u8], offset: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(offset..)?.first_chunk()?))
}

/// A number in host order; `None` beyond the end.
pub(crate) fn read_u32(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(offset..)?.first_chunk()?))
}
