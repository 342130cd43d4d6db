//! The differences for programs.

use serde::Serialize;

use crate::render;
use crate::ruleset::{Elements, Installed, Rule, Ruleset, Unmanaged};

use super::compare::{Change, Difference, RuleChange};

/// The version of the JSON form. It grows when a field goes away or changes its meaning; fields, and kinds of
/// differences, may be added at any time.
pub const SCHEMA: u32 = 1;

/// The differences as a JSON object, on one line. `wanted` and `installed` are what was compared.
#[must_use]
pub fn json(differences: &[Difference], wanted: &Ruleset, installed: &Installed) -> String {
    let report = Report {
        version: SCHEMA,
        equal: differences.is_empty(),
        differences: objects(differences, wanted, installed),
    };
    // No map here has keys that are not text, the one thing that can fail.
    serde_json::to_string(&report).unwrap_or_default()
}

/// The differences, to be serialized within something else.
pub(crate) fn objects<'a>(
    differences: &'a [Difference],
    wanted: &Ruleset,
    installed: &Installed,
) -> Vec<Object<'a>> {
    let all = differences.iter();
    all.map(|difference| object(difference, wanted, installed))
        .collect()
}

#[derive(Serialize)]
struct Report<'a> {
    version: u32,
    equal: bool,
    differences: Vec<Object<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum Object<'a> {
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
        id: &'a str,
        change: &'static str,
        installed: Option<String>,
        wanted: Option<String>,
    },
    Set {
        name: &'a str,
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
    Unmanaged {
        chain: Option<&'a str>,
        name: &'a str,
        what: &'a str,
    },
}

fn object<'a>(difference: &'a Difference, wanted: &Ruleset, installed: &Installed) -> Object<'a> {
    match difference {
        Difference::NoTable => Object::Table {
            change: word(Change::Missing),
        },
        Difference::Chain { name, change } => {
            let of = |ruleset: &Ruleset| {
                let mut chains = ruleset.chains.iter();
                let chain = chains.find(|chain| chain.name == *name)?;
                Some(render::nft_chain(chain))
            };
            Object::Chain {
                name,
                change: word(*change),
                installed: of(&installed.ruleset),
                wanted: of(wanted),
            }
        }
        Difference::Rule { chain, id, change } => rule(chain, id.as_str(), change),
        Difference::Set { name, change } => {
            let of = |ruleset: &Ruleset| {
                let elements = ruleset.set(name).map(|set| &set.elements);
                elements.map(texts).unwrap_or_default()
            };
            let set = wanted.set(name).or_else(|| installed.ruleset.set(name));
            Object::Set {
                name,
                change: word(*change),
                kind: set.map(|set| set.elements.type_name()),
                installed: of(&installed.ruleset),
                wanted: of(wanted),
            }
        }
        Difference::Elements {
            set,
            missing,
            foreign,
        } => Object::Set {
            name: set,
            change: "elements",
            kind: Some(missing.type_name()),
            installed: texts(foreign),
            wanted: texts(missing),
        },
        Difference::Routing { object, change } => Object::Routing {
            change: word(*change),
            command: render::ip_command(object),
        },
        Difference::Unmanaged(foreign) => Object::foreign(foreign),
    }
}

impl<'a> Object<'a> {
    /// Something that the model has no words for.
    pub(crate) fn foreign(foreign: &'a Unmanaged) -> Self {
        Self::Unmanaged {
            chain: foreign.chain.as_deref(),
            name: &foreign.name,
            what: &foreign.what,
        }
    }
}

fn rule<'a>(chain: &'a str, id: &'a str, change: &RuleChange) -> Object<'a> {
    let (change, installed, wanted): (_, Option<&Rule>, Option<&Rule>) = match change {
        RuleChange::Missing { wanted } => (word(Change::Missing), None, Some(wanted)),
        RuleChange::Changed { wanted, installed } => {
            (word(Change::Changed), Some(installed), Some(wanted))
        }
        RuleChange::Unmanaged { installed } => (word(Change::Unmanaged), Some(installed), None),
        RuleChange::Reordered { rule } => ("reordered", Some(rule), Some(rule)),
        RuleChange::Uncounted { wanted } => ("uncounted", None, Some(wanted)),
    };
    Object::Rule {
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
