//! Standard output, which has what was asked for and nothing else.

use std::io::{self, Write};

use crate::exit_code::ExitCode;
use crate::log::Log;

use super::error::CliError;

/// Prints the text.
pub(super) fn print(text: &str) -> Result<(), CliError> {
    let mut output = io::stdout().lock();
    output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
        .map_err(CliError::Output)
}

/// Prints the text and ends.
pub(super) fn show(text: &str) -> ExitCode {
    match print(text) {
        Ok(()) => ExitCode::Done,
        Err(error) => error.report(Log::default()),
    }
}
