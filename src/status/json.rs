//! The status for programs.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::drift::{self, Object};
use crate::options::{OptionSet, line};
use crate::render;

use super::Status;
use super::counted;

/// The version of the JSON form. It grows when a field goes away or changes its meaning; fields may be added at
/// any time.
pub const SCHEMA: u32 = 1;

impl Status {
    /// A JSON object, on one line.
    #[must_use]
    pub fn json(&self) -> String {
        to_json(&self.object())
    }

    fn object(&self) -> Report<'_> {
        let metadata = self.metadata();
        let wanted = self.wanted.as_ref();
        Report {
            version: SCHEMA,
            installed: true,
            by: metadata.map(|metadata| By {
                version: &metadata.version,
                newer: metadata.is_newer(),
                command: line("apply", &metadata.options),
                options: metadata
                    .options
                    .iter()
                    .map(|(setting, text)| (setting.spec().name, text.as_str()))
                    .collect(),
                lost: &metadata.lost,
                unknown: &metadata.unknown,
                edited: metadata
                    .edited
                    .iter()
                    .map(|setting| setting.spec().name)
                    .collect(),
            }),
            note: self.metadata.as_ref().err().map(ToString::to_string),
            sync: Some(self.sync().name()),
            differences: wanted.map_or_else(Vec::new, |wanted| {
                drift::objects(&self.differences, wanted, &self.installed)
            }),
            foreign: self.installed.foreign.iter().map(Object::foreign).collect(),
            routing: self
                .installed
                .ruleset
                .routing
                .iter()
                .map(render::ip_command)
                .collect(),
            rules: counted::all(&self.installed)
                .map(|counted| {
                    let (what, because) = counted.words();
                    RuleObject {
                        chain: &counted.chain.name,
                        id: counted.rule.id.as_str(),
                        rule: render::nft_rule(counted.rule),
                        count: counted.count,
                        unit: counted::unit(counted.chain),
                        what,
                        because,
                    }
                })
                .collect(),
        }
    }
}

/// The JSON object where nothing is installed: these `ip` commands add what is there of routing all the same.
#[must_use]
pub fn nothing(routing: Vec<String>) -> String {
    to_json(&Report {
        version: SCHEMA,
        installed: false,
        by: None,
        note: None,
        sync: None,
        differences: Vec::new(),
        foreign: Vec::new(),
        routing,
        rules: Vec::new(),
    })
}

fn to_json(report: &Report<'_>) -> String {
    // No map here has keys that are not text, the one thing that can fail.
    serde_json::to_string(report).unwrap_or_default()
}

#[derive(Serialize)]
struct Report<'a> {
    version: u32,
    installed: bool,
    by: Option<By<'a>>,
    note: Option<String>,
    sync: Option<&'static str>,
    differences: Vec<Object<'a>>,
    foreign: Vec<Object<'a>>,
    routing: Vec<String>,
    rules: Vec<RuleObject<'a>>,
}

#[derive(Serialize)]
struct By<'a> {
    version: &'a str,
    newer: bool,
    command: String,
    options: BTreeMap<&'static str, &'a str>,
    lost: &'a [String],
    unknown: &'a [String],
    edited: Vec<&'static str>,
}

#[derive(Serialize)]
struct RuleObject<'a> {
    chain: &'a str,
    id: &'a str,
    rule: String,
    count: Option<u64>,
    unit: &'static str,
    what: String,
    because: String,
}
