//! The log levels of Linkerd's flags.

use crate::options::Level;
use crate::parse::ValueError;

/// The level of the word.
pub(super) fn level(text: &str) -> Result<Level, ValueError> {
    Ok(match text.to_ascii_lowercase().as_str() {
        "trace" => Level::Trace,
        "debug" => Level::Debug,
        "info" => Level::Info,
        "warn" | "warning" => Level::Warning,
        "error" | "fatal" | "panic" => Level::Error,
        _ => {
            return Err(ValueError::word(
                text,
                "trace, debug, info, warn, error, fatal, panic",
            ));
        }
    })
}
