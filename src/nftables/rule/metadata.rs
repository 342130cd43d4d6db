//! Matches on what is known besides the headers: interface, owner, marks and the connection's state.

use super::reader::Reader;
use super::writer::Writer;
use crate::intent::{InterfacePattern, Interval, Protocol};
use crate::nftables::expression::{Ct, Expression, Header, Meta};
use crate::printable::printable;
use crate::ruleset::{
    ConnectionState, Direction, MarkOf, Match, OwnerKind, SetName, Statement, Test,
};

/// `IFNAMSIZ` (`linux/if.h`): the kernel pads interface names to it.
const INTERFACE_NAME_SIZE: usize = 16;
/// `NF_CT_STATE_INVALID_BIT` (`linux/netfilter/nf_conntrack_common.h`).
const STATE_INVALID: u32 = 1;
/// `NF_CT_STATE_BIT` of `IP_CT_ESTABLISHED` and of `IP_CT_RELATED`.
const STATE_TRACKED: u32 = (1 << 1) | (1 << 2);

impl Writer {
    /// A whole name is compared with its padding, a prefix without its end.
    pub(super) fn interface(&mut self, direction: Direction, pattern: &InterfacePattern) {
        let name = match pattern {
            InterfacePattern::Name(name) => {
                let mut padded = name.as_bytes().to_vec();
                padded.resize(INTERFACE_NAME_SIZE, 0);
                padded
            }
            InterfacePattern::Prefix(prefix) => prefix.as_bytes().to_vec(),
        };
        self.compare_meta(interface_name(direction), true, name);
    }

    pub(super) fn interface_in(&mut self, direction: Direction, set: &SetName) {
        self.code
            .push(Expression::LoadMeta(interface_name(direction)));
        self.code.push(Expression::Lookup {
            set: set.to_string(),
            inverted: false,
        });
    }
}

const fn interface_name(direction: Direction) -> Meta {
    match direction {
        Direction::In => Meta::InterfaceNameIn,
        Direction::Out => Meta::InterfaceNameOut,
    }
}

impl Reader<'_> {
    pub(super) fn read_interface(&mut self, direction: Direction) -> Option<Match> {
        let pattern = match self.next_test(|bytes| Some(bytes.to_vec()))? {
            Test::In(set) => return Some(Match::InterfaceIn { direction, set }),
            Test::Is(bytes) if bytes.len() == INTERFACE_NAME_SIZE => {
                let end = bytes.iter().position(|&byte| byte == 0)?;
                InterfacePattern::Name(interface_text(bytes.get(..end)?)?)
            }
            Test::Is(prefix) => InterfacePattern::Prefix(interface_text(&prefix)?),
            Test::IsNot(_) | Test::NotIn(_) => return None,
        };
        Some(Match::Interface { direction, pattern })
    }
}

/// The text of an interface name or a prefix; other names cannot be written to a listing.
fn interface_text(bytes: &[u8]) -> Option<String> {
    let name = String::from_utf8(bytes.to_vec()).ok();
    name.filter(|name| printable(name) == *name)
}

/// The padded names that fit the pattern, as one number each.
pub(in crate::nftables) fn interface_names(pattern: &InterfacePattern) -> Interval<u128> {
    let padded = |padding| {
        let mut name = [padding; INTERFACE_NAME_SIZE];
        for (place, byte) in name.iter_mut().zip(pattern.text().bytes()) {
            *place = byte;
        }
        u128::from_be_bytes(name)
    };
    match pattern {
        InterfacePattern::Name(_) => Interval::single(padded(0)),
        InterfacePattern::Prefix(_) => Interval::between(padded(0), padded(u8::MAX)),
    }
}

/// The pattern that exactly these padded names fit, if there is one.
pub(in crate::nftables) fn interface_pattern(names: &Interval<u128>) -> Option<InterfacePattern> {
    let first = names.first().to_be_bytes();
    let end = first.iter().position(|&byte| byte == 0)?;
    let text = interface_text(first.get(..end)?)?;
    let patterns = [
        InterfacePattern::Name(text.clone()),
        InterfacePattern::Prefix(text),
    ];
    patterns
        .into_iter()
        .find(|pattern| interface_names(pattern) == *names)
}

/// The user takes a word of the register.
const DESTINATION_PORT_BEHIND_UID: Expression = Expression::AddPayload {
    base: Header::Transport,
    offset: 2,
    length: 2,
    words: 1,
};

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

impl Writer {
    pub(super) fn uid_and_port(&mut self, protocol: Protocol, set: &SetName) {
        if !self.protocol {
            self.protocol(true, protocol);
        }
        self.code.extend([
            Expression::LoadMeta(Meta::SocketUid),
            Expression::ToNetworkOrder,
            DESTINATION_PORT_BEHIND_UID,
            Expression::Lookup {
                set: set.to_string(),
                inverted: false,
            },
        ]);
    }
}

impl Reader<'_> {
    pub(super) fn read_owner(&mut self, kind: OwnerKind) -> Option<Match> {
        let converted = self.code.first() == Some(&Expression::ToNetworkOrder);
        if converted {
            self.next()?;
        }
        if converted && self.code.first() == Some(&DESTINATION_PORT_BEHIND_UID) {
            self.next()?;
            return match (kind, self.next_test(|_| None::<()>)?) {
                (OwnerKind::Uid, Test::In(set)) => Some(Match::UidAndPort {
                    protocol: self.established_protocol()?,
                    set,
                }),
                _ => None,
            };
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
