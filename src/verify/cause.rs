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
    /// These rules cannot be read, for this reason.
    Unreadable(&'static str, String),
}

/// Likely causes of the failed checks.
pub(super) fn find(checks: &[Check], ruleset: &Ruleset) -> Vec<Cause> {
    let own = match nftables::dump() {
        Ok(None) => Some(Cause::TableMissing),
        Ok(Some(installed)) if !installed.is(ruleset) => Some(Cause::TableChanged),
        Ok(Some(_)) => None,
        Err(error) => Some(unreadable("the table inet netweir", &error)),
    };
    let others = Kernel::open()
        .and_then(|mut kernel| nftables::other_chains::others(&mut kernel))
        .map_err(|error| unreadable("the chains of other tables", &error));
    let mut causes = Vec::from_iter(own);
    causes.extend(of_chains(checks, others));
    for family in Family::ALL {
        let tables = nftables::other_chains::legacy_tables(family);
        if !tables.is_empty() && of_failed(checks, |check| check.family == family) {
            causes.push(Cause::Iptables(family, tables));
        }
    }
    causes
}

fn unreadable(what: &'static str, error: &nftables::Error) -> Cause {
    Cause::Unreadable(what, error.to_string())
}

/// The chains that failed connections pass, or why these are not known.
fn of_chains(checks: &[Check], others: Result<Vec<OtherChain>, Cause>) -> Vec<Cause> {
    match others {
        Ok(mut chains) => {
            chains.retain(|chain| of_failed(checks, |check| passes(chain, check)));
            chains.into_iter().map(Cause::Chain).collect()
        }
        Err(cause) => vec![cause],
    }
}

fn of_failed(checks: &[Check], test: impl Fn(&Check) -> bool) -> bool {
    checks.iter().any(|check| check.failed() && test(check))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unreadable_chains_are_reported_and_not_taken_as_absent() {
        assert_eq!(of_chains(&[], Ok(Vec::new())), []);
        let unreadable = Cause::Unreadable("the chains", "permission denied".to_owned());
        assert_eq!(
            of_chains(&[], Err(unreadable.clone())),
            std::slice::from_ref(&unreadable)
        );
        assert_eq!(
            unreadable.to_string(),
            "the chains may be the cause, but cannot be read: permission denied"
        );
    }
}
