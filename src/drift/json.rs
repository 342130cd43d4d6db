//! The differences as JSON.

use serde::Serialize;

use crate::json;
use crate::render;
use crate::ruleset::{Elements, Installed, Rule, RuleId, Ruleset, Set, SetName, Unmanaged};

use super::compare::{Change, Difference, RuleChange};

/// The version of the JSON output. It grows when a field is removed or changes its meaning; fields, and kinds of
/// differences, may be added at any time.
pub const SCHEMA: u32 = 1;

/// The differences as a JSON object on one line. `wanted` and `installed` are the compared rules.
#[must_use]
pub fn json(differences: &[Difference], wanted: &Ruleset, installed: &Installed) -> String {
    #[derive(Serialize)]
    struct ReportJson<'a> {
        version: u32,
        equal: bool,
        differences: Vec<DifferenceJson<'a>>,
    }
    json::line(&ReportJson {
        version: SCHEMA,
        equal: differences.is_empty(),
        differences: differences_json(differences, wanted, installed),
    })
}

/// The differences, as part of another JSON object.
pub(crate) fn differences_json<'a>(
    differences: &'a [Difference],
    wanted: &Ruleset,
    installed: &Installed,
) -> Vec<DifferenceJson<'a>> {
    let all = differences.iter();
    all.map(|difference| difference_json(difference, wanted, installed))
        .collect()
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum DifferenceJson<'a> {
    Table {
        change: &'static str,
    },
    Chain {
        name: &'a str,
        change: &'static str,
        installed: Option<String>,
        wanted: Option<String>,
    },
    Rule {
        chain: &'a str,
        id: &'a RuleId,
        change: &'static str,
        installed: Option<String>,
        wanted: Option<String>,
    },
    Set {
        name: &'a SetName,
        change: &'static str,
        #[serde(rename = "type")]
        kind: Option<&'static str>,
        installed: Vec<String>,
        wanted: Vec<String>,
    },
    Routing {
        change: &'static str,
        command: String,
    },
    #[serde(rename = "foreign")]
    Unmanaged {
        chain: Option<&'a str>,
        name: &'a str,
        what: &'a str,
    },
}

fn difference_json<'a>(
    difference: &'a Difference,
    wanted: &Ruleset,
    installed: &Installed,
) -> DifferenceJson<'a> {
    match difference {
        Difference::NoTable => DifferenceJson::Table {
            change: word(Change::Missing),
        },
        Difference::Chain(name, change) => DifferenceJson::Chain {
            name,
            change: word(*change),
            installed: installed.ruleset.chain(name).map(render::nft_chain),
            wanted: wanted.chain(name).map(render::nft_chain),
        },
        Difference::Rule(chain, id, change) => rule(chain, id, change),
        Difference::Set(name, change) => {
            let (wanted, installed) = (wanted.set(name), installed.ruleset.set(name));
            let elements =
                |set: Option<&Set>| set.map_or_else(Vec::new, |set| texts(&set.elements));
            DifferenceJson::Set {
                name,
                change: word(*change),
                kind: wanted.or(installed).map(|set| set.elements.type_name()),
                installed: elements(installed),
                wanted: elements(wanted),
            }
        }
        Difference::Elements(set, missing, unmanaged) => DifferenceJson::Set {
            name: set,
            change: "elements",
            kind: Some(missing.type_name()),
            installed: texts(unmanaged),
            wanted: texts(missing),
        },
        Difference::Routing(object, change) => DifferenceJson::Routing {
            change: word(*change),
            command: render::ip_command(object),
        },
        Difference::Unmanaged(unmanaged) => DifferenceJson::unmanaged(unmanaged),
    }
}

impl<'a> DifferenceJson<'a> {
    /// An object that the model cannot express.
    pub(crate) fn unmanaged(unmanaged: &'a Unmanaged) -> Self {
        Self::Unmanaged {
            chain: unmanaged.chain.as_deref(),
            name: &unmanaged.name,
            what: &unmanaged.what,
        }
    }
}

fn rule<'a>(chain: &'a str, id: &'a RuleId, change: &RuleChange) -> DifferenceJson<'a> {
    let (change, installed, wanted): (_, Option<&Rule>, Option<&Rule>) = match change {
        RuleChange::Missing(wanted) => (word(Change::Missing), None, Some(wanted)),
        RuleChange::Changed { wanted, installed } => {
            (word(Change::Changed), Some(installed), Some(wanted))
        }
        RuleChange::Unmanaged(installed) => (word(Change::Unmanaged), Some(installed), None),
        RuleChange::Reordered(rule) => ("reordered", Some(rule), Some(rule)),
        RuleChange::Uncounted(wanted) => ("uncounted", None, Some(wanted)),
    };
    DifferenceJson::Rule {
        chain,
        id,
        change,
        installed: installed.map(render::nft_rule),
        wanted: wanted.map(render::nft_rule),
    }
}

const fn word(change: Change) -> &'static str {
    match change {
        Change::Missing => "missing",
        Change::Changed => "changed",
        Change::Unmanaged => "foreign",
    }
}

fn texts(elements: &Elements) -> Vec<String> {
    render::elements(elements).collect()
}
