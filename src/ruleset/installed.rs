//! Rules that were read back from the kernel.

use super::{BaseChain, Chain, ConnectionState, Hook, Match, Rule, RuleId, Ruleset, Statement};

/// The contents of the table `inet netweir` in the kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Installed {
    /// Everything that the model can express.
    pub ruleset: Ruleset<InstalledRule>,
    /// Everything else.
    pub unmanaged: Vec<Unmanaged>,
}

/// A rule with its counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstalledRule {
    /// The rule.
    pub rule: Rule,
    /// How many packets it has counted; `None` for a rule without a counter, which the plan never makes.
    pub counter: Option<u64>,
}

impl AsRef<Rule> for InstalledRule {
    fn as_ref(&self) -> &Rule {
        &self.rule
    }
}

impl Installed {
    /// Whether nothing but [`connection_keeper`] is installed.
    #[must_use]
    pub fn only_keeps_connections(&self) -> bool {
        self.is(&connection_keeper())
    }

    /// Whether it consists of exactly the sets and chains of the ruleset.
    #[must_use]
    pub fn is(&self, ruleset: &Ruleset) -> bool {
        let installed = &self.ruleset;
        self.unmanaged.is_empty()
            && installed.sets == ruleset.sets
            && installed.chains.len() == ruleset.chains.len()
            && installed
                .chains
                .iter()
                .zip(&ruleset.chains)
                .all(|(own, wanted)| {
                    own.has_same_head(wanted)
                        && own.rules.iter().all(|own| own.counter.is_some())
                        && own.rules.iter().map(|own| &own.rule).eq(&wanted.rules)
                })
    }
}

/// What stays after `remove --keep-connections`. The kernel ends the translation of open connections with the last NAT chain,
/// and tracking with the last rule that needs it. This chain has one that does nothing.
#[must_use]
pub fn connection_keeper() -> Ruleset {
    let rule = Rule {
        id: RuleId::Other("keep-connections".to_owned()),
        matches: vec![Match::State(ConnectionState::Invalid)],
        statements: vec![Statement::Accept],
    };
    let chain = Chain {
        name: "keep_connections".into(),
        ..Chain::new(BaseChain::Outbound, vec![rule])
    };
    Ruleset {
        chains: vec![chain],
        ..Ruleset::default()
    }
}

impl From<Ruleset> for Installed {
    /// The ruleset as it is right after its installation.
    fn from(ruleset: Ruleset) -> Self {
        let new = |rule| InstalledRule {
            rule,
            counter: Some(0),
        };
        let chains = ruleset.chains.into_iter().map(|mut chain| {
            let rules = std::mem::take(&mut chain.rules);
            chain.with_rules(rules.into_iter().map(new).collect())
        });
        Self {
            ruleset: Ruleset {
                chains: chains.collect(),
                sets: ruleset.sets,
                routing: ruleset.routing,
            },
            unmanaged: Vec::new(),
        }
    }
}

/// An object in the table that the model cannot express: another program made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmanaged {
    /// The chain of a rule.
    pub chain: Option<String>,
    /// How many rules of the model precede it in its chain.
    pub position: usize,
    /// Its name or comment.
    pub name: String,
    /// What the model cannot express about it.
    pub what: String,
    /// What kind of object it is.
    pub kind: UnmanagedKind,
}

/// The kind of an unmanaged object, with what decides whether a packet meets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnmanagedKind {
    /// The table itself has unexpected attributes.
    Table {
        /// The kernel skips all its chains (`NFT_TABLE_F_DORMANT`).
        dormant: bool,
    },
    /// A set.
    Set,
    /// A chain.
    Chain {
        /// Its hook; `None` for a chain that packets reach only through rules.
        hook: Option<Hook>,
    },
    /// A rule.
    Rule {
        /// Its matches up to the first part that the model cannot express: a packet that one of them does not match
        /// does not match the rule.
        known: Vec<Match>,
    },
}
