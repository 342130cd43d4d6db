//! The contents of a flowchart.

use std::fmt;

use serde::Serialize;

use crate::connection::Direction;
use crate::explain::{Verdict, listener, purpose_of_all};
use crate::intent::Protocol;
use crate::render;
use crate::ruleset::{
    Chain, ChainKind, Hook, Installed, InstalledRule, Match, Rule, RuleId, Statement, Unmanaged,
    UnmanagedKind,
};

use super::group::Group;

/// A flowchart of two lanes: inbound and outbound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagram {
    /// The lanes, side by side.
    pub lanes: Vec<Lane>,
}

/// The path of the connections of one direction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lane {
    /// The connections.
    pub title: &'static str,
    /// A remark about them.
    pub note: Option<&'static str>,
    /// The chains that they pass, in order.
    #[serde(rename = "chains")]
    pub stages: Vec<Stage>,
}

/// A box of a lane.
pub(super) struct Node<'a> {
    /// The label of the arrow that leads to it: `no`, or nothing.
    pub(super) arrow: &'static str,
    pub(super) content: Content<'a>,
}

/// The contents of a box.
pub(super) enum Content<'a> {
    /// The title of a chain.
    Heading(&'a str),
    /// A question.
    Question(&'a Question),
    /// What happens to everything else.
    Rest(&'a Ending),
}

/// The text of [`Content::Rest`].
pub(super) const REST: &str = "is anything else";

impl Lane {
    /// The boxes of the lane, from top to bottom. A single chain has no heading; the end of a chain that another one
    /// follows has no box.
    pub(super) fn nodes(&self) -> Vec<Node<'_>> {
        let mut nodes = Vec::new();
        let mut arrow = "";
        for stage in &self.stages {
            if self.stages.len() > 1 {
                let content = Content::Heading(&stage.title);
                nodes.push(Node { arrow, content });
                arrow = "";
            }
            for question in &stage.questions {
                let content = Content::Question(question);
                nodes.push(Node { arrow, content });
                arrow = if question.ending.continues() {
                    ""
                } else {
                    "no"
                };
            }
        }
        let rest = self.stages.last().and_then(|stage| stage.rest.as_ref());
        nodes.extend(
            rest.map(Content::Rest)
                .map(|content| Node { arrow, content }),
        );
        nodes
    }
}

/// The note on filter chains, which see every packet.
const BY_LOOPBACK: &str = "or leaving on lo, which returns it";

/// The note on a lane without chains.
const UNSEEN: &str = "not captured: no rule matches on it";

/// A chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// Its name, and which packets it sees.
    pub title: String,
    /// Its rules in order, similar ones as one question.
    pub questions: Vec<Question>,
    /// What happens to packets that no rule ends; `None` if a rule ends every packet.
    pub rest: Option<Ending>,
}

/// One or more similar rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Question {
    /// The condition, as a clause that follows "it".
    pub words: String,
    /// The first elements of its sets.
    pub values: String,
    /// The id of the rules, with `*` for parts that differ.
    pub id: String,
    /// What happens to packets that match.
    pub ending: Ending,
}

/// What happens to a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// A verdict, and the proxy's listener that gets the connection.
    Verdict(Verdict, Option<&'static str>),
    /// The next chain decides.
    Next(String),
    /// The packet is changed and leaves the chain; the next chain, if there is one, decides.
    Done(String, Option<String>),
    /// The packet is changed, and the next question follows.
    GoesOn(String),
    /// netweir cannot tell.
    Unknown,
}

impl Ending {
    pub(super) const fn continues(&self) -> bool {
        matches!(self, Self::GoesOn(_))
    }

    /// The proxy's listener that gets the connection.
    pub(super) const fn listener(&self) -> Option<&'static str> {
        match self {
            Self::Verdict(_, listener) => *listener,
            Self::Next(_) | Self::Done(..) | Self::GoesOn(_) | Self::Unknown => None,
        }
    }

    /// The class that determines the colour of its box.
    pub(super) const fn class(&self) -> &'static str {
        match self {
            Self::Verdict(Verdict::Redirect(_) | Verdict::Tproxy(_) | Verdict::Dnat(..), _) => {
                "proxy"
            }
            Self::Verdict(Verdict::Leave, _) => "leave",
            Self::Verdict(Verdict::Drop, _) => "drop",
            Self::Next(_) | Self::Done(..) | Self::GoesOn(_) => "on",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verdict(verdict, _) => verdict.fmt(f),
            Self::Next(chain) => write!(f, "on to {chain}"),
            Self::Done(what, None) => f.write_str(what),
            Self::Done(what, Some(chain)) => write!(f, "{what}, then on to {chain}"),
            Self::GoesOn(what) => write!(f, "{what}, and on"),
            Self::Unknown => f.write_str("undetermined"),
        }
    }
}

impl Diagram {
    /// The flowchart of these rules.
    #[must_use]
    pub fn new(installed: &Installed) -> Self {
        let mut chains = installed.ruleset.chains.iter();
        let sees_packets =
            chains.any(|chain| chain.hook == Hook::Prerouting && chain.kind == ChainKind::Filter);
        let lane = |title, direction, note| {
            let stages = stages(installed, direction);
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
                    "Inbound connections",
                    Direction::In,
                    sees_packets.then_some(BY_LOOPBACK),
                ),
                lane("Outbound connections", Direction::Out, None),
            ],
        }
    }
}

fn stages(installed: &Installed, direction: Direction) -> Vec<Stage> {
    let path = Hook::path(direction);
    let chains = installed.ruleset.chains.iter();
    let mut chains: Vec<_> = chains.filter(|chain| path.contains(&chain.hook)).collect();
    chains.sort_by_key(|chain| chain.priority.number());
    let nexts = chains.iter().skip(1).map(|chain| chain.name.to_string());
    let nexts: Vec<_> = nexts.map(Some).chain([None]).collect();
    let stages = chains.into_iter().zip(&nexts);
    let stages = stages.map(|(chain, next)| stage(installed, chain, next.as_deref()));
    let unmanaged = installed.unmanaged.iter();
    let unmanaged = unmanaged.filter(|own| match &own.kind {
        UnmanagedKind::Chain { hook } => hook.is_some_and(|hook| path.contains(&hook)),
        UnmanagedKind::Table { dormant } => *dormant,
        UnmanagedKind::Set | UnmanagedKind::Rule { .. } => false,
    });
    let unmanaged = unmanaged.map(|own| Stage {
        title: own.name.clone(),
        questions: vec![unmanaged_question(own)],
        rest: None,
    });
    stages.chain(unmanaged).collect()
}

fn unmanaged_question(unmanaged: &Unmanaged) -> Question {
    Question {
        words: format!("meets what netweir cannot evaluate: {}", unmanaged.what),
        values: String::new(),
        id: unmanaged.name.clone(),
        ending: Ending::Unknown,
    }
}

fn stage(installed: &Installed, chain: &Chain<InstalledRule>, next: Option<&str>) -> Stage {
    let sees = match chain.kind {
        ChainKind::Nat => "once for each connection",
        ChainKind::Filter | ChainKind::Route => "for every packet",
    };
    let groups = Group::all(chain, &installed.unmanaged);
    Stage {
        title: format!("{}: {sees}", chain.name),
        questions: groups
            .iter()
            .map(|group| question(installed, group, next))
            .collect(),
        rest: (!ends_all(chain)).then(|| onward(next)),
    }
}

/// What happens to packets that leave the chain with `accept`.
fn onward(next: Option<&str>) -> Ending {
    match next {
        Some(next) => Ending::Next(next.to_owned()),
        None => Ending::Verdict(Verdict::Leave, None),
    }
}

fn question(installed: &Installed, group: &Group<'_>, next: Option<&str>) -> Question {
    match group {
        Group::Rules(first, others) => {
            let rules = || [*first].into_iter().chain(others.iter().copied());
            let ids: Vec<_> = rules().map(|rule| rule.id.clone()).collect();
            let conditions = || rules().flat_map(|rule| &rule.matches);
            Question {
                words: purpose_of_all(&ids)
                    .unwrap_or_else(|| format!("is {}", conditions_of(first))),
                values: values(installed, conditions()),
                id: common(&ids),
                ending: ending(first, next),
            }
        }
        Group::Unmanaged(unmanaged) => unmanaged_question(unmanaged),
    }
}

/// What happens to packets that match the rule.
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
            Statement::Dnat(to, port) => return Ending::Verdict(Verdict::Dnat(to, port), None),
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

/// The matches, as nft writes them.
fn conditions_of(rule: &Rule) -> String {
    let without_statements = Rule {
        statements: Vec::new(),
        ..rule.clone()
    };
    let text = render::nft_rule(&without_statements);
    text.trim_end_matches("counter").trim_end().to_owned()
}

/// The first elements of the sets that the matches look up.
fn values<'a>(installed: &Installed, conditions: impl Iterator<Item = &'a Match>) -> String {
    let mut names: Vec<_> = conditions.filter_map(Match::set_name).collect();
    names.dedup();
    let sets = names
        .into_iter()
        .filter_map(|name| installed.ruleset.set(name));
    let texts: Vec<_> = sets.map(|set| render::gist(&set.elements)).collect();
    texts.join("; ")
}

/// The id that the rules have in common, with `*` for parts that differ.
fn common(ids: &[RuleId]) -> String {
    let [first, others @ ..] = ids else {
        return String::new();
    };
    let masks = [(false, false), (true, false), (false, true), (true, true)];
    let common = masks.into_iter().map(|(family, value)| {
        let masked = first.masked(family, value);
        let is_common = others
            .iter()
            .all(|other| other.masked(family, value) == masked);
        (masked, is_common)
    });
    let mut common = common.filter(|(_, is_common)| *is_common);
    common
        .next()
        .map_or_else(|| first.to_string(), |(id, _)| id)
}

/// Whether a rule ends every packet: one ends a protocol, another one all others.
fn ends_all(chain: &Chain<InstalledRule>) -> bool {
    let ends = |protocol, is| {
        chain.rules.iter().any(|InstalledRule { rule, .. }| {
            rule.matches == [Match::Protocol { is, protocol }]
                && rule.statements.iter().any(|own| own.is_terminal())
        })
    };
    Protocol::ALL
        .into_iter()
        .any(|protocol| ends(protocol, true) && ends(protocol, false))
}
