//! The status as JSON.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::drift::{DifferenceJson, differences_json};
use crate::json;
use crate::options::{OptionSet, line};
use crate::render;
use crate::ruleset::{InstalledRule, RuleId};

use super::Status;
use super::counted;

/// The version of the JSON output. It grows when a field is removed or changes its meaning; fields may be added at any
/// time.
pub const SCHEMA: u32 = 1;

impl Status {
    /// A JSON object on one line.
    #[must_use]
    pub fn json(&self) -> String {
        json::line(&self.object())
    }

    fn object(&self) -> StatusJson<'_> {
        let metadata = self.metadata();
        let wanted = self.wanted.as_ref();
        StatusJson {
            version: SCHEMA,
            installed: true,
            by: metadata.map(|metadata| MetadataJson {
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
                differences_json(&self.differences, wanted, &self.installed)
            }),
            unmanaged: self
                .installed
                .unmanaged
                .iter()
                .map(DifferenceJson::unmanaged)
                .collect(),
            routing: self
                .installed
                .ruleset
                .routing
                .iter()
                .map(render::ip_command)
                .collect(),
            warnings: &self.warnings,
            rules: self
                .installed
                .ruleset
                .rules()
                .map(|(chain, InstalledRule { rule, counter })| {
                    let (what, because) = counted::words(rule);
                    RuleJson {
                        chain: &chain.name,
                        id: &rule.id,
                        rule: render::nft_rule(rule),
                        count: *counter,
                        unit: counted::unit(chain),
                        what,
                        because,
                    }
                })
                .collect(),
        }
    }
}

/// The JSON object where no table is installed, with the `ip` commands of routing objects that exist nevertheless.
#[must_use]
pub fn nothing(routing: Vec<String>, warnings: &[String]) -> String {
    json::line(&StatusJson {
        version: SCHEMA,
        installed: false,
        by: None,
        note: None,
        sync: None,
        differences: Vec::new(),
        unmanaged: Vec::new(),
        routing,
        warnings,
        rules: Vec::new(),
    })
}

#[derive(Serialize)]
struct StatusJson<'a> {
    version: u32,
    installed: bool,
    by: Option<MetadataJson<'a>>,
    note: Option<String>,
    sync: Option<&'static str>,
    differences: Vec<DifferenceJson<'a>>,
    #[serde(rename = "foreign")]
    unmanaged: Vec<DifferenceJson<'a>>,
    routing: Vec<String>,
    warnings: &'a [String],
    rules: Vec<RuleJson<'a>>,
}

#[derive(Serialize)]
struct MetadataJson<'a> {
    version: &'a str,
    newer: bool,
    command: String,
    options: BTreeMap<&'static str, &'a str>,
    lost: &'a [String],
    unknown: &'a [String],
    edited: Vec<&'static str>,
}

#[derive(Serialize)]
struct RuleJson<'a> {
    chain: &'a str,
    id: &'a RuleId,
    rule: String,
    count: Option<u64>,
    unit: &'static str,
    what: String,
    because: String,
}
