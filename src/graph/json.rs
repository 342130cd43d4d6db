//! The flowchart as JSON.

use std::net::SocketAddr;

use serde::{Serialize, Serializer};

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
    let version = SCHEMA;
    json::line(&DiagramJson { version, diagram }) + "\n"
}

impl Serialize for Ending {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let leave = Verdict::Leave.name();
        let server = match self {
            Self::Verdict(verdict, _) => verdict.server(),
            Self::Next(_) | Self::Done(..) | Self::GoesOn(_) | Self::Unknown => None,
        };
        let (verdict, port, next) = match self {
            Self::Verdict(verdict, _) => (Some(verdict.name()), verdict.port(), None),
            Self::Next(chain) | Self::Done(_, Some(chain)) => (None, None, Some(chain.as_str())),
            Self::Done(_, None) => (Some(leave), None, None),
            Self::GoesOn(_) => (None, None, None),
            Self::Unknown => (Some("unknown"), None, None),
        };
        let json = EndingJson {
            text: self.to_string(),
            verdict,
            port: port.map(Port::number),
            server,
            next,
        };
        json.serialize(serializer)
    }
}

#[derive(Serialize)]
struct DiagramJson<'a> {
    version: u32,
    #[serde(flatten)]
    diagram: &'a Diagram,
}

#[derive(Serialize)]
struct EndingJson<'a> {
    text: String,
    verdict: Option<&'static str>,
    port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<SocketAddr>,
    next: Option<&'a str>,
}
