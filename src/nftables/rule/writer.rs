//! Writes matches as expressions.

use crate::nftables::expression::{Expression, Meta};
use crate::ruleset::{Match, Test};

/// Matches on their way to expressions.
pub(super) struct Writer {
    pub(super) code: Vec<Expression>,
    /// Whether the expressions so far have established family and protocol, so that they need no further test.
    pub(super) family: bool,
    pub(super) protocol: bool,
}

impl Writer {
    pub(super) fn new() -> Self {
        Self {
            code: Vec::with_capacity(12),
            family: false,
            protocol: false,
        }
    }

    pub(super) fn write(&mut self, condition: &Match) {
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
            Match::UidAndPort { protocol, set } => self.uid_and_port(*protocol, set),
            Match::InterfaceIn { direction, set } => self.interface_in(*direction, set),
            Match::Owner { kind, test } => self.owner(*kind, test),
            Match::Mark { of, is, value } => self.mark(*of, *is, *value),
            Match::State(state) => self.state(*state),
            Match::OpenConnection { family, local, set } => {
                self.open_connection(*family, *local, set);
            }
        }
    }

    pub(super) fn compare(&mut self, equal: bool, value: impl Into<Vec<u8>>) {
        let value = value.into();
        self.code.push(Expression::Compare { equal, value });
    }

    pub(super) fn compare_meta(&mut self, meta: Meta, equal: bool, value: impl Into<Vec<u8>>) {
        self.code.push(Expression::LoadMeta(meta));
        self.compare(equal, value);
    }

    /// The test of a value that was loaded, which `bytes` gives in the order of the register.
    pub(super) fn test<T>(&mut self, test: &Test<T>, bytes: impl Fn(&T) -> Vec<u8>) {
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
