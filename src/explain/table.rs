//! The outcomes of typical connections as a table: owners by destinations, in both directions.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::net::SocketAddr;

use serde::Serialize;

use crate::connection::Connection;
use crate::intent::Port;
use crate::json;
use crate::ruleset::Installed;

use super::answer::{Answer, AnswerJson, SCHEMA};
use super::cases::{Case, Cases, Row};
use super::complete::Completed;
use super::evaluate::evaluate_installed;
use super::outcome::{Outcome, Verdict};
use super::purpose::listener;

/// The outcomes of typical connections.
#[derive(Clone, Debug)]
pub struct Table {
    owners: Vec<String>,
    outbound: Vec<Line>,
    inbound: Vec<Line>,
}

/// A line: a source or destination, and the outcome for each owner.
#[derive(Clone, Debug)]
struct Line {
    label: String,
    note: String,
    outcomes: Vec<(Connection, Outcome)>,
}

impl Table {
    /// Evaluates the typical connections under these rules.
    #[must_use]
    pub fn new(installed: &Installed) -> Self {
        let cases = Cases::of(installed);
        let lines = |rows: &[Row]| rows.iter().flat_map(|row| lines(installed, row)).collect();
        Self {
            owners: cases.owners.iter().map(ToString::to_string).collect(),
            outbound: lines(&cases.outbound),
            inbound: lines(&cases.inbound),
        }
    }

    /// The proxy's ports that connections go to.
    fn listeners(&self) -> BTreeMap<Port, &'static str> {
        let lines = self.outbound.iter().chain(&self.inbound);
        let outcomes = lines.flat_map(|line| &line.outcomes);
        outcomes
            .filter_map(|(_, outcome)| {
                let listener = listener(outcome.rule.as_ref()?)?;
                Some((outcome.verdict.port()?, listener))
            })
            .collect()
    }

    /// The answers for all connections, row by row: a JSON object on one line.
    #[must_use]
    pub fn json(&self, rules: &Installed) -> String {
        let lines = self.outbound.iter().chain(&self.inbound);
        let outcomes = lines.flat_map(|line| &line.outcomes);
        let completed: Vec<_> = outcomes
            .map(|(connection, outcome)| {
                let completed = Completed {
                    connection: connection.clone(),
                    assumed: Vec::new(),
                    lacks_address: false,
                };
                (completed, outcome)
            })
            .collect();
        let answers = completed.iter();
        json::line(&TableJson {
            version: SCHEMA,
            connections: answers
                .map(|(asked, outcome)| Answer::new(rules, asked, outcome).object(None))
                .collect(),
        })
    }
}

#[derive(Serialize)]
struct TableJson<'a> {
    version: u32,
    connections: Vec<AnswerJson<'a>>,
}

/// One line for both families, or one for each where they differ.
fn lines(installed: &Installed, row: &Row) -> Vec<Line> {
    let line = |case: &Case| Line {
        label: case.label.clone(),
        note: row.note.clone(),
        outcomes: case
            .connections
            .iter()
            .map(|connection| {
                let outcome = evaluate_installed(installed, connection);
                (connection.clone(), outcome)
            })
            .collect(),
    };
    let mut lines: Vec<_> = row.cases.iter().map(line).collect();
    match lines.as_mut_slice() {
        [only] => only.label.clone_from(&row.label),
        [first, second] if first.words() == second.words() => {
            first.label.clone_from(&row.label);
            first.outcomes.append(&mut second.outcomes);
            lines.truncate(1);
        }
        _ => {}
    }
    lines
}

impl Line {
    /// The outcomes as words.
    fn words(&self) -> Vec<String> {
        let outcomes = self.outcomes.iter();
        outcomes.map(|(_, outcome)| word(outcome)).collect()
    }
}

fn word(outcome: &Outcome) -> String {
    if !outcome.undetermined.is_empty() {
        return "undetermined".to_owned();
    }
    match outcome.verdict {
        Verdict::Redirect(port) => port.to_string(),
        Verdict::Tproxy(port) => format!("tproxy {port}"),
        Verdict::Dnat(address, port) => SocketAddr::new(address, port.number()).to_string(),
        Verdict::Leave => "not captured".to_owned(),
        Verdict::Drop => "dropped".to_owned(),
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut owners = vec!["outbound", ""];
        owners.extend(self.owners.iter().map(String::as_str));
        write_lines(f, &owners, &self.outbound)?;
        f.write_char('\n')?;
        write_lines(f, &["inbound", "", "goes to"], &self.inbound)?;
        let mut listeners = self.listeners().into_iter();
        if let Some((port, listener)) = listeners.next() {
            write!(f, "\n{port} is {listener}")?;
            for (port, listener) in listeners {
                write!(f, ", {port} {listener}")?;
            }
            f.write_char('\n')?;
        }
        Ok(())
    }
}

/// The lines in columns, under a heading.
fn write_lines(f: &mut fmt::Formatter<'_>, heading: &[&str], lines: &[Line]) -> fmt::Result {
    let heading: Vec<_> = heading.iter().map(|&text| text.to_owned()).collect();
    let rows: Vec<Vec<String>> = lines
        .iter()
        .map(|line| {
            let words = line.words().into_iter().take(heading.len() - 2);
            [line.label.clone(), line.note.clone()]
                .into_iter()
                .chain(words)
                .collect()
        })
        .collect();
    let widths: Vec<_> = (0..heading.len())
        .map(|column| {
            let cells = rows
                .iter()
                .chain([&heading])
                .filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    for row in [&heading].into_iter().chain(&rows) {
        let cells = row.iter().zip(&widths).filter(|(_, width)| **width > 0);
        let line: Vec<_> = cells
            .map(|(cell, &width)| format!("{cell:width$}"))
            .collect();
        writeln!(f, "{}", line.join("  ").trim_end())?;
    }
    Ok(())
}
