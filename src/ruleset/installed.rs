//! What was read back from a kernel.

use super::{Match, Ruleset};

/// What is in the table `inet netweir`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Installed {
    /// Everything that the model has words for.
    pub ruleset: Ruleset,
    /// The packet counter of each rule of the ruleset, in the order of [`Ruleset::rules`]; `None` for a rule
    /// that does not count, as none of ours.
    pub counters: Vec<Option<u64>>,
    /// Everything else.
    pub foreign: Vec<Unmanaged>,
}

impl Installed {
    /// Whether exactly the sets and chains of the ruleset are there.
    #[must_use]
    pub fn is(&self, ruleset: &Ruleset) -> bool {
        self.foreign.is_empty()
            && self.counters.iter().all(Option::is_some)
            && self.ruleset.sets == ruleset.sets
            && self.ruleset.chains == ruleset.chains
    }
}

/// Something in the table that no version of this model makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmanaged {
    /// The chain it is in, for a rule.
    pub chain: Option<String>,
    /// How many known rules of the chain come before it.
    pub position: usize,
    /// Its name or comment.
    pub name: String,
    /// What about it is not known.
    pub what: String,
    /// What kind of thing it is.
    pub kind: UnmanagedKind,
}

/// What kind of thing is foreign, as far as that tells whether a packet meets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnmanagedKind {
    /// The table itself is other than it should be.
    Table {
        /// None of its chains is met (`NFT_TABLE_F_DORMANT`).
        dormant: bool,
    },
    /// A set.
    Set,
    /// A chain.
    Chain {
        /// The hook on which packets meet it (`linux/netfilter.h`, `nf_inet_hooks`); `None` for one that only rules lead to.
        hook: Option<u32>,
    },
    /// A rule.
    Rule {
        /// Its matches, up to what is not known: where one of them does not fit, the rule does not.
        known: Vec<Match>,
    },
}
