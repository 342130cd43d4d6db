//! Likely causes of failed checks.

use crate::intent::Family;
use crate::nftables::{self, Kernel, OtherChain};
use crate::ruleset::{Hook, Ruleset};

use super::check::{Check, Direction};

/// A likely cause of a failed check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The table was deleted after its installation.
    TableMissing,
    /// The table was changed after its installation.
    TableChanged,
    /// The same connections pass another program's chain.
    Chain(OtherChain),
    /// There are rules of iptables-legacy.
    Iptables(Family, Vec<String>),
}

/// Likely causes of the failed checks.
pub(super) fn find(checks: &[Check], ruleset: &Ruleset) -> Vec<Cause> {
    // An error here adds no cause.
    let own = match nftables::dump() {
        Ok(None) => Some(Cause::TableMissing),
        Ok(Some(installed)) if !installed.is(ruleset) => Some(Cause::TableChanged),
        Ok(Some(_)) | Err(_) => None,
    };
    let mut causes = Vec::from_iter(own);
    let others = Kernel::open()
        .and_then(|mut kernel| nftables::other_chains::others(&mut kernel))
        .unwrap_or_default();
    let failed = || checks.iter().filter(|check| check.failed());
    for chain in others {
        if failed().any(|check| passes(&chain, check)) {
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

/// Whether the connections of the check pass the chain. Redirected outbound connections come back by `lo`.
fn passes(chain: &OtherChain, check: &Check) -> bool {
    let family = chain.family.sees(check.family);
    let nat = chain.kind == "nat";
    let hook = match (check.direction, chain.hook) {
        (Direction::Outbound | Direction::OwnPod | Direction::Dns, Hook::Prerouting)
        | (Direction::Inbound, Hook::Output) => !nat,
        (Direction::Outbound | Direction::OwnPod | Direction::Dns | Direction::Inbound, _) => true,
    };
    family && hook
}
