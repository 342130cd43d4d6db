//! The flowchart as JSON.

use serde::Serialize;

use crate::explain::Verdict;
use crate::intent::Port;
use crate::json;

use super::diagram::{Diagram, Ending};

/// The version of the JSON output. It grows when a field is removed or changes its meaning; fields may be added at any
/// time.
pub const SCHEMA: u32 = 1;

/// The diagram as a JSON object on one line.
#[must_use]
pub fn json(diagram: &Diagram) -> String {
    let lanes = diagram.lanes.iter().map(|lane| LaneJson {
        title: lane.title,
        note: lane.note,
        chains: lane
            .stages
            .iter()
            .map(|stage| ChainJson {
                title: &stage.title,
                questions: stage
                    .questions
                    .iter()
                    .map(|question| QuestionJson {
                        words: &question.words,
                        values: &question.values,
                        id: &question.id,
                        ending: ending(&question.ending),
                    })
                    .collect(),
                rest: stage.rest.as_ref().map(ending),
            })
            .collect(),
    });
    json::line(&DiagramJson {
        version: SCHEMA,
        lanes: lanes.collect(),
    }) + "\n"
}

fn ending(ending: &Ending) -> EndingJson<'_> {
    let leave = Verdict::Leave.name();
    let (verdict, port, next) = match ending {
        Ending::Verdict(verdict, _) => (Some(verdict.name()), verdict.port(), None),
        Ending::Next(chain) | Ending::Done(_, Some(chain)) => (None, None, Some(chain.as_str())),
        Ending::Done(_, None) => (Some(leave), None, None),
        Ending::GoesOn(_) => (None, None, None),
        Ending::Unknown => (Some("unknown"), None, None),
    };
    EndingJson {
        text: ending.to_string(),
        verdict,
        port: port.map(Port::number),
        next,
    }
}

#[derive(Serialize)]
struct DiagramJson<'a> {
    version: u32,
    lanes: Vec<LaneJson<'a>>,
}

#[derive(Serialize)]
struct LaneJson<'a> {
    title: &'a str,
    note: Option<&'a str>,
    chains: Vec<ChainJson<'a>>,
}

#[derive(Serialize)]
struct ChainJson<'a> {
    title: &'a str,
    questions: Vec<QuestionJson<'a>>,
    rest: Option<EndingJson<'a>>,
}

#[derive(Serialize)]
struct QuestionJson<'a> {
    words: &'a str,
    values: &'a str,
    id: &'a str,
    ending: EndingJson<'a>,
}

#[derive(Serialize)]
struct EndingJson<'a> {
    text: String,
    verdict: Option<&'static str>,
    port: Option<u16>,
    next: Option<&'a str>,
}
