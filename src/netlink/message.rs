//! Messages from the kernel.

use std::{io, iter};

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
    /// The messages of a datagram. Whatever does not have the length that it claims is an error, and the last one.
    pub(super) fn all(datagram: &'a [u8]) -> impl Iterator<Item = io::Result<Self>> {
        let mut rest = datagram;
        iter::from_fn(move || {
            let bytes = std::mem::take(&mut rest);
            if bytes.is_empty() {
                return None;
            }
            let read = Self::first(bytes).map(|(message, after)| {
                rest = after;
                message
            });
            Some(read.ok_or_else(|| io::ErrorKind::InvalidData.into()))
        })
    }

    /// The messages of a datagram, up to the first one that is broken.
    #[cfg(feature = "fuzzing")]
    pub(crate) fn whole(datagram: &'a [u8]) -> impl Iterator<Item = Self> {
        Self::all(datagram).map_while(Result::ok)
    }

    /// The first message, and what comes after it.
    fn first(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let length = usize::try_from(read_u32(bytes, 0)?).ok()?;
        let own = bytes.get(..length).filter(|own| own.len() >= HEADER)?;
        let message = Self {
            bytes: own,
            kind: read_u16(own, 4)?,
            flags: read_u16(own, 6)?,
            sequence: read_u32(own, 8)?,
        };
        // The last message may come without its padding.
        let after = bytes.get(length.next_multiple_of(ALIGNMENT)..);
        Some((message, after.unwrap_or(&[])))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A message of this length, as it claims, and its sequence number.
    fn message(length: u32, sequence: u32) -> Vec<u8> {
        let mut bytes = vec![0; HEADER];
        bytes.splice(0..4, length.to_ne_bytes());
        bytes.splice(8..12, sequence.to_ne_bytes());
        bytes
    }

    /// The sequence numbers of the messages, and whether an error ended them.
    fn read(datagram: &[u8]) -> (Vec<u32>, bool) {
        let mut numbers = Vec::new();
        for message in Message::all(datagram) {
            match message {
                Ok(message) => numbers.push(message.sequence),
                Err(_) => return (numbers, true),
            }
        }
        (numbers, false)
    }

    #[test]
    fn messages_end_where_their_lengths_say() {
        let padded = [&message(17, 1)[..], &[7, 0, 0, 0]].concat();
        let two = [&padded[..], &message(16, 2)].concat();
        assert_eq!(read(&two), (vec![1, 2], false));
        // Without its padding, at the end.
        assert_eq!(read(&padded[..17]), (vec![1], false));
    }

    #[test]
    fn wrong_lengths_are_errors() {
        for length in [0, 15, 17, 200, u32::MAX] {
            let datagram = [&message(16, 1)[..], &message(length, 2)].concat();
            assert_eq!(read(&datagram), (vec![1], true), "{length}");
        }
        assert_eq!(read(&message(16, 1)[..15]), (vec![], true));
        assert_eq!(read(&[]), (vec![], false));
    }

    #[test]
    fn attribute_longer_than_its_message_ends_the_list() {
        let attributes = [&[5, 0, 1, 0, 9, 0, 0, 0][..], &[0xff, 0xff, 2, 0]].concat();
        let all: Vec<_> = Attributes(&attributes).collect();
        assert_eq!(all, [(1, &[9][..])]);
    }
}
