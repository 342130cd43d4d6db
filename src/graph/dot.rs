//! For Graphviz (<https://graphviz.org>).

use std::fmt::{self, Write};

use super::diagram::{Diagram, Ending, Lane, Question};
use super::mermaid::class;

const BEGIN: &str = r##"digraph netweir {
  graph [rankdir=TB, nodesep=0.35, ranksep=0.25, splines=line, fontname="sans-serif"];
  node [shape=box, style="filled", fontname="sans-serif", fontsize=11, margin="0.12,0.06", fillcolor="#f6f8fa", color="#8c959f"];
  edge [fontname="sans-serif", fontsize=10, color="#57606a", arrowsize=0.7];
"##;

/// The diagram in the DOT language: what fits a question goes to the right of it, what does not down.
#[must_use]
pub fn dot(diagram: &Diagram) -> String {
    let mut text = BEGIN.to_owned();
    // Writing to a string does not fail.
    let _ = write(&mut text, diagram);
    text
}

fn write(f: &mut String, diagram: &Diagram) -> fmt::Result {
    for (number, lane) in diagram.lanes.iter().enumerate() {
        write_lane(f, &format!("lane{number}"), lane)?;
    }
    f.write_str("}\n")
}

fn write_lane(f: &mut String, name: &str, lane: &Lane) -> fmt::Result {
    let mut last = format!("{name}_start");
    let remark = lane.note.map(|note| format!("\n{note}"));
    let title = quoted(&format!("{}{}", lane.title, remark.unwrap_or_default()));
    writeln!(
        f,
        "  {last} [label={title}, style=\"filled,rounded\", fillcolor=\"#eaeef2\"];"
    )?;
    let mut label = "";
    for (number, stage) in lane.stages.iter().enumerate() {
        if lane.stages.len() > 1 {
            let node = format!("{name}_{number}");
            let title = quoted(&stage.title);
            writeln!(f, "  {node} [label={title}, shape=plaintext, style=\"\"];")?;
            edge(f, &last, &node, label)?;
            (last, label) = (node, "");
        }
        for (step, question) in stage.questions.iter().enumerate() {
            let node = format!("{name}_{number}_{step}");
            writeln!(f, "  {node} [label={}];", quoted(&asked(question)))?;
            edge(f, &last, &node, label)?;
            write_ending(f, &node, "yes", &question.ending)?;
            let goes_on = matches!(question.ending, Ending::GoesOn(_));
            (last, label) = (node, if goes_on { "" } else { "no" });
        }
        let is_last = number + 1 == lane.stages.len();
        if let Some(rest) = stage.rest.as_ref().filter(|_| is_last) {
            let node = format!("{name}_{number}_rest");
            writeln!(f, "  {node} [label=\"is anything else\"];")?;
            edge(f, &last, &node, label)?;
            write_ending(f, &node, "", rest)?;
        }
    }
    Ok(())
}

fn edge(f: &mut String, from: &str, to: &str, label: &str) -> fmt::Result {
    // Beside the line, not on it.
    let label = if label.is_empty() {
        ""
    } else {
        &format!(" {label}")
    };
    writeln!(f, "  {from} -> {to} [label={}, weight=9];", quoted(label))
}

/// The node of the ending, on the height of its question.
fn write_ending(f: &mut String, question: &str, label: &str, ending: &Ending) -> fmt::Result {
    let words = match ending {
        Ending::Verdict(verdict, Some(listener)) => format!("{verdict}\n{listener}"),
        Ending::Verdict(_, None)
        | Ending::Next(_)
        | Ending::Done(..)
        | Ending::GoesOn(_)
        | Ending::Unknown => ending.to_string(),
    };
    let (fill, line) = match class(ending) {
        "proxy" => ("#ddf4ff", "#0969da"),
        "leave" => ("#dafbe1", "#1a7f37"),
        "drop" => ("#ffebe9", "#cf222e"),
        "unknown" => ("#fff8c5", "#9a6700"),
        _ => ("#f6f8fa", "#8c959f"),
    };
    writeln!(
        f,
        "  {question}_e [label={}, style=\"filled,rounded\", fillcolor=\"{fill}\", color=\"{line}\"];",
        quoted(&words)
    )?;
    writeln!(
        f,
        "  {{ rank=same; {question} -> {question}_e [label={}]; }}",
        quoted(label)
    )
}

fn asked(question: &Question) -> String {
    let lines = [&question.words, &question.values, &question.id];
    let lines = lines.into_iter().filter(|line| !line.is_empty());
    lines.map(String::as_str).collect::<Vec<_>>().join("\n")
}

/// As a string of the language. Of what is no text, only the ends of lines stay.
fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    let text = text.replace('\n', "\\n").replace(char::is_control, " ");
    format!("\"{text}\"")
}
