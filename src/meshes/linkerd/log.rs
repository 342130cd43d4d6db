//! Linkerd's log flags.

use crate::options::{Level, LogFormat, LogOptions, OptionError, OptionValues};
use crate::parse::ValueError;

use super::LinkerdFlag;

/// The format and the level of messages.
pub(super) fn log_options(
    values: &OptionValues<LinkerdFlag>,
) -> Result<LogOptions, Vec<OptionError>> {
    let mut errors = Vec::new();
    let format = LogFormat::parse(values.text(LinkerdFlag::LogFormat));
    let level = level(values.text(LinkerdFlag::LogLevel));
    match (format, level) {
        (Ok(format), Ok(level)) => Ok(LogOptions { format, level }),
        (format, level) => {
            let wrong = [
                format.err().map(|error| (LinkerdFlag::LogFormat, error)),
                level.err().map(|error| (LinkerdFlag::LogLevel, error)),
            ];
            errors.extend(
                wrong
                    .into_iter()
                    .flatten()
                    .map(|(flag, error)| OptionError {
                        option: values.name(flag),
                        problem: error.into(),
                    }),
            );
            Err(errors)
        }
    }
}

fn level(text: &str) -> Result<Level, ValueError> {
    Ok(match text.to_ascii_lowercase().as_str() {
        "trace" => Level::Trace,
        "debug" => Level::Debug,
        "info" => Level::Info,
        "warn" | "warning" => Level::Warning,
        "error" | "fatal" | "panic" => Level::Error,
        _ => {
            return Err(ValueError::Word {
                text: text.to_owned(),
                accepted: "trace, debug, info, warn, error, fatal, panic",
            });
        }
    })
}
