//! The log levels of Istio's flags.

use crate::options::Level;
use crate::parse::ValueError;

/// The level of the scopes `default` and `all`, of which the last counts, among `SCOPE:LEVEL` and levels alone.
pub(super) fn level(text: &str) -> Result<Level, ValueError> {
    let mut level_of_default = Level::default();
    for entry in text.split(',').filter(|entry| !entry.is_empty()) {
        let (scope, word) = entry.split_once(':').unwrap_or(("default", entry));
        let level = match word {
            "debug" => Level::Debug,
            "info" => Level::Info,
            "warn" => Level::Warning,
            "error" | "fatal" | "none" => Level::Error,
            _ => {
                return Err(ValueError::word(
                    word,
                    "debug, info, warn, error, fatal, none",
                ));
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
    fn scope_default_decides() {
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
