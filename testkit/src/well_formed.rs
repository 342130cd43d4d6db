//! What the kernel and nft require of a ruleset, beyond the types of the model.

use std::collections::HashSet;

use netweir::intent::Family;
use netweir::ruleset::{ChainKind, Elements, Hook, Match, OpenConnections, Ruleset, Statement};

/// The longest name of a set or chain, in bytes without the terminating NUL (`NFT_SET_MAXNAMELEN` before Linux 4.14).
const LONGEST_NAME: usize = 31;
/// The longest id in bytes: nft reads comments of up to 128.
const LONGEST_ID: usize = 99;

/// Checks references, names and places.
///
/// # Errors
/// The first inconsistency found.
pub fn check(ruleset: &Ruleset) -> Result<(), String> {
    let sets = ruleset.sets.iter().map(|set| set.name.to_string());
    let chains = ruleset.chains.iter().map(|chain| chain.name.to_string());
    check_names(sets.chain(chains), LONGEST_NAME)?;
    check_names(
        ruleset.rules().map(|(_, rule)| rule.id.to_string()),
        LONGEST_ID,
    )?;
    for (chain, rule) in ruleset.rules() {
        for condition in &rule.matches {
            check_set(ruleset, condition).map_err(|error| format!("rule {}: {error}", rule.id))?;
        }
        let is_possible = rule.statements.iter().all(|statement| match statement {
            Statement::Redirect(_) | Statement::Dnat(..) => chain.kind == ChainKind::Nat,
            Statement::Tproxy(..) => {
                chain.kind == ChainKind::Filter && chain.hook == Hook::Prerouting
            }
            Statement::SetPacketMark(_)
            | Statement::SetConnectionMark(_)
            | Statement::RestoreMark
            | Statement::SetZone(_) => chain.kind != ChainKind::Nat,
            Statement::Accept | Statement::Drop => true,
        });
        if !is_possible {
            return Err(format!(
                "rule {}: a statement is not possible in its chain",
                rule.id
            ));
        }
    }
    Ok(())
}

fn check_set(ruleset: &Ruleset, condition: &Match) -> Result<(), String> {
    let expected = match condition {
        Match::Port { .. } => "inet_service",
        Match::Address { family, .. } => match family {
            Family::Ipv4 => "ipv4_addr",
            Family::Ipv6 => "ipv6_addr",
        },
        Match::InterfaceIn { .. } => "ifname",
        Match::UidAndPort { .. } => "uid . inet_service",
        Match::Owner { kind, .. } => kind.name(),
        Match::OpenConnection { family, .. } => {
            Elements::Connections(*family, OpenConnections::new()).type_name()
        }
        Match::Family(_)
        | Match::Protocol { .. }
        | Match::Interface { .. }
        | Match::Mark { .. }
        | Match::State(_) => return Ok(()),
    };
    let Some(name) = condition.set_name() else {
        return Ok(());
    };
    let found = ruleset
        .set(name)
        .map(|set| Elements::type_name(&set.elements));
    if found == Some(expected) {
        return Ok(());
    }
    Err(format!("no set {name} of the type {expected}"))
}

fn check_names(names: impl Iterator<Item = String>, longest: usize) -> Result<(), String> {
    let mut known = HashSet::new();
    for name in names {
        if name.len() > longest {
            return Err(format!("the name {name} is too long"));
        }
        if !known.insert(name.clone()) {
            return Err(format!("duplicate name {name}"));
        }
    }
    Ok(())
}
