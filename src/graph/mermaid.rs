//! For Mermaid (<https://mermaid.js.org>), which code hosts draw in Markdown.

use std::fmt::{self, Write};

use crate::explain::Verdict;

use super::diagram::{Diagram, Ending, Lane, Question};

/// What the kinds of nodes look like: readable on light and on dark ground.
const STYLES: [(&str, &str); 6] = [
    ("start", "fill:#eaeef2,stroke:#57606a,color:#1f2328"),
    ("on", "fill:#f6f8fa,stroke:#8c959f,color:#1f2328"),
    ("proxy", "fill:#ddf4ff,stroke:#0969da,color:#0a3069"),
    ("leave", "fill:#dafbe1,stroke:#1a7f37,color:#0d3b1a"),
    ("drop", "fill:#ffebe9,stroke:#cf222e,color:#82071e"),
    ("unknown", "fill:#fff8c5,stroke:#9a6700,color:#4d2d00"),
];

/// Where what does not fit goes.
const NO: &str = "-- no -->";

/// Close together, and wide enough for a rule's id.
const LAYOUT: &str = "\
%%{init: {\"flowchart\": {\"rankSpacing\": 24, \"nodeSpacing\": 24, \"padding\": 8, \"wrappingWidth\": 420}}}%%
flowchart TB
";

/// The diagram as a Mermaid flowchart. What fits a question goes the way that its box tells, and has its colour; what
/// does not goes on to the next.
#[must_use]
pub fn mermaid(diagram: &Diagram) -> String {
    let mut text = LAYOUT.to_owned();
    // Writing to a string does not fail.
    let _ = write(&mut text, diagram);
    text
}

fn write(f: &mut String, diagram: &Diagram) -> fmt::Result {
    for (number, lane) in diagram.lanes.iter().enumerate() {
        write_lane(f, &format!("lane{number}"), lane)?;
    }
    for (class, style) in STYLES {
        writeln!(f, "  classDef {class} {style}")?;
    }
    Ok(())
}

fn write_lane(f: &mut String, name: &str, lane: &Lane) -> fmt::Result {
    let mut last = format!("{name}_start");
    let remark = lane.note.map(|note| format!("<br>{note}"));
    let remark = remark.unwrap_or_default();
    writeln!(f, "  {last}([\"<b>{}</b>{remark}\"]):::start", lane.title)?;
    let mut arrow = "-->";
    for (number, stage) in lane.stages.iter().enumerate() {
        let heading = (lane.stages.len() > 1).then(|| (escaped(&stage.title), "start"));
        let boxes = stage.questions.iter().map(|question| {
            let lines = [&question.words, &question.values, &told(&question.ending)];
            (label(&lines, &question.id), class(&question.ending))
        });
        // On to the next chain is where the arrow leads.
        let rest = stage
            .rest
            .iter()
            .filter(|_| number + 1 == lane.stages.len());
        let rest = rest.map(|rest| {
            let words = "is anything else".to_owned();
            (label(&[&words, &told(rest)], ""), class(rest))
        });
        let goes_on = |question: &Question| matches!(question.ending, Ending::GoesOn(_));
        let arrows = stage
            .questions
            .iter()
            .map(|question| if goes_on(question) { "-->" } else { NO });
        let arrows = heading.iter().map(|_| "-->").chain(arrows).chain([NO]);
        for (step, ((label, class), next)) in heading
            .clone()
            .into_iter()
            .chain(boxes)
            .chain(rest)
            .zip(arrows)
            .enumerate()
        {
            let node = format!("{name}_{number}_{step}");
            writeln!(f, "  {last} {arrow} {node}[\"{label}\"]:::{class}")?;
            last = node;
            arrow = next;
        }
    }
    Ok(())
}

/// The lines, the first of them bold, and the id.
fn label(lines: &[&String], id: &str) -> String {
    let lines = lines.iter().filter(|line| !line.is_empty());
    let lines: Vec<_> = lines.map(|line| escaped(line)).collect();
    let mut text = match lines.split_first() {
        Some((first, [])) => format!("<b>{first}</b>"),
        Some((first, others)) => format!("<b>{first}</b><br>{}", others.join("<br>")),
        None => String::new(),
    };
    if !id.is_empty() {
        text.extend(["<br><small>", &escaped(id), "</small>"]);
    }
    text
}

/// What has a meaning in a label, by Mermaid's entity codes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '#' => escaped.push_str("#35;"),
            '"' => escaped.push_str("#quot;"),
            '<' => escaped.push_str("#lt;"),
            '>' => escaped.push_str("#gt;"),
            '&' => escaped.push_str("#amp;"),
            '`' => escaped.push_str("#96;"),
            character if character.is_control() => escaped.push(' '),
            character => escaped.push(character),
        }
    }
    escaped
}

/// The ending, after an arrow.
fn told(ending: &Ending) -> String {
    match ending {
        Ending::Verdict(verdict, Some(listener)) => format!("→ {verdict}, {listener}"),
        Ending::Verdict(_, None)
        | Ending::Next(_)
        | Ending::Done(..)
        | Ending::GoesOn(_)
        | Ending::Unknown => format!("→ {ending}"),
    }
}

/// The kind of an ending.
pub(super) const fn class(ending: &Ending) -> &'static str {
    match ending {
        Ending::Verdict(Verdict::Redirect(_) | Verdict::Tproxy(_), _) => "proxy",
        Ending::Verdict(Verdict::Leave, _) => "leave",
        Ending::Verdict(Verdict::Drop, _) => "drop",
        Ending::Next(_) | Ending::Done(..) | Ending::GoesOn(_) => "on",
        Ending::Unknown => "unknown",
    }
}
