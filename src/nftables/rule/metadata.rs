//! Matches on what is known besides the headers: interface, owner, marks and the connection's state.

use super::reader::Reader;
use super::writer::Writer;
use crate::intent::InterfacePattern;
use crate::nftables::expression::{Ct, Expression, Meta};
use crate::printable::printable;
use crate::ruleset::{ConnectionState, Direction, MarkOf, Match, OwnerKind, Statement, Test};

/// `IFNAMSIZ` (`linux/if.h`): the kernel pads interface names to it.
const INTERFACE_NAME_SIZE: usize = 16;
/// `NF_CT_STATE_INVALID_BIT` (`linux/netfilter/nf_conntrack_common.h`).
const STATE_INVALID: u32 = 1;
/// `NF_CT_STATE_BIT` of `IP_CT_ESTABLISHED` and of `IP_CT_RELATED`.
const STATE_TRACKED: u32 = (1 << 1) | (1 << 2);

impl Writer {
    /// A whole name is compared with its padding, a prefix without its end.
    pub(super) fn interface(&mut self, direction: Direction, pattern: &InterfacePattern) {
        let meta = match direction {
            Direction::In => Meta::InterfaceNameIn,
            Direction::Out => Meta::InterfaceNameOut,
        };
        let name = match pattern {
            InterfacePattern::Name(name) => {
                let mut padded = name.as_bytes().to_vec();
                padded.resize(INTERFACE_NAME_SIZE, 0);
                padded
            }
            InterfacePattern::Prefix(prefix) => prefix.as_bytes().to_vec(),
        };
        self.compare_meta(meta, true, name);
    }
}

impl Reader<'_> {
    pub(super) fn read_interface(&mut self, direction: Direction) -> Option<Match> {
        let (true, bytes) = self.next_comparison()? else {
            return None;
        };
        // Other names cannot be written to a listing.
        let text = |bytes| {
            let name = String::from_utf8(<[u8]>::to_vec(bytes)).ok();
            name.filter(|name| printable(name) == *name)
        };
        let pattern = if bytes.len() == INTERFACE_NAME_SIZE {
            let end = bytes.iter().position(|&byte| byte == 0)?;
            InterfacePattern::Name(text(bytes.get(..end)?)?)
        } else {
            InterfacePattern::Prefix(text(bytes)?)
        };
        Some(Match::Interface { direction, pattern })
    }
}

impl Writer {
    pub(super) fn owner(&mut self, kind: OwnerKind, test: &Test<u32>) {
        self.code.push(Expression::LoadMeta(match kind {
            OwnerKind::Uid => Meta::SocketUid,
            OwnerKind::Gid => Meta::SocketGid,
        }));
        // An interval set compares bytes from the left, so ids are looked up in network order.
        if test.set_name().is_some() {
            self.code.push(Expression::ToNetworkOrder);
        }
        self.test(test, |id| id.to_ne_bytes().to_vec());
    }
}

impl Reader<'_> {
    pub(super) fn read_owner(&mut self, kind: OwnerKind) -> Option<Match> {
        let converted = self.code.first() == Some(&Expression::ToNetworkOrder);
        if converted {
            self.next()?;
        }
        let test = self.next_test(number)?;
        (test.set_name().is_some() == converted).then_some(Match::Owner { kind, test })
    }
}

impl Writer {
    pub(super) fn mark(&mut self, of: MarkOf, is: bool, value: u32) {
        self.code.push(match of {
            MarkOf::Packet => Expression::LoadMeta(Meta::Mark),
            MarkOf::Connection => Expression::LoadCt(Ct::Mark),
        });
        self.compare(is, value.to_ne_bytes());
    }
}

impl Reader<'_> {
    pub(super) fn read_packet_mark(&mut self) -> Option<Match> {
        let of = MarkOf::Packet;
        let (is, value) = self.next_comparison()?;
        let value = number(value)?;
        Some(Match::Mark { of, is, value })
    }

    /// A match, or the statement that gives a packet the mark of its connection.
    pub(super) fn read_connection_mark(&mut self) -> Option<()> {
        match self.next()? {
            Expression::Compare { equal, value } => self.matches.push(Match::Mark {
                of: MarkOf::Connection,
                is: *equal,
                value: number(value)?,
            }),
            Expression::SetMeta(Meta::Mark) => self.statements.push(Statement::RestoreMark),
            _ => return None,
        }
        Some(())
    }
}

impl Writer {
    pub(super) fn state(&mut self, state: ConnectionState) {
        let bits = match state {
            ConnectionState::Invalid => STATE_INVALID,
            ConnectionState::Tracked => STATE_TRACKED,
        };
        self.code.push(Expression::LoadCt(Ct::State));
        self.code
            .push(Expression::Mask(bits.to_ne_bytes().to_vec()));
        self.compare(false, [0; 4]);
    }
}

impl Reader<'_> {
    pub(super) fn read_state(&mut self) -> Option<Match> {
        let Expression::Mask(mask) = self.next()? else {
            return None;
        };
        let (false, [0, 0, 0, 0]) = self.next_comparison()? else {
            return None;
        };
        match number(mask)? {
            STATE_INVALID => Some(Match::State(ConnectionState::Invalid)),
            STATE_TRACKED => Some(Match::State(ConnectionState::Tracked)),
            _ => None,
        }
    }
}

/// A number in host order.
pub(super) fn number(value: &[u8]) -> Option<u32> {
    Some(u32::from_ne_bytes(value.try_into().ok()?))
}
