//! The rules that were tried for a connection, as text for failures.

use std::fmt::Write;

use netweir::explain::{Fit, Outcome};

/// The verdict with its rule, and a line for every chain and rule that was tried.
pub fn steps(outcome: &Outcome) -> String {
    let mut text = match &outcome.rule {
        Some(rule) => format!("{}, by {rule}\n", outcome.verdict),
        None => format!("{}, by no rule\n", outcome.verdict),
    };
    for visit in &outcome.trace {
        let _ = writeln!(text, "  {} ({})", visit.chain, visit.hook);
        for step in &visit.steps {
            let _ = match &step.fit {
                Fit::Mismatched(mismatch) => writeln!(text, "    no   {}: {mismatch}", step.rule),
                Fit::Matched(_) => writeln!(text, "    yes  {}", step.rule),
                Fit::Undetermined => writeln!(text, "    ?    {}", step.rule),
            };
        }
    }
    text
}
