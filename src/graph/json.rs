//! For programs.

use serde::Serialize;

use crate::explain::Verdict;
use crate::intent::Port;

use super::diagram::{Diagram, Ending, Lane, Question, Stage};

/// The version of the JSON form. It grows when a field goes away or changes its meaning; fields may be added at
/// any time.
pub const SCHEMA: u32 = 1;

/// The diagram as a JSON object, on one line.
#[must_use]
pub fn json(diagram: &Diagram) -> String {
    let object = Object {
        version: SCHEMA,
        lanes: diagram.lanes.iter().map(lane).collect(),
    };
    // No map here has keys that are not text, the one thing that can fail.
    serde_json::to_string(&object).unwrap_or_default() + "\n"
}

fn lane(lane: &Lane) -> LaneObject<'_> {
    LaneObject {
        title: lane.title,
        note: lane.note,
        chains: lane.stages.iter().map(chain).collect(),
    }
}

fn chain(stage: &Stage) -> ChainObject<'_> {
    ChainObject {
        title: &stage.title,
        questions: stage.questions.iter().map(question).collect(),
        rest: stage.rest.as_ref().map(ending),
    }
}

fn question(question: &Question) -> QuestionObject<'_> {
    QuestionObject {
        words: &question.words,
        values: &question.values,
        id: &question.id,
        ending: ending(&question.ending),
    }
}

fn ending(ending: &Ending) -> EndingObject<'_> {
    let leave = Verdict::Leave.name();
    let (verdict, port, next) = match ending {
        Ending::Verdict(verdict, _) => (Some(verdict.name()), verdict.port(), None),
        Ending::Next(chain) | Ending::Done(_, Some(chain)) => (None, None, Some(chain.as_str())),
        Ending::Done(_, None) => (Some(leave), None, None),
        Ending::GoesOn(_) => (None, None, None),
        Ending::Unknown => (Some("unknown"), None, None),
    };
    EndingObject {
        text: ending.to_string(),
        verdict,
        port: port.map(Port::number),
        next,
    }
}

#[derive(Serialize)]
struct Object<'a> {
    version: u32,
    lanes: Vec<LaneObject<'a>>,
}

#[derive(Serialize)]
struct LaneObject<'a> {
    title: &'a str,
    note: Option<&'a str>,
    chains: Vec<ChainObject<'a>>,
}

#[derive(Serialize)]
struct ChainObject<'a> {
    title: &'a str,
    questions: Vec<QuestionObject<'a>>,
    rest: Option<EndingObject<'a>>,
}

#[derive(Serialize)]
struct QuestionObject<'a> {
    words: &'a str,
    values: &'a str,
    id: &'a str,
    ending: EndingObject<'a>,
}

#[derive(Serialize)]
struct EndingObject<'a> {
    text: String,
    verdict: Option<&'static str>,
    port: Option<u16>,
    next: Option<&'a str>,
}
