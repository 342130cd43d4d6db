//! The flowchart for Graphviz (<https://graphviz.org>).

use std::fmt::{self, Write};

use super::diagram::{Content, Diagram, Ending, Lane, REST};

const BEGIN: &str = r##"digraph netweir {
  graph [rankdir=TB, nodesep=0.35, ranksep=0.25, splines=line, fontname="sans-serif"];
  node [shape=box, style="filled", fontname="sans-serif", fontsize=11, margin="0.12,0.06", fillcolor="#f6f8fa", color="#8c959f"];
  edge [fontname="sans-serif", fontsize=10, color="#57606a", arrowsize=0.7];
"##;

/// The diagram in the DOT language: packets that match a question go right, the others down.
#[must_use]
pub fn dot(diagram: &Diagram) -> String {
    let mut text = BEGIN.to_owned();
    for (number, lane) in diagram.lanes.iter().enumerate() {
        write_lane(&mut text, &format!("lane{number}"), lane)
            .expect("writing to a string succeeds");
    }
    text + "}\n"
}

fn write_lane(f: &mut String, name: &str, lane: &Lane) -> fmt::Result {
    let mut last = format!("{name}_start");
    let title = lines([lane.title, lane.note.unwrap_or_default()]);
    writeln!(
        f,
        "  {last} [label={title}, style=\"filled,rounded\", fillcolor=\"#eaeef2\"];"
    )?;
    for (number, node) in lane.nodes().into_iter().enumerate() {
        let own = format!("{name}_{number}");
        let (label, style) = match node.content {
            Content::Heading(title) => (lines([title]), ", shape=plaintext, style=\"\""),
            Content::Question(question) => {
                (lines([&question.words, &question.values, &question.id]), "")
            }
            Content::Rest(_) => (lines([REST]), ""),
        };
        writeln!(f, "  {own} [label={label}{style}];")?;
        // The space keeps the label off the line.
        let space = if node.arrow.is_empty() { "" } else { " " };
        writeln!(
            f,
            "  {last} -> {own} [label=\"{space}{}\", weight=9];",
            node.arrow
        )?;
        match node.content {
            Content::Heading(_) => {}
            Content::Question(question) => write_ending(f, &own, "yes", &question.ending)?,
            Content::Rest(ending) => write_ending(f, &own, "", ending)?,
        }
        last = own;
    }
    Ok(())
}

/// Writes the node of the ending, at the height of its question.
fn write_ending(f: &mut String, question: &str, label: &str, ending: &Ending) -> fmt::Result {
    let (fill, line) = match ending.class() {
        "proxy" => ("#ddf4ff", "#0969da"),
        "leave" => ("#dafbe1", "#1a7f37"),
        "drop" => ("#ffebe9", "#cf222e"),
        "unknown" => ("#fff8c5", "#9a6700"),
        _ => ("#f6f8fa", "#8c959f"),
    };
    let words = lines([&ending.to_string(), ending.listener().unwrap_or_default()]);
    writeln!(
        f,
        "  {question}_e [label={words}, style=\"filled,rounded\", fillcolor=\"{fill}\", color=\"{line}\"];"
    )?;
    writeln!(
        f,
        "  {{ rank=same; {question} -> {question}_e [label=\"{label}\"]; }}"
    )
}

/// A string of the DOT language with the lines that are not empty; control characters become spaces.
fn lines<const N: usize>(lines: [&str; N]) -> String {
    let lines = lines
        .into_iter()
        .filter(|line| !line.is_empty())
        .map(|line| {
            let line = line.replace(char::is_control, " ");
            line.replace('\\', "\\\\").replace('"', "\\\"")
        });
    format!("\"{}\"", lines.collect::<Vec<_>>().join("\\n"))
}
