//! The figures as text and as Markdown, and whether what is promised of them holds.

use std::fmt::Write as _;

use crate::sample::Measured;

/// What is promised of a ratio or an amount.
#[derive(Clone, Copy)]
pub(crate) enum Promise {
    /// Nothing: the figure is for comparison.
    None,
    /// At least this much.
    AtLeast(f64),
    /// At most this much.
    AtMost(f64),
    /// Below this.
    Below(f64),
}

impl Promise {
    fn holds(self, figure: f64) -> bool {
        match self {
            Self::None => true,
            Self::AtLeast(bound) => figure >= bound,
            Self::AtMost(bound) => figure <= bound,
            Self::Below(bound) => figure < bound,
        }
    }

    fn told(self) -> String {
        match self {
            Self::None => String::new(),
            Self::AtLeast(bound) => format!("at least {bound}"),
            Self::AtMost(bound) => format!("at most {bound}"),
            Self::Below(bound) => format!("under {bound}"),
        }
    }
}

/// Tables under headings, in the order in which they are added.
#[derive(Default)]
pub(crate) struct Report {
    text: String,
    broken: Vec<String>,
}

impl Report {
    /// A heading, a sentence and the head of a table.
    pub(crate) fn section(&mut self, heading: &str, told: &str, columns: &[&str]) {
        let rules = vec!["---"; columns.len()].join(" | ");
        let section = format!(
            "\n## {heading}\n\n{told}\n\n| {} |\n| {rules} |\n",
            columns.join(" | ")
        );
        print!("{section}");
        self.text.push_str(&section);
    }

    /// A row whose last columns are a figure, what is promised of it and whether that holds.
    pub(crate) fn row(&mut self, cells: &[&str], figure: f64, promise: Promise) {
        let holds = promise.holds(figure);
        let verdict = match promise {
            Promise::None => "",
            _ if holds => ", holds",
            _ => ", **broken**",
        };
        let row = format!(
            "| {} | {figure:.2} | {}{verdict} |\n",
            cells.join(" | "),
            promise.told()
        );
        print!("{row}");
        self.text.push_str(&row);
        if !holds {
            self.broken.push(format!(
                "{}: {figure:.2}, promised {}",
                cells.join(", "),
                promise.told()
            ));
        }
    }

    /// A table of how the others' times compare with that of the first contender.
    pub(crate) fn race(&mut self, measured: &[Measured]) {
        let Some((ours, others)) = measured.split_first() else {
            return;
        };
        for other in others {
            let ratio = match other.promise {
                // "Within 1.3 times of it": our time in terms of the other's.
                Promise::AtMost(_) => ours.milliseconds.median / other.milliseconds.median,
                Promise::None | Promise::AtLeast(_) | Promise::Below(_) => {
                    other.milliseconds.median / ours.milliseconds.median
                }
            };
            let cells = [
                other.name,
                &other.milliseconds.to_string(),
                &ours.milliseconds.to_string(),
            ];
            self.row(&cells, ratio, other.promise);
        }
    }

    /// The whole as Markdown.
    pub(crate) fn markdown(&self, preface: &str) -> String {
        let mut markdown = String::from(preface);
        let _ = write!(markdown, "{}", self.text);
        markdown
    }

    /// The promises that do not hold.
    pub(crate) fn broken(&self) -> &[String] {
        &self.broken
    }
}
