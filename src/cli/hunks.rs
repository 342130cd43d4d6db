//! Differences on a terminal, or in a pipe.

use crate::drift::{Amount, Hunk, Sign};
use crate::log::Log;
use crate::options::Level;

use super::style::{Colour, Style};

/// How much of long lists is shown: all with `-v`.
pub(super) fn amount(log: Log) -> Amount {
    if log.writes(Level::Debug) {
        Amount::All
    } else {
        Amount::First
    }
}

/// The hunks as `diff -u` would show them, against what the name stands for.
pub(super) fn text(hunks: &[Hunk], wanted: &str, style: Style) -> String {
    if hunks.is_empty() {
        return String::new();
    }
    let mut lines = vec![
        style.paint(Colour::Red, "--- installed"),
        style.paint(Colour::Green, format_args!("+++ {wanted}")),
    ];
    for hunk in hunks {
        lines.push(style.paint(Colour::Cyan, format_args!("@@ {} @@", hunk.heading)));
        lines.extend(hunk.lines.iter().map(|line| {
            let colour = match line.sign {
                Sign::Installed => Colour::Red,
                Sign::Wanted => Colour::Green,
            };
            let text = format_args!("{}{}", line.sign.character(), line.text);
            style.paint(colour, text)
        }));
    }
    lines.join("\n") + "\n"
}
