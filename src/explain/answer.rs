//! What is told about a connection: for people, and for programs.

use std::fmt::{self, Write};

use serde::Serialize;

use crate::intent::Port;
use crate::render;
use crate::ruleset::{End, Rule, RuleId, Ruleset};

use super::complete::Completed;
use super::matching::Mismatch;
use super::outcome::{Outcome, Step, Visit};
use super::purpose::{listener, purpose};
use crate::connection::{Connection, Owner, Path, SpecError, Tracking};

/// The version of the JSON form. It grows when a field goes away or changes its meaning; fields may be added at
/// any time.
pub const SCHEMA: u32 = 1;

/// Why there is no verdict.
const UNJUDGED: &str = "meets what netweir cannot judge";

/// What becomes of a connection under rules.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    rules: &'a Ruleset,
    asked: &'a Completed,
    outcome: &'a Outcome,
    beside: &'a [String],
}

impl<'a> Answer<'a> {
    /// The answer: the outcome of the connection under these rules.
    #[must_use]
    pub const fn new(rules: &'a Ruleset, asked: &'a Completed, outcome: &'a Outcome) -> Self {
        Self {
            rules,
            asked,
            outcome,
            beside: &[],
        }
    }

    /// The same, with the chains of other tables that the connection meets, in words: what they do is not judged.
    #[must_use]
    pub const fn beside(self, beside: &'a [String]) -> Self {
        Self { beside, ..self }
    }

    /// A JSON object, on one line; with the number of the line that asked, if there was one.
    #[must_use]
    pub fn json(&self, line: Option<usize>) -> String {
        json(&self.object(line))
    }

    /// In words: the connection, the verdict with its reason, and the rules tried before. The verdict is made to stand
    /// out by the given means.
    pub fn text(&self, stand_out: impl Fn(&str) -> String) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = self.write(&mut text, &stand_out);
        text
    }

    /// In words, on one line: the connection and the verdict.
    #[must_use]
    pub fn line(&self) -> String {
        let verdict = if self.is_known() {
            self.verdict()
        } else {
            "not known".to_owned()
        };
        format!("{}: {verdict}: it {}", self.asked.connection, self.reason())
    }

    /// Why, as a clause that follows "it".
    fn reason(&self) -> String {
        if self.is_known() {
            self.because()
        } else {
            UNJUDGED.to_owned()
        }
    }

    /// Whether the outcome holds, whatever cannot be judged.
    const fn is_known(&self) -> bool {
        self.outcome.unjudged.is_empty()
    }

    /// The verdict in words, where nothing that cannot be judged comes in between.
    fn verdict(&self) -> String {
        let listener = self.outcome.rule.as_ref().and_then(listener);
        let mut words = self.outcome.verdict.to_string();
        if let (Some(_), Some(listener)) = (self.outcome.verdict.port(), listener) {
            let _ = write!(words, ", {listener}");
        }
        words
    }

    /// What the deciding rule is for, as a clause that follows "it".
    fn because(&self) -> String {
        match &self.outcome.rule {
            Some(id) => {
                purpose(id).unwrap_or_else(|| "fits a rule that netweir did not make".to_owned())
            }
            None => "fits no rule".to_owned(),
        }
    }

    fn rule(&self, (visit, step): (&Visit, &Step)) -> Option<&'a Rule> {
        let mut chains = self.rules.chains.iter();
        let chain = chains.find(|chain| chain.name == visit.chain)?;
        chain.rules.get(step.position)
    }

    /// The mismatch, with what is in the set that was looked into.
    fn misfit(&self, mismatch: &Mismatch) -> String {
        let set = mismatch.set_name().and_then(|name| self.rules.set(name));
        match set {
            Some(set) => format!("{mismatch} ({})", render::gist(&set.elements)),
            None => mismatch.to_string(),
        }
    }

    /// The rule that decided.
    fn decider(&self) -> Option<&'a Rule> {
        let mut fitted = self.outcome.fitted_steps();
        let decided = |(_, step): &(&Visit, &Step)| self.outcome.rule.as_ref() == Some(&step.rule);
        fitted.find(decided).and_then(|step| self.rule(step))
    }

    /// The rules that fitted and did not decide, with what they do.
    fn on_the_way(&self) -> impl Iterator<Item = &'a Rule> {
        let fitted = self.outcome.fitted_steps();
        let others = fitted.filter(|(_, step)| self.outcome.rule.as_ref() != Some(&step.rule));
        others.filter_map(|step| self.rule(step))
    }

    fn unjudged(&self) -> impl Iterator<Item = Undetermined<'a>> {
        let rules = self.rules;
        self.outcome.unjudged.iter().map(|foreign| Undetermined {
            chain: foreign.chain.as_deref(),
            before: foreign.chain.as_deref().and_then(|name| {
                let chain = rules.chains.iter().find(|chain| chain.name == name)?;
                let next = chain.rules.get(foreign.position)?;
                Some(next.id.as_str())
            }),
            name: &foreign.name,
            what: &foreign.what,
        })
    }

    /// What is serialized.
    pub(super) fn object(&self, line: Option<usize>) -> Object<'a> {
        let outcome = self.outcome;
        let decision = Decision {
            verdict: outcome.verdict.name(),
            port: outcome.verdict.port().map(Port::number),
            rule: outcome.rule.as_ref().map(RuleId::as_str),
            because: self.because(),
        };
        let unknown = Decision {
            verdict: "unknown",
            port: None,
            rule: None,
            because: UNJUDGED.to_owned(),
        };
        let (decision, otherwise) = if self.is_known() {
            (decision, None)
        } else {
            (unknown, Some(decision))
        };
        Object {
            version: SCHEMA,
            line,
            decision,
            unjudged: self.unjudged().collect(),
            otherwise,
            connection: ConnectionObject::new(self.asked),
            tried: outcome
                .tried_before_decision()
                .map(|(visit, step, mismatch)| Tried {
                    chain: &visit.chain,
                    rule: step.rule.as_str(),
                    because: self.misfit(mismatch),
                })
                .collect(),
            on_the_way: self.on_the_way().map(|rule| rule.id.as_str()).collect(),
            beside: self.beside,
            zone: outcome.zone,
            mark: outcome.packet_mark,
            ctmark: outcome.connection_mark,
        }
    }
}

/// The answer to a line that is no connection: a JSON object, on one line.
#[must_use]
pub fn answer_to_nothing(line: usize, text: &str, errors: &[SpecError]) -> String {
    json(&NoAnswer {
        version: SCHEMA,
        line,
        text,
        errors: errors.iter().map(ToString::to_string).collect(),
    })
}

/// The object on one line.
pub(super) fn json(object: &impl Serialize) -> String {
    // No map here has keys that are not text, the one thing that can fail.
    serde_json::to_string(object).unwrap_or_default()
}

impl Answer<'_> {
    fn write(&self, f: &mut String, stand_out: &dyn Fn(&str) -> String) -> fmt::Result {
        writeln!(f, "{}", self.asked.connection)?;
        if !self.asked.assumed.is_empty() {
            let assumed: Vec<_> = self.asked.assumed.iter().map(|part| part.words()).collect();
            writeln!(f, "assumed: {}", assumed.join(", "))?;
        }
        f.push('\n');
        if self.is_known() {
            write!(f, "{}", stand_out(&self.verdict()))?;
        } else {
            let unknown = stand_out("not known");
            writeln!(f, "{unknown}: it {UNJUDGED}")?;
            for unjudged in self.unjudged() {
                writeln!(f, "  {unjudged}")?;
            }
            write!(f, "where that has no effect on it, {}", self.verdict())?;
        }
        writeln!(f, ": it {}", self.because())?;
        if let Some(rule) = self.decider() {
            writeln!(f, "  by {}: {}", rule.id, render::nft_rule(rule))?;
        }
        self.write_others(f)
    }

    fn write_others(&self, f: &mut String) -> fmt::Result {
        let tried: Vec<_> = self.outcome.tried_before_decision().collect();
        if !tried.is_empty() {
            writeln!(f, "\ntried before, and why each did not fit:")?;
        }
        let ids = tried.iter().map(|(_, step, _)| step.rule.as_str().len());
        let width = ids.max().unwrap_or(0);
        for (_, step, mismatch) in &tried {
            let misfit = self.misfit(mismatch);
            writeln!(f, "  {:width$}  {misfit}", step.rule.as_str())?;
        }
        let mut heading = "\non the way:\n";
        for rule in self.on_the_way() {
            writeln!(f, "{heading}  {}: {}", rule.id, render::nft_rule(rule))?;
            heading = "";
        }
        if !self.beside.is_empty() {
            writeln!(
                f,
                "\nother tables that it meets, which netweir does not judge:"
            )?;
        }
        for chain in self.beside {
            writeln!(f, "  {chain}")?;
        }
        Ok(())
    }
}

#[derive(Serialize)]
struct NoAnswer<'a> {
    version: u32,
    line: usize,
    text: &'a str,
    errors: Vec<String>,
}

#[derive(Serialize)]
pub(super) struct Object<'a> {
    version: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(flatten)]
    decision: Decision<'a>,
    unjudged: Vec<Undetermined<'a>>,
    otherwise: Option<Decision<'a>>,
    connection: ConnectionObject<'a>,
    tried: Vec<Tried<'a>>,
    on_the_way: Vec<&'a str>,
    beside: &'a [String],
    zone: Option<u16>,
    mark: u32,
    ctmark: u32,
}

#[derive(Serialize)]
struct Decision<'a> {
    verdict: &'static str,
    port: Option<u16>,
    rule: Option<&'a str>,
    because: String,
}

/// Something that cannot be judged, and where it stands.
#[derive(Serialize)]
struct Undetermined<'a> {
    chain: Option<&'a str>,
    before: Option<&'a str>,
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
struct Tried<'a> {
    chain: &'a str,
    rule: &'a str,
    because: String,
}

#[derive(Serialize)]
struct ConnectionObject<'a> {
    text: String,
    direction: &'static str,
    protocol: String,
    family: &'static str,
    destination: String,
    port: Option<u16>,
    from: String,
    from_port: Option<u16>,
    dev: &'a str,
    uid: Option<u32>,
    gid: Option<u32>,
    mark: u32,
    ctmark: u32,
    state: &'static str,
    assumed: Vec<&'static str>,
}

impl<'a> ConnectionObject<'a> {
    fn new(asked: &'a Completed) -> Self {
        let connection: &Connection = &asked.connection;
        let (direction, dev, owner) = match &connection.path {
            Path::Out { interface, owner } => ("out", interface, *owner),
            Path::In { interface } => ("in", interface, None),
        };
        let ports = connection.transport.ports();
        Self {
            text: connection.to_string(),
            direction,
            protocol: match connection.transport.protocol() {
                Some(protocol) => protocol.name().to_owned(),
                None => connection.transport.number().to_string(),
            },
            family: connection.addresses.family().name(),
            destination: connection.addresses.end(End::Destination).to_string(),
            port: ports.map(|ports| ports.destination),
            from: connection.addresses.end(End::Source).to_string(),
            from_port: ports.map(|ports| ports.source),
            dev,
            uid: owner.map(|Owner { uid, .. }| uid),
            gid: owner.map(|Owner { gid, .. }| gid),
            mark: connection.packet_mark,
            ctmark: connection.connection_mark,
            state: Tracking::name(connection.tracking),
            assumed: asked.assumed.iter().map(|part| part.name()).collect(),
        }
    }
}
