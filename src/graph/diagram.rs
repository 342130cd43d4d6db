//! What there is to draw.

use std::fmt;

use crate::explain::{Verdict, listener, purpose_of_all};
use crate::intent::Protocol;
use crate::render;
use crate::ruleset::{
    Chain, ChainKind, Hook, Installed, Match, Rule, RuleId, Ruleset, Statement, Unmanaged,
    UnmanagedKind,
};

use super::group::Group;

/// Two lanes: in, and out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagram {
    /// The lanes, side by side.
    pub lanes: Vec<Lane>,
}

/// The path of the connections of one direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// Which connections.
    pub title: &'static str,
    /// What else meets these chains.
    pub note: Option<&'static str>,
    /// The chains that they meet, in order.
    pub stages: Vec<Stage>,
}

/// Of chains that see every packet.
const BY_LOOPBACK: &str = "or leaving by lo, which brings it back";

/// Of connections for which there is no chain.
const UNSEEN: &str = "left alone: no rule looks at it";

/// A chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Its name, and what it sees.
    pub title: String,
    /// Its rules in order, alike ones as one.
    pub questions: Vec<Question>,
    /// What becomes of what no rule ended; `None` where every packet meets one that does.
    pub rest: Option<Ending>,
}

/// Rules that ask one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What is asked, as a clause that follows "it".
    pub words: String,
    /// The values asked for, where they are in sets.
    pub values: String,
    /// The ids of the rules, with `*` where several differ.
    pub id: String,
    /// What becomes of what fits.
    pub ending: Ending,
}

/// What becomes of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// A verdict, and which of the proxy's listeners takes it, if one does.
    Verdict(Verdict, Option<&'static str>),
    /// The next chain decides.
    Next(String),
    /// Something is done to it, and the chain has ended for it: the next one decides, where there is one.
    Done(String, Option<String>),
    /// Something is done to it, and the next question asked.
    GoesOn(String),
    /// Nobody can tell.
    Unknown,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verdict(verdict, _) => verdict.fmt(f),
            Self::Next(chain) => write!(f, "on to {chain}"),
            Self::Done(what, None) => f.write_str(what),
            Self::Done(what, Some(chain)) => write!(f, "{what}, then on to {chain}"),
            Self::GoesOn(what) => write!(f, "{what}, and on"),
            Self::Unknown => f.write_str("not known"),
        }
    }
}

impl Diagram {
    /// The picture of these rules.
    #[must_use]
    pub fn new(installed: &Installed) -> Self {
        let mut chains = installed.ruleset.chains.iter();
        let packets_arrive =
            chains.any(|chain| chain.hook == Hook::Prerouting && chain.kind == ChainKind::Filter);
        let lane = |title, hook, note| {
            let stages = stages(installed, hook);
            Lane {
                title,
                note: if stages.is_empty() {
                    Some(UNSEEN)
                } else {
                    note
                },
                stages,
            }
        };
        Self {
            lanes: vec![
                lane(
                    "Arriving at the pod",
                    Hook::Prerouting,
                    packets_arrive.then_some(BY_LOOPBACK),
                ),
                lane("Made in the pod", Hook::Output, None),
            ],
        }
    }
}

fn stages(installed: &Installed, hook: Hook) -> Vec<Stage> {
    let chains = installed.ruleset.chains.iter();
    let mut chains: Vec<_> = chains.filter(|chain| chain.hook == hook).collect();
    chains.sort_by_key(|chain| chain.priority.number());
    let nexts = chains.iter().skip(1).map(|chain| chain.name.to_string());
    let nexts: Vec<_> = nexts.map(Some).chain([None]).collect();
    let stages = chains.into_iter().zip(&nexts);
    let known = stages.map(|(chain, next)| stage(installed, chain, next.as_deref()));
    let foreign = installed.foreign.iter();
    let foreign = foreign.filter(|foreign| is_met(&foreign.kind, hook));
    known.chain(foreign.map(foreign_stage)).collect()
}

/// Whether packets of the lane meet the whole of it.
fn is_met(kind: &UnmanagedKind, lane: Hook) -> bool {
    // `NF_INET_LOCAL_IN` comes after the one, `NF_INET_POST_ROUTING` after the other (`linux/netfilter.h`).
    let after = match lane {
        Hook::Prerouting => 1,
        Hook::Output => 4,
    };
    match kind {
        UnmanagedKind::Chain { hook: Some(hook) } => *hook == lane.number() || *hook == after,
        UnmanagedKind::Table { dormant } => *dormant,
        UnmanagedKind::Chain { hook: None } | UnmanagedKind::Set | UnmanagedKind::Rule { .. } => {
            false
        }
    }
}

fn foreign_stage(foreign: &Unmanaged) -> Stage {
    Stage {
        title: foreign.name.clone(),
        questions: vec![foreign_question(foreign)],
        rest: None,
    }
}

fn foreign_question(foreign: &Unmanaged) -> Question {
    Question {
        words: format!("is what netweir cannot judge: {}", foreign.what),
        values: String::new(),
        id: foreign.name.clone(),
        ending: Ending::Unknown,
    }
}

fn stage(installed: &Installed, chain: &Chain, next: Option<&str>) -> Stage {
    let sees = match chain.kind {
        ChainKind::Nat => "asked once for each connection",
        ChainKind::Filter | ChainKind::Route => "asked for every packet",
    };
    let groups = Group::all(chain, &installed.foreign);
    Stage {
        title: format!("{}: {sees}", chain.name),
        questions: groups
            .iter()
            .map(|group| question(&installed.ruleset, group, next))
            .collect(),
        rest: (!ends_all(chain)).then(|| onward(next)),
    }
}

/// What becomes of what the chain leaves alone.
fn onward(next: Option<&str>) -> Ending {
    match next {
        Some(next) => Ending::Next(next.to_owned()),
        None => Ending::Verdict(Verdict::Leave, None),
    }
}

fn question(ruleset: &Ruleset, group: &Group<'_>, next: Option<&str>) -> Question {
    match group {
        Group::Rules(first, others) => {
            let rules = || [*first].into_iter().chain(others.iter().copied());
            let ids: Vec<_> = rules().map(|rule| rule.id.clone()).collect();
            let conditions = || rules().flat_map(|rule| &rule.matches);
            Question {
                words: purpose_of_all(&ids)
                    .unwrap_or_else(|| format!("is {}", conditions_of(first))),
                values: values(ruleset, conditions()),
                id: common(&ids),
                ending: ending(first, next),
            }
        }
        Group::Unmanaged(foreign) => foreign_question(foreign),
    }
}

/// What becomes of what the rule fits, where the chain comes next.
fn ending(rule: &Rule, next: Option<&str>) -> Ending {
    let mut done = Vec::new();
    for &statement in &rule.statements {
        let what = match statement {
            Statement::Redirect(port) => {
                return Ending::Verdict(Verdict::Redirect(port), listener(&rule.id));
            }
            Statement::Tproxy(_, port) => {
                return Ending::Verdict(Verdict::Tproxy(port), listener(&rule.id));
            }
            Statement::Drop => return Ending::Verdict(Verdict::Drop, None),
            Statement::Accept if done.is_empty() => return onward(next),
            Statement::Accept => return Ending::Done(done.join(", "), next.map(str::to_owned)),
            Statement::SetPacketMark(mark) => format!("marked {mark:#x}"),
            Statement::SetConnectionMark(mark) => format!("its connection marked {mark:#x}"),
            Statement::RestoreMark => "given its connection's mark".to_owned(),
            Statement::SetZone(zone) => format!("put into zone {zone}"),
        };
        done.push(what);
    }
    Ending::GoesOn(done.join(", "))
}

/// The matches as nft writes them.
fn conditions_of(rule: &Rule) -> String {
    let alone = Rule {
        statements: Vec::new(),
        ..rule.clone()
    };
    let text = render::nft_rule(&alone);
    text.trim_end_matches("counter").trim_end().to_owned()
}

/// The elements of the sets that the matches look into, the first of them.
fn values<'a>(ruleset: &Ruleset, conditions: impl Iterator<Item = &'a Match>) -> String {
    let mut names: Vec<_> = conditions.filter_map(Match::set_name).collect();
    names.dedup();
    let sets = names.into_iter().filter_map(|name| ruleset.set(name));
    let texts: Vec<_> = sets.map(|set| render::gist(&set.elements)).collect();
    texts.join("; ")
}

/// The id that all have in common, with `*` for a part that differs.
fn common(ids: &[RuleId]) -> String {
    let Some((first, others)) = ids.split_first() else {
        return String::new();
    };
    let same = |a: &str, b: &RuleId| a == b.as_str();
    if others.iter().all(|other| same(first.as_str(), other)) {
        return first.to_string();
    }
    let family = |id: &RuleId| id.as_str().replace("-ipv4", "-*").replace("-ipv6", "-*");
    let whole = family(first);
    if others.iter().all(|other| family(other) == whole) {
        return whole;
    }
    match whole.rsplit_once('/') {
        Some((purpose, _)) => format!("{purpose}/*"),
        None => whole,
    }
}

/// Whether every packet meets a rule of the chain that ends it: the last takes the protocol that an earlier one does
/// not.
fn ends_all(chain: &Chain) -> bool {
    let takes = |rule: &Rule, protocol, is| {
        let ends = rule.statements.iter().any(|statement| match statement {
            Statement::Redirect(_) | Statement::Accept | Statement::Drop => true,
            Statement::Tproxy(..)
            | Statement::SetPacketMark(_)
            | Statement::SetConnectionMark(_)
            | Statement::RestoreMark
            | Statement::SetZone(_) => false,
        });
        ends && rule.matches == [Match::Protocol { is, protocol }]
    };
    [Protocol::Tcp, Protocol::Udp].into_iter().any(|protocol| {
        let both = [true, false];
        both.iter()
            .all(|&is| chain.rules.iter().any(|rule| takes(rule, protocol, is)))
    })
}
