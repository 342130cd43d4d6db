//! Why capture may not work.

use crate::intent::Family;
use crate::nftables;
use crate::nftables::OtherChain;
use crate::ruleset::{Hook, Ruleset};

use super::{Check, Direction};

/// A likely cause of a failed check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The table is gone since it was installed.
    TableMissing,
    /// It is not what was installed.
    TableChanged,
    /// Another program's chain meets the same connections.
    Chain(OtherChain),
    /// The older iptables has rules.
    Iptables(Family, Vec<String>),
}

/// What may be the cause of the failed checks.
pub(super) fn find(checks: &[Check], ruleset: &Ruleset) -> Vec<Cause> {
    // What cannot be found out is no cause to name.
    let own = match nftables::dump() {
        Ok(None) => Some(Cause::TableMissing),
        Ok(Some(installed)) if !installed.is(ruleset) => Some(Cause::TableChanged),
        Ok(Some(_)) | Err(_) => None,
    };
    let mut causes = Vec::from_iter(own);
    let others = nftables::other_chains::others().unwrap_or_default();
    let failed = || checks.iter().filter(|check| check.failed());
    for chain in others {
        if failed().any(|check| meets(&chain, check)) {
            causes.push(Cause::Chain(chain));
        }
    }
    for family in Family::ALL {
        let tables = nftables::other_chains::legacy_tables(family);
        if !tables.is_empty() && failed().any(|check| check.family == family) {
            causes.push(Cause::Iptables(family, tables));
        }
    }
    causes
}

/// Whether the connections of the check meet the chain. What is redirected on the way out comes back by `lo`.
fn meets(chain: &OtherChain, check: &Check) -> bool {
    let family = chain.family.sees(check.family);
    let nat = chain.kind == "nat";
    let hook = match (check.direction, chain.hook) {
        (Direction::Outbound | Direction::OwnPod, Hook::Prerouting)
        | (Direction::Inbound, Hook::Output) => !nat,
        (Direction::Outbound | Direction::OwnPod | Direction::Inbound, _) => true,
    };
    family && hook
}
