//! Consistency checks beyond the types of the model.

use std::collections::HashSet;

use thiserror::Error;

use crate::intent::Family;

use super::{ChainKind, Elements, Hook, Match, OpenConnections, Ruleset, SetName, Statement};

/// The longest name of a set or chain, in bytes without the terminating NUL (`NFT_SET_MAXNAMELEN` before Linux 4.14).
const LONGEST_NAME: usize = 31;
/// The longest id in bytes: nft reads comments of up to 128.
const LONGEST_ID: usize = 99;

/// An inconsistency of a [`Ruleset`].
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum CheckError {
    /// A rule refers to a set that does not exist or has another type.
    #[error("rule {rule}: no set \"{set}\" of the type {expected}")]
    DanglingSet {
        /// The id of the rule.
        rule: String,
        /// The name of the set.
        set: String,
        /// The type that the match needs.
        expected: &'static str,
    },
    /// Two objects have the same name.
    #[error("duplicate name \"{0}\"")]
    Duplicate(String),
    /// A name is too long for the kernel, or an id for a comment.
    #[error("the name \"{0}\" is too long")]
    LongName(String),
    /// A rule has a statement that the kernel refuses in chains of this type.
    #[error("rule {0}: a statement is not possible in its chain")]
    Misplaced(String),
}

impl Ruleset {
    /// Checks references, names and places.
    ///
    /// # Errors
    /// The first inconsistency found.
    pub fn check(&self) -> Result<(), CheckError> {
        let mut names = HashSet::new();
        let set_names = self.sets.iter().map(|set| set.name.to_string());
        let chain_names = self.chains.iter().map(|chain| chain.name.to_string());
        for name in set_names.chain(chain_names) {
            check_name(&mut names, name, LONGEST_NAME)?;
        }
        let mut ids = HashSet::new();
        for (chain, rule) in self.rules() {
            let id = rule.id.to_string();
            check_name(&mut ids, id.clone(), LONGEST_ID)?;
            for condition in &rule.matches {
                self.check_set(&id, condition)?;
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
                return Err(CheckError::Misplaced(id));
            }
        }
        Ok(())
    }

    fn check_set(&self, rule: &str, condition: &Match) -> Result<(), CheckError> {
        let (name, expected): (Option<&SetName>, _) = match condition {
            Match::Port { test, .. } => (test.set_name(), "inet_service"),
            Match::Address { test, family, .. } => (
                test.set_name(),
                match family {
                    Family::Ipv4 => "ipv4_addr",
                    Family::Ipv6 => "ipv6_addr",
                },
            ),
            Match::Owner { test, kind } => (test.set_name(), kind.name()),
            Match::OpenConnection { family, set, .. } => {
                let elements = Elements::Connections(*family, OpenConnections::new());
                (Some(set), elements.type_name())
            }
            Match::Family(_)
            | Match::Protocol { .. }
            | Match::Interface { .. }
            | Match::Mark { .. }
            | Match::State(_) => (None, ""),
        };
        let Some(name) = name else { return Ok(()) };
        let found = self.set(name).map(|set| Elements::type_name(&set.elements));
        if found == Some(expected) {
            return Ok(());
        }
        Err(CheckError::DanglingSet {
            rule: rule.to_owned(),
            set: name.to_string(),
            expected,
        })
    }
}

fn check_name(names: &mut HashSet<String>, name: String, longest: usize) -> Result<(), CheckError> {
    if name.len() > longest {
        return Err(CheckError::LongName(name));
    }
    if names.contains(&name) {
        return Err(CheckError::Duplicate(name));
    }
    names.insert(name);
    Ok(())
}
