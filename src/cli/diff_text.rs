//! Differences on a terminal, or in a pipe.

use crate::drift::{Amount, DiffSection, Sign};
use crate::log::Log;
use crate::options::Level;

use super::colour::{Colour, Style};

/// How much of long lists is shown: all with `-v`.
pub(super) fn amount(log: Log) -> Amount {
    if log.writes(Level::Debug) {
        Amount::All
    } else {
        Amount::First
    }
}

/// The sections as `diff -u` would show them, against what the name stands for.
pub(super) fn text(sections: &[DiffSection], wanted: &str, style: Style) -> String {
    if sections.is_empty() {
        return String::new();
    }
    let mut lines = vec![
        style.paint(Colour::Red, "--- installed"),
        style.paint(Colour::Green, format_args!("+++ {wanted}")),
    ];
    for section in sections {
        lines.push(style.paint(Colour::Cyan, format_args!("@@ {} @@", section.heading)));
        lines.extend(section.lines.iter().map(|(sign, text)| {
            let colour = match sign {
                Sign::Installed => Colour::Red,
                Sign::Wanted => Colour::Green,
            };
            style.paint(colour, format_args!("{}{text}", sign.character()))
        }));
    }
    lines.join("\n") + "\n"
}
