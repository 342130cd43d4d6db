//! Reads matches and statements from expressions.

use crate::nftables::expression::{Ct, Expression, Header, Meta};
use crate::ruleset::{Direction, Match, OwnerKind, SetName, Statement, Test};

/// Expressions on their way to a rule. Its functions return `None` at an expression that no rule of netweir has there.
pub(super) struct Reader<'a> {
    pub(super) code: &'a [Expression],
    pub(super) last: Option<&'a Expression>,
    pub(super) matches: Vec<Match>,
    pub(super) statements: Vec<Statement>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(code: &'a [Expression]) -> Self {
        Self {
            code,
            last: None,
            matches: Vec::new(),
            statements: Vec::new(),
        }
    }

    pub(super) fn next(&mut self) -> Option<&'a Expression> {
        let (first, rest) = self.code.split_first()?;
        self.code = rest;
        self.last = Some(first);
        Some(first)
    }

    pub(super) fn next_comparison(&mut self) -> Option<(bool, &'a [u8])> {
        match self.next()? {
            Expression::Compare { equal, value } => Some((*equal, value)),
            _ => None,
        }
    }

    pub(super) fn next_test<T>(&mut self, value: impl Fn(&[u8]) -> Option<T>) -> Option<Test<T>> {
        match self.next()? {
            Expression::Compare {
                equal,
                value: bytes,
            } => Some(is(*equal, value(bytes)?)),
            Expression::Lookup { set, inverted } => {
                let set = SetName::from(set.as_str());
                Some(if *inverted {
                    Test::NotIn(set)
                } else {
                    Test::In(set)
                })
            }
            _ => None,
        }
    }

    pub(super) fn read(&mut self) -> Option<()> {
        let condition = match self.next()? {
            Expression::Count => return Some(()),
            Expression::LoadMeta(meta) => match meta {
                Meta::NfProto => self.read_family()?,
                Meta::L4Proto => self.read_protocol()?,
                Meta::InterfaceNameIn => self.read_interface(Direction::In)?,
                Meta::InterfaceNameOut => self.read_interface(Direction::Out)?,
                Meta::SocketUid => self.read_owner(OwnerKind::Uid)?,
                Meta::SocketGid => self.read_owner(OwnerKind::Gid)?,
                Meta::Mark => self.read_packet_mark()?,
                Meta::Trace => return None,
            },
            Expression::LoadCt(Ct::State) => self.read_state()?,
            Expression::LoadCt(Ct::Mark) => return self.read_connection_mark(),
            Expression::LoadPayload {
                base: Header::Network,
                offset,
                length,
            } => self.read_address(*offset, *length)?,
            Expression::LoadPayload {
                base: Header::Transport,
                offset,
                length: 2,
            } => self.read_port(*offset)?,
            Expression::LoadPayload {
                base: Header::Transport,
                offset,
                length: 1,
            } => self.read_open_connection(*offset)?,
            Expression::Immediate(value) => {
                let statement = self.read_statement(value)?;
                self.statements.push(statement);
                return Some(());
            }
            Expression::Verdict { accept } => {
                self.statements.push(if *accept {
                    Statement::Accept
                } else {
                    Statement::Drop
                });
                return Some(());
            }
            Expression::LoadPayload { .. }
            | Expression::AddPayload { .. }
            | Expression::LoadCt(Ct::Zone)
            | Expression::SetMeta(_)
            | Expression::SetCt(_)
            | Expression::Mask(_)
            | Expression::ToNetworkOrder
            | Expression::Compare { .. }
            | Expression::Lookup { .. }
            | Expression::ImmediatePort(_)
            | Expression::Redirect
            | Expression::Dnat(_)
            | Expression::Tproxy(_)
            | Expression::NoTrack
            | Expression::Other(_) => return None,
        };
        self.matches.push(condition);
        Some(())
    }
}

pub(super) fn is<T>(equal: bool, value: T) -> Test<T> {
    if equal {
        Test::Is(value)
    } else {
        Test::IsNot(value)
    }
}
