//! The explanation of an outcome, as text and as JSON.

use std::fmt::{self, Write};
use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

use crate::connection::{ConnectionJson, End, SpecError};
use crate::intent::{LOOPBACK, Port};
use crate::json;
use crate::render;
use crate::ruleset::{Installed, Rule, RuleId};

use super::complete::Completed;
use super::matching::Mismatch;
use super::outcome::{Outcome, Step, Verdict, Visit};
use super::purpose::{listener, no_address, purpose};

/// The version of the JSON output. It grows when a field is removed or changes its meaning; fields may be added at any
/// time.
pub const SCHEMA: u32 = 1;

/// Why there is no verdict.
const UNDETERMINED: &str = "a rule that netweir cannot evaluate may decide";

/// The explanation of the outcome of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    rules: &'a Installed,
    asked: &'a Completed,
    outcome: &'a Outcome,
    other_chains: &'a [String],
}

impl<'a> Answer<'a> {
    /// Explains the outcome of the connection under these rules.
    #[must_use]
    pub const fn new(rules: &'a Installed, asked: &'a Completed, outcome: &'a Outcome) -> Self {
        Self {
            rules,
            asked,
            outcome,
            other_chains: &[],
        }
    }

    /// The same, with descriptions of the other tables' chains that the connection passes and that are not evaluated.
    #[must_use]
    pub const fn with_other_chains(self, other_chains: &'a [String]) -> Self {
        Self {
            other_chains,
            ..self
        }
    }

    /// A JSON object on one line; for a connection from a list, with its line number.
    #[must_use]
    pub fn json(&self, line: Option<usize>) -> String {
        json::line(&self.object(line))
    }

    /// Several lines of text: the connection, the verdict with its reason, and the rules tried before. `highlight` is
    /// applied to the verdict.
    pub fn text(&self, highlight: impl Fn(&str) -> String) -> String {
        let mut text = String::new();
        self.write(&mut text, &highlight)
            .expect("writing to a string succeeds");
        text
    }

    /// One line of text: the connection and the verdict.
    #[must_use]
    pub fn line(&self) -> String {
        let connection = &self.asked.connection;
        if self.is_determined() {
            format!("{connection}: {}: it {}", self.verdict(), self.reason())
        } else {
            format!("{connection}: undetermined: {UNDETERMINED}")
        }
    }

    const fn is_determined(&self) -> bool {
        self.outcome.undetermined.is_empty()
    }

    /// The verdict in words, as far as nothing undetermined changes it.
    fn verdict(&self) -> String {
        let verdict = self.outcome.verdict;
        let listener = self.outcome.rule.as_ref().and_then(listener);
        match listener.filter(|_| verdict.port().is_some()) {
            Some(listener) => format!("{verdict}, {listener}"),
            None => verdict.to_string(),
        }
    }

    /// What the deciding rule is for: a clause that follows "it".
    fn reason(&self) -> String {
        let reason = match &self.outcome.rule {
            Some(id) => {
                purpose(id).unwrap_or_else(|| "matches a rule that netweir did not make".to_owned())
            }
            None => "matches no rule".to_owned(),
        };
        let path = &self.asked.connection.path;
        if self.is_lost_on_link() {
            format!(
                "{reason}; but its destination is link-local, so it still leaves on {} and never reaches the proxy",
                path.interface()
            )
        } else if self.asked.lacks_address && self.redirects() {
            let family = self.asked.connection.addresses.family();
            format!("{reason}; {}", no_address(path.interface(), family))
        } else {
            reason
        }
    }

    /// Whether the deciding rule redirects.
    fn redirects(&self) -> bool {
        self.matched().0.is_some_and(Rule::redirects)
    }

    /// Whether the redirect takes no effect: a link-local destination fixes the interface by which packets leave.
    fn is_lost_on_link(&self) -> bool {
        let connection = &self.asked.connection;
        let is_link_local = match connection.addresses.end(End::Destination) {
            IpAddr::V6(destination) => destination.is_unicast_link_local(),
            IpAddr::V4(_) => false,
        };
        let is_redirected = matches!(self.outcome.verdict, Verdict::Redirect(_));
        let path = &connection.path;
        is_link_local && is_redirected && path.owner().is_some() && path.interface() != LOOPBACK
    }

    fn rule(&self, (visit, step): (&Visit, &Step)) -> Option<&'a Rule> {
        let chain = self.rules.ruleset.chain(&visit.chain)?;
        chain.rules.get(step.position).map(AsRef::as_ref)
    }

    /// The mismatch, with the elements of the set that was looked up.
    fn mismatch(&self, mismatch: &Mismatch) -> String {
        let set = mismatch
            .set_name()
            .and_then(|name| self.rules.ruleset.set(name));
        match set {
            Some(set) => format!("{mismatch} ({})", render::gist(&set.elements)),
            None => mismatch.to_string(),
        }
    }

    /// The rule that decided, and the other rules that matched.
    fn matched(&self) -> (Option<&'a Rule>, Vec<&'a Rule>) {
        let decides = |step: &Step| self.outcome.rule.as_ref() == Some(&step.rule);
        let (deciding, others): (Vec<_>, Vec<_>) =
            self.outcome.matched().partition(|(_, step)| decides(step));
        let deciding = deciding.first().and_then(|&step| self.rule(step));
        let others = others.into_iter().filter_map(|step| self.rule(step));
        (deciding, others.collect())
    }

    fn undetermined(&self) -> impl Iterator<Item = Undetermined<'a>> {
        let rules = self.rules;
        self.outcome.undetermined.iter().map(|own| Undetermined {
            chain: own.chain.as_deref(),
            before: own.chain.as_deref().and_then(|name| {
                let next = rules.ruleset.chain(name)?.rules.get(own.position)?;
                Some(&next.rule.id)
            }),
            name: &own.name,
            what: &own.what,
        })
    }

    pub(super) fn object(&self, line: Option<usize>) -> AnswerJson<'a> {
        let outcome = self.outcome;
        let decision = DecisionJson {
            verdict: outcome.verdict.name(),
            port: outcome.verdict.port().map(Port::number),
            server: outcome.verdict.server(),
            rule: outcome.rule.as_ref(),
            because: self.reason(),
        };
        let unknown = DecisionJson {
            verdict: "unknown",
            port: None,
            server: None,
            rule: None,
            because: UNDETERMINED.to_owned(),
        };
        let (decision, otherwise) = if self.is_determined() {
            (decision, None)
        } else {
            (unknown, Some(decision))
        };
        let connection = &self.asked.connection;
        AnswerJson {
            version: SCHEMA,
            line,
            decision,
            undetermined: self.undetermined().collect(),
            otherwise,
            connection: CompletedJson {
                connection: ConnectionJson {
                    dev: Some(connection.path.interface()),
                    uid: connection.path.owner().map(|owner| owner.uid),
                    gid: connection.path.owner().map(|owner| owner.gid),
                    mark: connection.packet_mark,
                    ..ConnectionJson::new(
                        connection.to_string(),
                        connection.path.direction(),
                        connection.addresses,
                        connection.transport,
                    )
                },
                ctmark: connection.connection_mark,
                state: connection.tracking.name(),
                assumed: self.asked.assumed.iter().map(|part| part.name()).collect(),
            },
            tried: outcome
                .mismatched_before_decision()
                .map(|(visit, step, mismatch)| TriedJson {
                    chain: &visit.chain,
                    rule: &step.rule,
                    because: self.mismatch(mismatch),
                })
                .collect(),
            on_the_way: self.matched().1.iter().map(|rule| &rule.id).collect(),
            beside: self.other_chains,
            zone: outcome.zone,
            mark: outcome.packet_mark,
            ctmark: outcome.connection_mark,
        }
    }

    fn write(&self, f: &mut String, highlight: &dyn Fn(&str) -> String) -> fmt::Result {
        writeln!(f, "{}", self.asked.connection)?;
        if !self.asked.assumed.is_empty() {
            let assumed: Vec<_> = self.asked.assumed.iter().map(|part| part.words()).collect();
            writeln!(f, "assumed: {}", assumed.join(", "))?;
        }
        f.push('\n');
        if self.is_determined() {
            write!(f, "{}", highlight(&self.verdict()))?;
        } else {
            writeln!(f, "{}: {UNDETERMINED}", highlight("undetermined"))?;
            for undetermined in self.undetermined() {
                writeln!(f, "  {undetermined}")?;
            }
            write!(f, "otherwise {}", self.verdict())?;
        }
        writeln!(f, ": it {}", self.reason())?;
        let (deciding, others) = self.matched();
        if let Some(rule) = deciding {
            writeln!(f, "  by {}: {}", rule.id, render::nft_rule(rule))?;
        }
        self.write_mismatched(f)?;
        write_list(
            f,
            "also matched",
            others
                .iter()
                .map(|rule| format!("{}: {}", rule.id, render::nft_rule(rule))),
        )?;
        write_list(
            f,
            "chains of other tables on its path, not evaluated",
            self.other_chains.iter().cloned(),
        )
    }

    fn write_mismatched(&self, f: &mut String) -> fmt::Result {
        let tried = self.outcome.mismatched_before_decision();
        let tried: Vec<_> = tried
            .map(|(_, step, mismatch)| (step.rule.to_string(), self.mismatch(mismatch)))
            .collect();
        let width = tried.iter().map(|(id, _)| id.len()).max().unwrap_or(0);
        write_list(
            f,
            "earlier rules that did not match",
            tried
                .iter()
                .map(|(id, mismatch)| format!("{id:width$}  {mismatch}")),
        )
    }
}

/// A paragraph with a heading; nothing for no lines.
fn write_list(f: &mut String, heading: &str, lines: impl Iterator<Item = String>) -> fmt::Result {
    for (number, line) in lines.enumerate() {
        if number == 0 {
            writeln!(f, "\n{heading}:")?;
        }
        writeln!(f, "  {line}")?;
    }
    Ok(())
}

/// The errors of a line that is not a connection: a JSON object on one line.
#[must_use]
pub fn errors_json(line: usize, text: &str, errors: &[SpecError]) -> String {
    #[derive(Serialize)]
    struct ErrorsJson<'a> {
        version: u32,
        line: usize,
        text: &'a str,
        errors: Vec<String>,
    }
    json::line(&ErrorsJson {
        version: SCHEMA,
        line,
        text,
        errors: errors.iter().map(ToString::to_string).collect(),
    })
}

#[derive(Serialize)]
pub(super) struct AnswerJson<'a> {
    version: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(flatten)]
    decision: DecisionJson<'a>,
    #[serde(rename = "unjudged")]
    undetermined: Vec<Undetermined<'a>>,
    otherwise: Option<DecisionJson<'a>>,
    connection: CompletedJson<'a>,
    tried: Vec<TriedJson<'a>>,
    on_the_way: Vec<&'a RuleId>,
    beside: &'a [String],
    zone: Option<u16>,
    mark: u32,
    ctmark: u32,
}

#[derive(Serialize)]
struct DecisionJson<'a> {
    verdict: &'static str,
    port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<SocketAddr>,
    rule: Option<&'a RuleId>,
    because: String,
}

/// An object that netweir cannot evaluate, and its place.
#[derive(Serialize)]
struct Undetermined<'a> {
    chain: Option<&'a str>,
    before: Option<&'a RuleId>,
    name: &'a str,
    what: &'a str,
}

impl fmt::Display for Undetermined<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.chain, self.before) {
            (Some(chain), Some(rule)) => write!(f, "in {chain}, before {rule}: ")?,
            (Some(chain), None) => write!(f, "at the end of {chain}: ")?,
            (None, _) => {}
        }
        write!(f, "{}: {}", self.name, self.what)
    }
}

#[derive(Serialize)]
struct TriedJson<'a> {
    chain: &'a str,
    rule: &'a RuleId,
    because: String,
}

#[derive(Serialize)]
struct CompletedJson<'a> {
    #[serde(flatten)]
    connection: ConnectionJson<'a>,
    ctmark: u32,
    state: &'static str,
    assumed: Vec<&'static str>,
}
