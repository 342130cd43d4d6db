//! Rules that ask one thing are one question.

use crate::explain::are_alike;
use crate::intent::Family;
use crate::ruleset::{Chain, Match, Rule, Statement, Unmanaged, UnmanagedKind};

/// What stands for one question.
pub(super) enum Group<'a> {
    /// A rule, and the rules that are like it.
    Rules(&'a Rule, Vec<&'a Rule>),
    /// What is not known.
    Unmanaged(&'a Unmanaged),
}

impl<'a> Group<'a> {
    /// The rules of the chain in their order, and what is not known between them.
    pub(super) fn all(chain: &'a Chain, foreign: &'a [Unmanaged]) -> Vec<Self> {
        let mut groups = Vec::new();
        for position in 0..=chain.rules.len() {
            groups.extend(strangers(chain, foreign, position).map(Self::Unmanaged));
            if let Some(rule) = chain.rules.get(position) {
                Self::add(&mut groups, rule);
            }
        }
        groups
    }

    /// Adds the rule to the last group that is like it, unless the order of what comes between matters.
    fn add(groups: &mut Vec<Self>, rule: &'a Rule) {
        for group in groups.iter_mut().rev() {
            match group {
                Self::Rules(first, others) => {
                    if are_alike(&first.id, &rule.id) && do_alike(first, rule) {
                        others.push(rule);
                        return;
                    }
                    let mut all = [&*first].into_iter().chain(&*others);
                    if !all.all(|other| are_apart(other, rule)) {
                        break;
                    }
                }
                Self::Unmanaged(_) => break,
            }
        }
        groups.push(Self::Rules(rule, Vec::new()));
    }
}

fn strangers<'a>(
    chain: &'a Chain,
    foreign: &'a [Unmanaged],
    position: usize,
) -> impl Iterator<Item = &'a Unmanaged> {
    foreign.iter().filter(move |foreign| {
        let is_rule = match foreign.kind {
            UnmanagedKind::Rule { .. } => true,
            UnmanagedKind::Table { .. } | UnmanagedKind::Set | UnmanagedKind::Chain { .. } => false,
        };
        is_rule && foreign.chain.as_deref() == Some(&*chain.name) && foreign.position == position
    })
}

/// Whether rules do the same, each for its family.
fn do_alike(a: &Rule, b: &Rule) -> bool {
    let without_family = |rule: &Rule| -> Vec<_> {
        let statements = rule.statements.iter();
        let family = |statement: &Statement| match *statement {
            Statement::Tproxy(_, port) => Statement::Tproxy(Family::Ipv4, port),
            Statement::SetPacketMark(_)
            | Statement::SetConnectionMark(_)
            | Statement::RestoreMark
            | Statement::SetZone(_)
            | Statement::Redirect(_)
            | Statement::Accept
            | Statement::Drop => *statement,
        };
        statements.map(family).collect()
    };
    without_family(a) == without_family(b)
}

/// Whether no packet fits both rules, because they are for different families.
fn are_apart(a: &Rule, b: &Rule) -> bool {
    matches!((family(a), family(b)), (Some(a), Some(b)) if a != b)
}

fn family(rule: &Rule) -> Option<Family> {
    rule.matches.iter().find_map(|condition| match condition {
        Match::Family(family) | Match::Address { family, .. } => Some(*family),
        Match::Protocol { .. }
        | Match::Port { .. }
        | Match::Interface { .. }
        | Match::Owner { .. }
        | Match::Mark { .. }
        | Match::State(_) => None,
    })
}
