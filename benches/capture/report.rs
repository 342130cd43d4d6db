//! The figures as text and as Markdown, and whether they are within their limits.

use std::fmt::Write as _;

use crate::sample::Measured;

/// The limit of a ratio or an amount.
#[derive(Clone, Copy)]
pub(crate) enum Limit {
    /// The figure is for comparison only.
    None,
    /// At least this much.
    AtLeast(f64),
    /// At most this much.
    AtMost(f64),
    /// Below this.
    Below(f64),
}

impl Limit {
    fn is_met_by(self, figure: f64) -> bool {
        match self {
            Self::None => true,
            Self::AtLeast(bound) => figure >= bound,
            Self::AtMost(bound) => figure <= bound,
            Self::Below(bound) => figure < bound,
        }
    }

    fn text(self) -> String {
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
    missed: Vec<String>,
}

impl Report {
    /// A heading, a sentence and the head of a table.
    pub(crate) fn section(&mut self, heading: &str, explanation: &str, columns: &[&str]) {
        let rules = vec!["---"; columns.len()].join(" | ");
        let section = format!(
            "\n## {heading}\n\n{explanation}\n\n| {} |\n| {rules} |\n",
            columns.join(" | ")
        );
        print!("{section}");
        self.text.push_str(&section);
    }

    /// A row whose last columns are a figure, its limit, and whether the figure is within it.
    pub(crate) fn row(&mut self, cells: &[&str], figure: f64, limit: Limit) {
        let met = limit.is_met_by(figure);
        let verdict = match limit {
            Limit::None => "",
            _ if met => ", met",
            _ => ", **not met**",
        };
        let row = format!(
            "| {} | {figure:.2} | {}{verdict} |\n",
            cells.join(" | "),
            limit.text()
        );
        print!("{row}");
        self.text.push_str(&row);
        if !met {
            self.missed.push(format!(
                "{}: {figure:.2}, limit {}",
                cells.join(", "),
                limit.text()
            ));
        }
    }

    /// A table of how the others' times compare with that of the first contender.
    pub(crate) fn race(&mut self, measured: &[Measured]) {
        let Some((ours, others)) = measured.split_first() else {
            return;
        };
        for other in others {
            let ratio = match other.limit {
                // "Within 1.3 times of it": our time in terms of the other's.
                Limit::AtMost(_) => ours.milliseconds.median / other.milliseconds.median,
                Limit::None | Limit::AtLeast(_) | Limit::Below(_) => {
                    other.milliseconds.median / ours.milliseconds.median
                }
            };
            let cells = [
                other.name,
                &other.milliseconds.to_string(),
                &ours.milliseconds.to_string(),
            ];
            self.row(&cells, ratio, other.limit);
        }
    }

    /// The whole as Markdown.
    pub(crate) fn markdown(&self, preface: &str) -> String {
        let mut markdown = String::from(preface);
        let _ = write!(markdown, "{}", self.text);
        markdown
    }

    /// The figures that are not within their limits.
    pub(crate) fn missed(&self) -> &[String] {
        &self.missed
    }
}
