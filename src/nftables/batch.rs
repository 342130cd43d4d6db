//! The one transaction that installs a ruleset.

mod trace_table;
mod untracked;

use nftnl::nftnl_sys as c;
use nftnl::nftnl_sys::libc;

use super::assemble::assemble;
use super::elements::{self, Key};
use super::instruction::terminated;
use crate::intent::Intervals;
use crate::netlink::{Flags, Request, Subject};
use crate::ruleset::{Chain, Elements, MetadataBytes, Rule, Ruleset, Set, TABLE};
use crate::sys::{self, RawRule, TooLarge, append_message};

pub(crate) use untracked::TableFlags;

/// `NFNL_SUBSYS_NFTABLES` (`linux/netfilter/nfnetlink.h`).
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a small constant"
)]
const SUBSYSTEM: u16 = libc::NFNL_SUBSYS_NFTABLES as u16;
/// `NFNL_BATCH_GENID` (`linux/netfilter/nfnetlink.h`, Linux 4.12).
const NFNL_BATCH_GENID: u16 = 1;
/// Type `NFTNL_UDATA_SET_KEYBYTEORDER`, length 4: how nft is to read the keys.
const KEY_BYTE_ORDER: [u8; 2] = [0, 4];
/// nft's `BYTEORDER_HOST_ENDIAN` and `BYTEORDER_BIG_ENDIAN`.
const HOST: u32 = 1;
const BIG: u32 = 2;

/// The fixed header of a message of nf_tables (`struct nfgenmsg`).
pub(crate) const fn family_header(family: u8) -> [u8; 4] {
    [family, 0, 0, 0]
}

/// The message type of nf_tables.
#[allow(
    clippy::cast_sign_loss,
    clippy::cast_possible_truncation,
    reason = "small constants"
)]
pub(crate) const fn message_type(kind: i32) -> u16 {
    (SUBSYSTEM << 8) | kind as u16
}

/// What to do with the table that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Present {
    /// Nothing: there is none.
    Absent,
    /// Delete it first, in the same transaction.
    Delete,
}

/// A whole transaction, ready to be sent as one datagram.
///
/// The last message alone asks for an acknowledgement: a refusal is always reported, and hundreds of acknowledgements would
/// overflow the receive buffer.
pub(crate) struct Batch {
    pub(crate) bytes: Vec<u8>,
    first_sequence: u32,
    subjects: Vec<Subject>,
    /// Where the message that was added last begins, and its flags.
    last_message: usize,
    last_flags: u16,
}

impl Batch {
    /// The transaction that makes the table be the ruleset, and nothing else.
    pub(crate) fn install(
        ruleset: &Ruleset,
        note: &MetadataBytes,
        present: Present,
        generation: u32,
        first_sequence: u32,
    ) -> Result<Self, (Subject, TooLarge)> {
        let mut batch = Self::begin(generation, first_sequence);
        let mut pieces = note.pieces();
        let table = (|| {
            if present == Present::Delete {
                batch.delete_table()?;
            }
            batch.add(
                Subject::Table,
                libc::NFT_MSG_NEWTABLE,
                Flags::CREATE,
                &annotated_table(pieces.next())?,
            );
            Ok(())
        })();
        table.map_err(|error| (Subject::Table, error))?;
        for (set, id) in ruleset.sets.iter().zip(1..) {
            let subject = || Subject::Set(set.name.clone().into_owned());
            batch
                .add_set(set, id, &subject)
                .map_err(|error| (subject(), error))?;
        }
        for chain in &ruleset.chains {
            let subject = Subject::Chain(chain.name.clone().into_owned());
            let object =
                chain_object(chain, pieces.next()).map_err(|error| (subject.clone(), error))?;
            batch.add(subject, libc::NFT_MSG_NEWCHAIN, Flags::CREATE, &object);
            for rule in &chain.rules {
                let subject = Subject::Rule(rule.id.as_str().to_owned());
                let object = rule_object(chain, rule).map_err(|error| (subject.clone(), error))?;
                batch.add(subject, libc::NFT_MSG_NEWRULE, Flags::APPEND, &object);
            }
        }
        match pieces.next() {
            Some(_) => Err((Subject::Table, TooLarge)),
            None => Ok(batch.end()),
        }
    }

    /// The transaction that deletes the table.
    pub(crate) fn remove(generation: u32, first_sequence: u32) -> Result<Self, TooLarge> {
        let mut batch = Self::begin(generation, first_sequence);
        batch.delete_table()?;
        Ok(batch.end())
    }

    fn begin(generation: u32, first_sequence: u32) -> Self {
        let mut batch = Self {
            // Enough for most: to grow is to copy.
            bytes: Vec::with_capacity(2 * sys::LARGEST_MESSAGE),
            first_sequence,
            subjects: Vec::new(),
            last_message: 0,
            last_flags: 0,
        };
        let begin = batch_message(libc::NFNL_MSG_BATCH_BEGIN)
            .with(NFNL_BATCH_GENID, &generation.to_be_bytes());
        let sequence = batch.next_sequence(Subject::Transaction);
        batch.bytes.append(&mut begin.finish(sequence));
        batch
    }

    fn end(mut self) -> Self {
        self.acknowledge_last();
        let sequence = self.next_sequence(Subject::Transaction);
        let mut end = batch_message(libc::NFNL_MSG_BATCH_END).finish(sequence);
        self.bytes.append(&mut end);
        self
    }

    /// Asks for the acknowledgement of the message that was added last. That of the end itself is only answered since
    /// Linux 6.10 (commit bf2ac490d28c).
    fn acknowledge_last(&mut self) {
        if let Some(flags) = self
            .bytes
            .get_mut(self.last_message + 6..self.last_message + 8)
        {
            let acknowledge = self.last_flags | Flags::ACK.bits();
            flags.copy_from_slice(&acknowledge.to_ne_bytes());
        }
    }

    fn next_sequence(&mut self, subject: Subject) -> u32 {
        let position = u32::try_from(self.subjects.len()).unwrap_or(u32::MAX);
        self.subjects.push(subject);
        self.first_sequence.wrapping_add(position)
    }

    /// How many sequence numbers the transaction uses.
    pub(crate) fn messages(&self) -> usize {
        self.subjects.len()
    }

    /// What the message of the sequence number is about.
    pub(crate) fn subject(&self, sequence: u32) -> Option<&Subject> {
        let position = sequence.wrapping_sub(self.first_sequence);
        self.subjects.get(usize::try_from(position).ok()?)
    }

    /// Whether the sequence number is that of the message that asks for an acknowledgement.
    pub(crate) fn is_last(&self, sequence: u32) -> bool {
        let position = usize::try_from(sequence.wrapping_sub(self.first_sequence));
        position.is_ok_and(|position| position + 2 == self.subjects.len())
    }

    fn add(&mut self, subject: Subject, kind: i32, flags: Flags, object: &impl sys::Payload) {
        let sequence = self.next_sequence(subject);
        self.last_message = self.bytes.len();
        self.last_flags = flags.bits();
        append_message(
            &mut self.bytes,
            message_type(kind),
            flags.bits(),
            sequence,
            object,
        );
    }

    fn delete_table(&mut self) -> Result<(), TooLarge> {
        self.add(
            Subject::Table,
            libc::NFT_MSG_DELTABLE,
            Flags::REQUEST,
            &table()?,
        );
        Ok(())
    }

    fn add_set(
        &mut self,
        set: &Set,
        id: u32,
        subject: &impl Fn() -> Subject,
    ) -> Result<(), TooLarge> {
        let object = set_object(set, id)?;
        self.add(subject(), libc::NFT_MSG_NEWSET, Flags::CREATE, &object);
        match &set.elements {
            Elements::Ports(intervals) => self.add_elements(set, intervals, subject),
            Elements::Ipv4(intervals) => self.add_elements(set, intervals, subject),
            Elements::Ipv6(intervals) => self.add_elements(set, intervals, subject),
            Elements::Uids(intervals) | Elements::Gids(intervals) => {
                self.add_elements(set, intervals, subject);
            }
        }
        Ok(())
    }

    fn add_elements<T: Key>(
        &mut self,
        set: &Set,
        intervals: &Intervals<T>,
        subject: &impl Fn() -> Subject,
    ) {
        for request in elements::requests(TABLE, &set.name, intervals) {
            let sequence = self.next_sequence(subject());
            self.last_message = self.bytes.len();
            self.last_flags = elements::FLAGS.bits();
            self.bytes.append(&mut request.finish(sequence));
        }
    }
}

/// A message that begins or ends a transaction: `res_id` names the subsystem.
#[allow(
    clippy::cast_sign_loss,
    clippy::cast_possible_truncation,
    reason = "small constants"
)]
fn batch_message(kind: i32) -> Request {
    let [high, low] = SUBSYSTEM.to_be_bytes();
    Request::new(kind as u16, Flags::REQUEST, &[0, 0, high, low])
}

fn table() -> Result<sys::Table, TooLarge> {
    sys::Table::new()?.with_name(c::NFTNL_TABLE_NAME, &terminated(TABLE)?)
}

/// The type of our user data in the table and its chains. Those of nft are small (`enum nftnl_udata_table_types`), and it
/// passes over others.
pub(crate) const NOTE: u8 = 133;

fn annotated_table(piece: Option<&[u8]>) -> Result<sys::Table, TooLarge> {
    match piece {
        Some(piece) => table()?.with_bytes(c::NFTNL_TABLE_USERDATA, &userdata(NOTE, piece)?),
        None => table(),
    }
}

fn chain_object(chain: &Chain, piece: Option<&[u8]>) -> Result<sys::Chain, TooLarge> {
    let object = sys::Chain::new()?
        .with_name(c::NFTNL_CHAIN_TABLE, &terminated(TABLE)?)?
        .with_name(c::NFTNL_CHAIN_NAME, &terminated(&chain.name)?)?
        .with_name(c::NFTNL_CHAIN_TYPE, &terminated(chain.kind.name())?)?
        .with_u32(c::NFTNL_CHAIN_HOOKNUM, chain.hook.number())
        .with_u32(c::NFTNL_CHAIN_PRIO, chain.priority.number().cast_unsigned())
        .with_u32(c::NFTNL_CHAIN_POLICY, libc::NF_ACCEPT.cast_unsigned());
    match piece {
        Some(piece) => object.with_bytes(c::NFTNL_CHAIN_USERDATA, &userdata(NOTE, piece)?),
        None => Ok(object),
    }
}

fn set_object(set: &Set, id: u32) -> Result<sys::Set, TooLarge> {
    let key = KeyType::of(&set.elements);
    let mut byte_order = KEY_BYTE_ORDER.to_vec();
    byte_order.extend_from_slice(&key.byte_order.to_ne_bytes());
    sys::Set::new()?
        .with_name(c::NFTNL_SET_TABLE, &terminated(TABLE)?)?
        .with_name(c::NFTNL_SET_NAME, &terminated(&set.name)?)?
        .with_u32(c::NFTNL_SET_FLAGS, libc::NFT_SET_INTERVAL.cast_unsigned())
        .with_u32(c::NFTNL_SET_KEY_TYPE, key.number)
        .with_u32(c::NFTNL_SET_KEY_LEN, key.length)
        .with_u32(c::NFTNL_SET_ID, id)
        .with_bytes(c::NFTNL_SET_USERDATA, &byte_order)
}

/// The key type of a set: for the kernel its length, for nft the rest, which the kernel keeps.
pub(crate) struct KeyType {
    /// nft's `enum datatypes`.
    pub(crate) number: u32,
    /// In bytes.
    pub(crate) length: u32,
    /// Of the values that rules look up, before their conversion.
    byte_order: u32,
}

impl KeyType {
    const fn new(number: u32, length: u32, byte_order: u32) -> Self {
        Self {
            number,
            length,
            byte_order,
        }
    }

    pub(crate) const fn of(elements: &Elements) -> Self {
        match elements {
            Elements::Ipv4(_) => Self::new(7, 4, BIG),
            Elements::Ipv6(_) => Self::new(8, 16, BIG),
            Elements::Ports(_) => Self::new(13, 2, BIG),
            Elements::Uids(_) => Self::new(24, 4, HOST),
            Elements::Gids(_) => Self::new(25, 4, HOST),
        }
    }
}

fn rule_object(chain: &Chain, rule: &Rule) -> Result<sys::Rule, TooLarge> {
    let raw = RawRule::new()?
        .with_name(c::NFTNL_RULE_TABLE, &terminated(TABLE)?)?
        .with_name(c::NFTNL_RULE_CHAIN, &terminated(&chain.name)?)?
        .with_bytes(c::NFTNL_RULE_USERDATA, &comment(rule.id.as_str())?)?;
    let mut object = sys::Rule::new(raw);
    for instruction in assemble(rule) {
        object.push(instruction.expression()?)?;
    }
    Ok(object)
}

/// User data of a rule: type `NFTNL_UDATA_RULE_COMMENT` (0), length, a NUL-terminated text.
fn comment(text: &str) -> Result<Vec<u8>, TooLarge> {
    userdata(0, terminated(text)?.as_bytes_with_nul())
}

/// User data: a type, a length, a value.
fn userdata(kind: u8, value: &[u8]) -> Result<Vec<u8>, TooLarge> {
    let length = u8::try_from(value.len()).map_err(|_| TooLarge)?;
    let mut userdata = vec![kind, length];
    userdata.extend_from_slice(value);
    Ok(userdata)
}
