//! The flowchart for Mermaid (<https://mermaid.js.org>), which code hosts render in Markdown.

use std::fmt::{self, Write};

use super::diagram::{Content, Diagram, Ending, Lane, REST};

/// The styles of the classes of boxes, readable on light and dark backgrounds.
const STYLES: [(&str, &str); 6] = [
    ("start", "fill:#eaeef2,stroke:#57606a,color:#1f2328"),
    ("on", "fill:#f6f8fa,stroke:#8c959f,color:#1f2328"),
    ("proxy", "fill:#ddf4ff,stroke:#0969da,color:#0a3069"),
    ("leave", "fill:#dafbe1,stroke:#1a7f37,color:#0d3b1a"),
    ("drop", "fill:#ffebe9,stroke:#cf222e,color:#82071e"),
    ("unknown", "fill:#fff8c5,stroke:#9a6700,color:#4d2d00"),
];

/// Boxes close together, and wide enough for the id of a rule.
const LAYOUT: &str = "\
%%{init: {\"flowchart\": {\"rankSpacing\": 24, \"nodeSpacing\": 24, \"padding\": 8, \"wrappingWidth\": 420}}}%%
flowchart TB
";

/// The diagram as a Mermaid flowchart. The box of a question also has its ending; packets that do not match go on to the
/// next box.
#[must_use]
pub fn mermaid(diagram: &Diagram) -> String {
    let mut text = LAYOUT.to_owned();
    write(&mut text, diagram).expect("writing to a string succeeds");
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
    let note = lane.note.map(|note| format!("<br>{note}"));
    let note = note.unwrap_or_default();
    writeln!(f, "  {last}([\"<b>{}</b>{note}\"]):::start", lane.title)?;
    for (number, node) in lane.nodes().into_iter().enumerate() {
        let own = format!("{name}_{number}");
        let arrow = match node.arrow {
            "" => "-->".to_owned(),
            label => format!("-- {label} -->"),
        };
        let (label, class) = match node.content {
            Content::Heading(title) => (escaped(title), "start"),
            Content::Question(question) => {
                let ending = text(&question.ending);
                let lines = [&*question.words, &question.values, &ending];
                (label(&lines, &question.id), question.ending.class())
            }
            Content::Rest(ending) => (label(&[REST, &text(ending)], ""), ending.class()),
        };
        writeln!(f, "  {last} {arrow} {own}[\"{label}\"]:::{class}")?;
        last = own;
    }
    Ok(())
}

/// The lines that are not empty, the first one bold, and the id.
fn label(lines: &[&str], id: &str) -> String {
    let lines = lines.iter().filter(|line| !line.is_empty());
    let mut lines: Vec<_> = lines.map(|line| escaped(line)).collect();
    if let Some(first) = lines.first_mut() {
        *first = format!("<b>{first}</b>");
    }
    if !id.is_empty() {
        lines.push(format!("<small>{}</small>", escaped(id)));
    }
    lines.join("<br>")
}

/// Replaces characters with a meaning in labels by Mermaid's entity codes.
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
fn text(ending: &Ending) -> String {
    match ending.listener() {
        Some(listener) => format!("→ {ending}, {listener}"),
        None => format!("→ {ending}"),
    }
}
