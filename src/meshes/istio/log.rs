//! Istio's log flags.

use crate::meshes::notation;
use crate::options::{Level, LogFormat, LogOptions, OptionError, OptionValues};
use crate::parse::ValueError;

use super::IstioFlag;

/// The format and the level of messages.
pub(super) fn log_options(
    values: &OptionValues<IstioFlag>,
) -> Result<LogOptions, Vec<OptionError>> {
    let mut errors = Vec::new();
    let mut noting = |flag, error: ValueError| {
        errors.push(OptionError {
            option: values.name(flag),
            problem: error.into(),
        });
    };
    let level = level(values.text(IstioFlag::LogOutputLevel))
        .map_err(|error| noting(IstioFlag::LogOutputLevel, error));
    let json = notation::go_switch(values.text(IstioFlag::LogAsJson))
        .map_err(|error| noting(IstioFlag::LogAsJson, error));
    match (level, json) {
        (Ok(level), Ok(json)) => Ok(LogOptions {
            format: if json {
                LogFormat::Json
            } else {
                LogFormat::Plain
            },
            level,
        }),
        _ => Err(errors),
    }
}

/// The level of the scopes `default` and `all`, of which the last counts, among `SCOPE:LEVEL` and levels alone.
fn level(text: &str) -> Result<Level, ValueError> {
    let mut level_of_default = Level::default();
    for entry in text.split(',').filter(|entry| !entry.is_empty()) {
        let (scope, word) = entry.split_once(':').unwrap_or(("default", entry));
        let level = match word {
            "debug" => Level::Debug,
            "info" => Level::Info,
            "warn" => Level::Warning,
            "error" | "fatal" | "none" => Level::Error,
            _ => {
                return Err(ValueError::Word {
                    text: word.to_owned(),
                    accepted: "debug, info, warn, error, fatal, none",
                });
            }
        };
        if matches!(scope, "default" | "all") {
            level_of_default = level;
        }
    }
    Ok(level_of_default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scope_default_decides() {
        for (text, expected) in [
            ("default:info", Level::Info),
            ("debug", Level::Debug),
            ("all:warn", Level::Warning),
            ("ads:debug", Level::Info),
            ("default:error,ads:debug", Level::Error),
            ("default:none", Level::Error),
            ("", Level::Info),
        ] {
            assert_eq!(level(text), Ok(expected), "{text:?}");
        }
        assert!(level("default:loud").is_err());
        assert!(level("ads:loud").is_err());
    }
}
