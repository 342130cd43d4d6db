//! Groups similar rules to one question.

use crate::explain::are_similar;
use crate::intent::Family;
use crate::ruleset::{Chain, InstalledRule, Match, Rule, Statement, Unmanaged, UnmanagedKind};

/// The rules of one question.
pub(super) enum Group<'a> {
    /// A rule, and the rules that are similar to it.
    Rules(&'a Rule, Vec<&'a Rule>),
    /// A rule that the model cannot express.
    Unmanaged(&'a Unmanaged),
}

impl<'a> Group<'a> {
    /// The rules of the chain in order, with the unmanaged ones between them.
    pub(super) fn all(chain: &'a Chain<InstalledRule>, unmanaged: &'a [Unmanaged]) -> Vec<Self> {
        let mut groups = Vec::new();
        for position in 0..=chain.rules.len() {
            let here = unmanaged.iter().filter(|own| {
                matches!(own.kind, UnmanagedKind::Rule { .. })
                    && own.chain.as_deref() == Some(&*chain.name)
                    && own.position == position
            });
            groups.extend(here.map(Self::Unmanaged));
            if let Some(installed) = chain.rules.get(position) {
                Self::add(&mut groups, &installed.rule);
            }
        }
        groups
    }

    /// Adds the rule to the last similar group, unless a rule in between matches the same packets.
    fn add(groups: &mut Vec<Self>, rule: &'a Rule) {
        for group in groups.iter_mut().rev() {
            match group {
                Self::Rules(first, others) => {
                    if are_similar(&first.id, &rule.id) && act_alike(first, rule) {
                        others.push(rule);
                        return;
                    }
                    let mut all = [&*first].into_iter().chain(&*others);
                    if !all.all(|other| are_disjoint(other, rule)) {
                        break;
                    }
                }
                Self::Unmanaged(_) => break,
            }
        }
        groups.push(Self::Rules(rule, Vec::new()));
    }
}

/// Whether the rules have the same statements, apart from the family.
fn act_alike(a: &Rule, b: &Rule) -> bool {
    let without_family = |rule: &Rule| -> Vec<_> {
        let statements = rule.statements.iter();
        let family = |statement: &Statement| match *statement {
            Statement::Tproxy(_, port) => Statement::Tproxy(Family::Ipv4, port),
            Statement::SetPacketMark(_)
            | Statement::SetConnectionMark(_)
            | Statement::RestoreMark
            | Statement::SetZone(_)
            | Statement::Redirect(_)
            | Statement::Dnat(..)
            | Statement::Accept
            | Statement::Drop => *statement,
        };
        statements.map(family).collect()
    };
    without_family(a) == without_family(b)
}

/// Whether the rules match on different families, so that no packet matches both.
fn are_disjoint(a: &Rule, b: &Rule) -> bool {
    matches!((family(a), family(b)), (Some(a), Some(b)) if a != b)
}

fn family(rule: &Rule) -> Option<Family> {
    rule.matches.iter().find_map(|condition| match condition {
        Match::Family(family)
        | Match::Address { family, .. }
        | Match::OpenConnection { family, .. } => Some(*family),
        Match::Protocol { .. }
        | Match::Port { .. }
        | Match::Interface { .. }
        | Match::InterfaceIn { .. }
        | Match::UidAndPort { .. }
        | Match::Owner { .. }
        | Match::Mark { .. }
        | Match::State(_) => None,
    })
}
