//! What the types of the model do not rule out.

use std::collections::HashSet;

use thiserror::Error;

use super::{ChainKind, Elements, Family, Hook, Match, OwnerKind, Ruleset, Statement};

/// The kernel's limit for the name of a set or chain in bytes, without the NUL that ends it; older kernels have
/// this one (`NFT_SET_MAXNAMELEN` was 32 before Linux 4.14).
const LONGEST_NAME: usize = 31;
/// The longest id, so that it fits the 128 bytes that nft reads of a comment.
const LONGEST_ID: usize = 99;

/// An inconsistency of a [`Ruleset`].
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum CheckError {
    /// A rule refers to a set that is not there, or whose type does not fit.
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
    #[error("there are two of the name \"{0}\"")]
    Duplicate(String),
    /// A name is too long for the kernel or for a comment.
    #[error("the name \"{0}\" is too long")]
    LongName(String),
    /// A rule redirects where the kernel does not.
    #[error("rule {0}: its statement does not belong into its chain")]
    Misplaced(String),
}

impl Ruleset {
    /// Checks references, names and places.
    ///
    /// # Errors
    /// The first inconsistency found.
    pub fn check(&self) -> Result<(), CheckError> {
        let mut names = HashSet::new();
        let set_names = self.sets.iter().map(|set| set.name.as_ref());
        let chain_names = self.chains.iter().map(|chain| chain.name.as_ref());
        for name in set_names.chain(chain_names) {
            if name.len() > LONGEST_NAME {
                return Err(CheckError::LongName(name.to_owned()));
            }
            if !names.insert(name) {
                return Err(CheckError::Duplicate(name.to_owned()));
            }
        }
        let mut ids = HashSet::new();
        for (chain, rule) in self.rules() {
            let id = rule.id.as_str();
            if id.len() > LONGEST_ID {
                return Err(CheckError::LongName(id.to_owned()));
            }
            if !ids.insert(id) {
                return Err(CheckError::Duplicate(id.to_owned()));
            }
            for condition in &rule.matches {
                self.check_set(id, condition)?;
            }
            let at_home = rule.statements.iter().all(|statement| match statement {
                Statement::Redirect(_) => chain.kind == ChainKind::Nat,
                Statement::Tproxy(..) => {
                    chain.kind == ChainKind::Filter && chain.hook == Hook::Prerouting
                }
                Statement::SetPacketMark(_)
                | Statement::SetConnectionMark(_)
                | Statement::RestoreMark
                | Statement::SetZone(_) => chain.kind != ChainKind::Nat,
                Statement::Accept | Statement::Drop => true,
            });
            if !at_home {
                return Err(CheckError::Misplaced(id.to_owned()));
            }
        }
        Ok(())
    }

    fn check_set(&self, rule: &str, condition: &Match) -> Result<(), CheckError> {
        let (name, expected) = match condition {
            Match::Port { test, .. } => (test.set_name(), "inet_service"),
            Match::Address { test, family, .. } => (
                test.set_name(),
                match family {
                    Family::Ipv4 => "ipv4_addr",
                    Family::Ipv6 => "ipv6_addr",
                },
            ),
            Match::Owner { test, kind } => (
                test.set_name(),
                match kind {
                    OwnerKind::Uid => "uid",
                    OwnerKind::Gid => "gid",
                },
            ),
            Match::Family(_)
            | Match::Protocol { .. }
            | Match::Interface { .. }
            | Match::Mark { .. }
            | Match::State(_) => (None, ""),
        };
        match name {
            Some(name)
                if self.set(name).map(|set| Elements::type_name(&set.elements))
                    != Some(expected) =>
            {
                Err(CheckError::DanglingSet {
                    rule: rule.to_owned(),
                    set: name.to_owned(),
                    expected,
                })
            }
            _ => Ok(()),
        }
    }
}
