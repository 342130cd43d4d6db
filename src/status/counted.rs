//! What rules have counted, in words.

use crate::explain::{listener, purpose};
use crate::ruleset::{Chain, ChainKind, Installed, Rule, Statement};

/// A rule and what it has counted.
pub(super) struct Counted<'a> {
    pub(super) chain: &'a Chain,
    pub(super) rule: &'a Rule,
    /// `None` for a rule without a counter.
    pub(super) count: Option<u64>,
}

/// All rules, in the order of evaluation within a chain.
pub(super) fn all(installed: &Installed) -> impl Iterator<Item = Counted<'_>> {
    let rules = installed.ruleset.rules().zip(&installed.counters);
    rules.map(|((chain, rule), &count)| Counted { chain, rule, count })
}

impl Counted<'_> {
    /// What the rule does, and with which connections: two clauses, the second of which follows "it".
    pub(super) fn words(&self) -> (String, String) {
        let because = purpose(&self.rule.id)
            .unwrap_or_else(|| "fits a rule that netweir did not make".to_owned());
        (self.deed(), because)
    }

    fn deed(&self) -> String {
        let deeds = self.rule.statements.iter().filter_map(|one| deed(*one));
        let mut words = deeds.collect::<Vec<_>>().join(" and ");
        if let Some(listener) = listener(&self.rule.id) {
            words = format!("{words}, {listener}");
        }
        if words.is_empty() {
            "left alone".to_owned()
        } else {
            words
        }
    }
}

/// What the statement does, unless it ends the chain and nothing else.
fn deed(statement: Statement) -> Option<String> {
    Some(match statement {
        Statement::SetPacketMark(mark) => format!("marked {mark:#x}"),
        Statement::SetConnectionMark(mark) => format!("its connection marked {mark:#x}"),
        Statement::RestoreMark => "given its connection's mark".to_owned(),
        Statement::SetZone(zone) => format!("tracked in zone {zone}"),
        Statement::Tproxy(_, port) => format!("handed to the transparent listener on port {port}"),
        Statement::Redirect(port) => format!("redirected to port {port}"),
        Statement::Drop => "dropped".to_owned(),
        Statement::Accept => return None,
    })
}

/// What the rules of a chain count: a nat chain sees the first packet of a connection alone.
pub(super) const fn unit(chain: &Chain) -> &'static str {
    match chain.kind {
        ChainKind::Nat => "connections",
        ChainKind::Filter | ChainKind::Route => "packets",
    }
}
