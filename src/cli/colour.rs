//! Colour, where it is seen.

use std::fmt::Display;
use std::io::{self, IsTerminal};

use crate::explain::Verdict;

/// Whether text is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Not at all.
    Plain,
    /// By the escape sequences of ECMA-48.
    Coloured,
}

/// A colour of the terminal's own eight, which fit its background.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    Red,
    Green,
    Cyan,
}

impl Colour {
    /// Of what becomes of a connection; `None` if it is not known.
    pub(super) const fn of(verdict: Option<Verdict>) -> Self {
        match verdict {
            Some(Verdict::Redirect(_) | Verdict::Tproxy(_) | Verdict::Dnat(..)) => Self::Cyan,
            Some(Verdict::Leave) => Self::Green,
            Some(Verdict::Drop) | None => Self::Red,
        }
    }
}

impl Style {
    /// Standard output's: coloured on a terminal that knows colours, unless `NO_COLOR` has a value
    /// (<https://no-color.org>).
    pub(super) fn of_output() -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        if io::stdout().is_terminal() && !dumb && !set("NO_COLOR") {
            Self::Coloured
        } else {
            Self::Plain
        }
    }

    /// The text in the colour.
    pub(super) fn paint(self, colour: Colour, text: impl Display) -> String {
        let code = match colour {
            Colour::Red => 31,
            Colour::Green => 32,
            Colour::Cyan => 36,
        };
        match self {
            Self::Plain => text.to_string(),
            Self::Coloured => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }
}
