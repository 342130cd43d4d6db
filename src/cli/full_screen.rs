//! A whole terminal, drawn over and over.

use std::fmt::Write;

use terminal_size::{Height, Width, terminal_size};

use super::error::CliError;
use super::output::print;

/// The size of a terminal that does not say how large it is.
const SIZE: (Width, Height) = (Width(80), Height(24));

/// The terminal's alternate screen (xterm's private mode 1049), with the cursor hidden (DEC private mode 25) and long
/// lines cut (7). Gone when this is dropped.
#[derive(Default)]
pub(super) struct Screen {
    lines: Vec<String>,
    size: Option<(Width, Height)>,
}

impl Screen {
    /// Takes the terminal.
    pub(super) fn open() -> Result<Self, CliError> {
        let screen = Self::default();
        print("\x1b[?1049h\x1b[?25l\x1b[?7l")?;
        Ok(screen)
    }

    /// Draws the text over the earlier one. Writes only the lines that differ and blanks none first, to avoid flicker.
    pub(super) fn show(&mut self, text: &str) -> Result<(), CliError> {
        let size = terminal_size().unwrap_or(SIZE);
        if self.size.replace(size) != Some(size) {
            // After a resize, the terminal's contents are unknown.
            self.lines.clear();
        }
        let rows = usize::from(size.1.0);
        let lines: Vec<_> = text.lines().take(rows).map(str::to_owned).collect();
        let mut changes = String::new();
        for (row, line) in lines.iter().enumerate() {
            if self.lines.get(row) != Some(line) {
                // The position (ECMA-48, CUP), and what is left of the old line erased (EL).
                let _ = write!(changes, "\x1b[{};1H{line}\x1b[K", row + 1);
            }
        }
        if lines.len() < rows {
            // Erased to the end of the screen (ED).
            let _ = write!(changes, "\x1b[{};1H\x1b[J", lines.len() + 1);
        }
        self.lines = lines;
        print(&changes)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing.
        let _ = print("\x1b[?7h\x1b[?25h\x1b[?1049l");
    }
}
