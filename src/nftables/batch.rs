//! Transactions: batches of messages that take effect together or not at all.

use std::fmt;

use nftnl::nftnl_sys::libc;
use nix::errno::Errno;

use super::message::{SUBSYSTEM, message_type};
use crate::error_kind::{ErrorKind, Feature};
use crate::netlink::{Answer, Error, Flags, Message, Request, Socket, kind_of};
use crate::ruleset::TABLE;
use crate::sys::{self, TooLarge, append_message};

/// `NFNL_BATCH_GENID` (`linux/netfilter/nfnetlink.h`, Linux 4.12).
const NFNL_BATCH_GENID: u16 = 1;

/// The part of a transaction that a message is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The transaction as a whole.
    Transaction,
    /// The table inet netweir.
    Table,
    /// The temporary table of this name that exempts packets from tracking, or an object in it.
    ProbeTable(&'static str),
    /// The temporary table of this name that has packets traced, or an object in it.
    TraceTable(String),
    /// The set of the name, or elements of it.
    Set(String),
    /// The chain of the name.
    Chain(String),
    /// The rule of the id.
    Rule(String),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transaction => f.write_str("the transaction"),
            Self::Table => write!(f, "the table inet {TABLE}"),
            Self::ProbeTable(name) => write!(f, "the temporary table inet {name}"),
            Self::TraceTable(name) => write!(f, "the temporary table inet {name}"),
            Self::Set(name) => write!(f, "the set {name}"),
            Self::Chain(name) => write!(f, "the chain {name}"),
            Self::Rule(id) => write!(f, "the rule {id}"),
        }
    }
}

impl Part {
    /// What the kernel's refusal of it means.
    fn kind(&self, errno: Errno) -> ErrorKind {
        let feature = match (self, errno) {
            // A missing capability is noticed before the parts are looked at.
            (Self::Table, Errno::EPERM) => return ErrorKind::OwnedTable,
            // EINVAL: a hook that the type of chain does not have in this family.
            (Self::Chain(_), Errno::ENOENT | Errno::EOPNOTSUPP | Errno::EINVAL) => Feature::InetNat,
            // EINVAL: a flag of the table that the kernel does not know.
            (Self::TraceTable(_), Errno::ENOENT | Errno::EOPNOTSUPP | Errno::EINVAL) => {
                Feature::Tracing
            }
            (Self::ProbeTable(_), Errno::ENOENT | Errno::EOPNOTSUPP) => Feature::NoTrack,
            (Self::Rule(_), Errno::ENOENT | Errno::EOPNOTSUPP) => Feature::Expression,
            (_, errno) => return kind_of(errno),
        };
        ErrorKind::Unsupported(feature)
    }
}

/// A transaction under construction, to be sent as one datagram.
///
/// The last message alone asks for an acknowledgement: a refusal is always reported, and hundreds of acknowledgements would
/// overflow the receive buffer.
pub(super) struct Batch {
    bytes: Vec<u8>,
    first_sequence: u32,
    /// The part that each message is about, by sequence number.
    parts: Vec<Part>,
    /// The offset of the message that was added last.
    last_message: usize,
}

impl Batch {
    /// An empty transaction for the ruleset of this generation, whose messages are numbered from `first_sequence` on.
    pub(super) fn new(generation: u32, first_sequence: u32) -> Self {
        let mut batch = Self {
            // Enough for most: to grow is to copy.
            bytes: Vec::with_capacity(2 * sys::LARGEST_MESSAGE),
            first_sequence,
            parts: Vec::new(),
            last_message: 0,
        };
        let begin =
            delimiter(libc::NFNL_MSG_BATCH_BEGIN).with(NFNL_BATCH_GENID, &generation.to_be_bytes());
        batch.add_request(Part::Transaction, begin);
        batch
    }

    /// Adds a message of nf_tables with the attributes of the object.
    pub(super) fn add<T: sys::Payload>(
        &mut self,
        part: Part,
        kind: i32,
        flags: Flags,
        object: Result<T, TooLarge>,
    ) -> Result<(), Error> {
        let object = object.map_err(|TooLarge| Error::TooLarge(part.to_string()))?;
        let sequence = self.next_sequence(part);
        let kind = message_type(kind);
        append_message(&mut self.bytes, kind, flags.bits(), sequence, &object);
        Ok(())
    }

    /// Adds a message that was made without libnftnl.
    pub(super) fn add_request(&mut self, part: Part, request: Request) {
        let sequence = self.next_sequence(part);
        self.bytes.append(&mut request.finish(sequence));
    }

    fn next_sequence(&mut self, part: Part) -> u32 {
        self.last_message = self.bytes.len();
        let sequence = self.first_sequence.wrapping_add(self.messages());
        self.parts.push(part);
        sequence
    }

    fn messages(&self) -> u32 {
        u32::try_from(self.parts.len()).expect("a batch is one datagram of less than 4 GiB")
    }

    /// The whole transaction. The acknowledgement of its last message is that of the batch: the end message is only
    /// acknowledged since Linux 6.10 (commit bf2ac490d28c).
    fn end(&mut self) -> &[u8] {
        let flags = self.bytes.get_mut(self.last_message + 6..);
        let flags = flags.and_then(|header| header.first_chunk_mut::<2>());
        let flags = flags.expect("the begin message, at least, was added");
        *flags = (u16::from_ne_bytes(*flags) | Flags::ACK.bits()).to_ne_bytes();
        self.add_request(Part::Transaction, delimiter(libc::NFNL_MSG_BATCH_END));
        &self.bytes
    }

    /// The bytes of the whole transaction.
    pub(super) fn into_bytes(mut self) -> Vec<u8> {
        self.end();
        self.bytes
    }

    /// Sends the transaction on the socket that its sequence number is from.
    ///
    /// # Errors
    /// The kernel refused a part, or ([`Error::Contended`]) the ruleset is of another generation by now.
    pub(super) fn commit(mut self, socket: &mut Socket) -> Result<(), Error> {
        self.end();
        socket.reserve(self.messages() - 1);
        let sent = socket.send(&self.bytes);
        sent.map_err(|source| Error::io(COMMITTING, source))?;
        let answer = socket.receive(|message| Ok(self.answer(message)));
        answer.map_err(|source| Error::unconfirmed(COMMITTING, source))?
    }

    fn answer(&self, message: Message<'_>) -> Option<Result<(), Error>> {
        let position = message.sequence.wrapping_sub(self.first_sequence);
        let position = usize::try_from(position).ok()?;
        let part = self.parts.get(position)?;
        match message.answer()? {
            Answer::Done => (position + 2 == self.parts.len()).then_some(Ok(())),
            // The generation is not the current one (`nfnetlink_rcv_batch`): the kernel's internal number comes out here.
            Answer::Failed(refusal) if refusal.errno == Errno::ERESTART => {
                Some(Err(Error::contended(COMMITTING)))
            }
            Answer::Failed(refusal) => Some(Err(Error::Refused {
                what: part.to_string(),
                kind: part.kind(refusal.errno),
                refusal,
            })),
        }
    }
}

const COMMITTING: &str = "commit the transaction";

/// A message that begins or ends a transaction: its resource id names the subsystem.
#[allow(
    clippy::cast_sign_loss,
    clippy::cast_possible_truncation,
    reason = "small constants"
)]
fn delimiter(kind: i32) -> Request {
    let [high, low] = SUBSYSTEM.to_be_bytes();
    Request::new(kind as u16, Flags::REQUEST, &[0, 0, high, low])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_follows_from_part_and_error_number() {
        let rule = Part::Rule("outbound/redirect".to_owned());
        let chain = Part::Chain("outbound".to_owned());
        let trace = Part::TraceTable("t".to_owned());
        let unsupported = ErrorKind::Unsupported;
        let lacks = [Errno::ENOENT, Errno::EOPNOTSUPP];
        let lacks_or_invalid = [Errno::ENOENT, Errno::EOPNOTSUPP, Errno::EINVAL];
        for (part, errnos, kind) in [
            (&rule, &lacks[..], unsupported(Feature::Expression)),
            (&chain, &lacks_or_invalid, unsupported(Feature::InetNat)),
            (&trace, &lacks_or_invalid, unsupported(Feature::Tracing)),
            (
                &Part::ProbeTable("p"),
                &lacks,
                unsupported(Feature::NoTrack),
            ),
            (
                &rule,
                &[Errno::ENOMEM, Errno::ENOBUFS],
                ErrorKind::OutOfMemory,
            ),
            (&rule, &[Errno::EPERM], ErrorKind::NotPermitted),
            (&Part::Transaction, &[Errno::EPERM], ErrorKind::NotPermitted),
            (&Part::Table, &[Errno::EPERM], ErrorKind::OwnedTable),
            (&Part::Table, &[Errno::EBUSY], ErrorKind::Other),
        ] {
            for &errno in errnos {
                assert_eq!(part.kind(errno), kind, "{part}: {errno}");
            }
        }
    }
}
