//! Rules as expressions, with the same implied expressions and in the same order as `nft` makes them.
//!
//! Each match and statement is written and read back side by side, in a file for each group.

mod header;
mod metadata;
mod statement;

use super::expression::{Ct, Expression, Header, Meta};
use crate::ruleset::{Direction, Match, OwnerKind, Rule, RuleId, SetName, Statement, Test};

/// The expressions of the rule: its matches, a counter, its statements.
pub(super) fn encode(rule: &Rule) -> Vec<Expression> {
    let mut code = encode_matches(&rule.matches);
    code.push(Expression::Count);
    for statement in &rule.statements {
        statement::encode(&mut code, *statement);
    }
    code
}

/// The expressions of matches.
pub(super) fn encode_matches(matches: &[Match]) -> Vec<Expression> {
    let mut writer = Writer {
        code: Vec::with_capacity(12),
        family: false,
        protocol: false,
    };
    for condition in matches {
        writer.write(condition);
    }
    writer.code
}

/// Expressions that are no rule of netweir.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unknown {
    /// The one that no rule of netweir has there.
    pub(super) expression: Expression,
    /// The matches before it.
    pub(super) matches: Vec<Match>,
}

/// The rule in the expressions.
pub(super) fn decode(id: RuleId, code: &[Expression]) -> Result<Rule, Unknown> {
    let mut reader = Reader {
        code,
        last: None,
        matches: Vec::new(),
        statements: Vec::new(),
    };
    while !reader.code.is_empty() {
        if reader.read().is_none() {
            // The one that was read last is the one that does not belong there.
            let expression = reader.last.expect("there was one to read").clone();
            let matches = reader.matches;
            return Err(Unknown {
                expression,
                matches,
            });
        }
    }
    Ok(Rule {
        id,
        matches: reader.matches,
        statements: reader.statements,
    })
}

/// Matches on their way to expressions.
struct Writer {
    code: Vec<Expression>,
    /// Whether the expressions so far have established family and protocol, so that they need no further test.
    family: bool,
    protocol: bool,
}

impl Writer {
    fn write(&mut self, condition: &Match) {
        match condition {
            Match::Family(family) => self.family(*family),
            Match::Protocol { is, protocol } => self.protocol(*is, *protocol),
            Match::Port {
                protocol,
                end,
                test,
            } => self.port(*protocol, *end, test),
            Match::Address { family, end, test } => self.address(*family, *end, test),
            Match::Interface { direction, pattern } => self.interface(*direction, pattern),
            Match::Owner { kind, test } => self.owner(*kind, test),
            Match::Mark { of, is, value } => self.mark(*of, *is, *value),
            Match::State(state) => self.state(*state),
        }
    }

    fn compare(&mut self, equal: bool, value: impl Into<Vec<u8>>) {
        let value = value.into();
        self.code.push(Expression::Compare { equal, value });
    }

    fn compare_meta(&mut self, meta: Meta, equal: bool, value: impl Into<Vec<u8>>) {
        self.code.push(Expression::LoadMeta(meta));
        self.compare(equal, value);
    }

    /// The test of a value that was loaded, which `bytes` gives in the order of the register.
    fn test<T>(&mut self, test: &Test<T>, bytes: impl Fn(&T) -> Vec<u8>) {
        let (set, inverted) = match test {
            Test::Is(value) => return self.compare(true, bytes(value)),
            Test::IsNot(value) => return self.compare(false, bytes(value)),
            Test::In(set) => (set, false),
            Test::NotIn(set) => (set, true),
        };
        let set = set.to_string();
        self.code.push(Expression::Lookup { set, inverted });
    }
}

/// Expressions on their way to a rule. Its functions return `None` at an expression that no rule of netweir has there.
struct Reader<'a> {
    code: &'a [Expression],
    last: Option<&'a Expression>,
    matches: Vec<Match>,
    statements: Vec<Statement>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<&'a Expression> {
        let (first, rest) = self.code.split_first()?;
        self.code = rest;
        self.last = Some(first);
        Some(first)
    }

    fn next_comparison(&mut self) -> Option<(bool, &'a [u8])> {
        match self.next()? {
            Expression::Compare { equal, value } => Some((*equal, value)),
            _ => None,
        }
    }

    fn next_test<T>(&mut self, value: impl Fn(&[u8]) -> Option<T>) -> Option<Test<T>> {
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

    fn read(&mut self) -> Option<()> {
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
            | Expression::LoadCt(Ct::Zone)
            | Expression::SetMeta(_)
            | Expression::SetCt(_)
            | Expression::Mask(_)
            | Expression::ToNetworkOrder
            | Expression::Compare { .. }
            | Expression::Lookup { .. }
            | Expression::Redirect
            | Expression::Tproxy(_)
            | Expression::NoTrack
            | Expression::Other(_) => return None,
        };
        self.matches.push(condition);
        Some(())
    }
}

fn is<T>(equal: bool, value: T) -> Test<T> {
    if equal {
        Test::Is(value)
    } else {
        Test::IsNot(value)
    }
}
