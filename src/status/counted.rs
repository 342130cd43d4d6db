//! What rules have counted, in words.

use crate::explain::{Verdict, listener, purpose};
use crate::ruleset::{Chain, ChainKind, InstalledRule, Rule, Statement};

/// What the rule does to connections, and to which: two clauses, the second of which follows "it".
pub(super) fn words(rule: &Rule) -> (String, String) {
    let because =
        purpose(&rule.id).unwrap_or_else(|| "matches a rule that netweir did not make".to_owned());
    let actions = rule.statements.iter().filter_map(|own| action(*own));
    let actions = actions.chain(listener(&rule.id).map(str::to_owned));
    let actions: Vec<_> = actions.collect();
    let action = if actions.is_empty() {
        "not captured".to_owned()
    } else {
        actions.join(", ")
    };
    (action, because)
}

/// What the statement does, unless it only ends the chain.
fn action(statement: Statement) -> Option<String> {
    Some(match statement {
        Statement::SetPacketMark(mark) => format!("marked {mark:#x}"),
        Statement::SetConnectionMark(mark) => format!("its connection marked {mark:#x}"),
        Statement::RestoreMark => "given its connection's mark".to_owned(),
        Statement::SetZone(zone) => format!("tracked in zone {zone}"),
        Statement::Tproxy(_, port) => format!("handed to the transparent listener on port {port}"),
        Statement::Redirect(port) => format!("redirected to port {port}"),
        Statement::Dnat(to, port) => Verdict::Dnat(to, port).to_string(),
        Statement::Drop => "dropped".to_owned(),
        Statement::Accept => return None,
    })
}

/// What the rules of the chain count: a nat chain sees only the first packet of a connection.
pub(super) const fn unit(chain: &Chain<InstalledRule>) -> &'static str {
    match chain.kind {
        ChainKind::Nat => "connections",
        ChainKind::Filter | ChainKind::Route => "packets",
    }
}
