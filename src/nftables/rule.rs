//! Rules as expressions, with the same implied expressions and in the same order as `nft` makes them.
//!
//! Each match and statement is written and read back side by side, in a file for each group.

mod header;
mod metadata;
mod reader;
mod statement;
mod writer;

use super::expression::Expression;
use crate::ruleset::{Match, Rule, RuleId};
use reader::Reader;
use writer::Writer;

pub(super) use metadata::{interface_names, interface_pattern};

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
    let mut writer = Writer::new();
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
    let mut reader = Reader::new(code);
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
