//! What is told about a connection: for people, and for programs.

use std::fmt::{self, Write};

use serde::Serialize;

use crate::render;
use crate::ruleset::{End, Rule, RuleId, Ruleset};

use super::complete::Completed;
use super::connection::{Connection, Owner, Path, Tracking};
use super::outcome::Outcome;
use super::purpose::{listener, purpose};

/// The version of the JSON form. It grows when a field goes away or changes its meaning; fields may be added at
/// any time.
pub const SCHEMA: u32 = 1;

/// What becomes of a connection under rules.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    rules: &'a Ruleset,
    asked: &'a Completed,
    outcome: &'a Outcome,
}

impl<'a> Answer<'a> {
    /// The answer: the outcome of the connection under these rules.
    #[must_use]
    pub const fn new(rules: &'a Ruleset, asked: &'a Completed, outcome: &'a Outcome) -> Self {
        Self {
            rules,
            asked,
            outcome,
        }
    }

    /// A JSON object, on one line.
    #[must_use]
    pub fn json(&self) -> String {
        // No map here has keys that are not text, the one thing that can fail.
        serde_json::to_string(&self.object()).unwrap_or_default()
    }

    /// The verdict in words.
    #[must_use]
    pub fn verdict(&self) -> String {
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

    fn rule(&self, id: &RuleId) -> Option<&'a Rule> {
        let mut rules = self.rules.rules().map(|(_, rule)| rule);
        rules.find(|rule| rule.id == *id)
    }

    /// The rules that fitted and did not decide, with what they do.
    fn on_the_way(&self) -> impl Iterator<Item = &'a Rule> {
        let others = self.outcome.fitted();
        others
            .filter(|&id| self.outcome.rule.as_ref() != Some(id))
            .filter_map(|id| self.rule(id))
    }

    fn object(&self) -> Object<'a> {
        let outcome = self.outcome;
        Object {
            version: SCHEMA,
            verdict: outcome.verdict.name(),
            port: outcome.verdict.port().map(crate::intent::Port::number),
            rule: outcome.rule.as_ref().map(RuleId::as_str),
            because: self.because(),
            connection: ConnectionObject::new(self.asked),
            tried: outcome
                .tried_before_decision()
                .map(|(visit, step, mismatch)| Tried {
                    chain: &visit.chain,
                    rule: step.rule.as_str(),
                    because: mismatch.to_string(),
                })
                .collect(),
            on_the_way: self.on_the_way().map(|rule| rule.id.as_str()).collect(),
            zone: outcome.zone,
            mark: outcome.packet_mark,
            ctmark: outcome.connection_mark,
        }
    }
}

impl fmt::Display for Answer<'_> {
    /// The connection, the verdict with its reason, and the rules tried before.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.asked.connection)?;
        if !self.asked.assumed.is_empty() {
            let assumed: Vec<_> = self.asked.assumed.iter().map(|part| part.words()).collect();
            writeln!(f, "assumed: {}", assumed.join(", "))?;
        }
        writeln!(f, "\n{}: it {}", self.verdict(), self.because())?;
        for rule in self.outcome.rule.iter().filter_map(|id| self.rule(id)) {
            writeln!(f, "  by {}: {}", rule.id, render::nft_rule(rule))?;
        }
        self.write_others(f)
    }
}

impl Answer<'_> {
    fn write_others(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tried: Vec<_> = self.outcome.tried_before_decision().collect();
        if !tried.is_empty() {
            writeln!(f, "\ntried before, and why each did not fit:")?;
        }
        let ids = tried.iter().map(|(_, step, _)| step.rule.as_str().len());
        let width = ids.max().unwrap_or(0);
        for (_, step, mismatch) in &tried {
            writeln!(f, "  {:width$}  {mismatch}", step.rule.as_str())?;
        }
        let mut heading = "\non the way:\n";
        for rule in self.on_the_way() {
            writeln!(f, "{heading}  {}: {}", rule.id, render::nft_rule(rule))?;
            heading = "";
        }
        Ok(())
    }
}

#[derive(Serialize)]
struct Object<'a> {
    version: u32,
    verdict: &'static str,
    port: Option<u16>,
    rule: Option<&'a str>,
    because: String,
    connection: ConnectionObject<'a>,
    tried: Vec<Tried<'a>>,
    on_the_way: Vec<&'a str>,
    zone: Option<u16>,
    mark: u32,
    ctmark: u32,
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
