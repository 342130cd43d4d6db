//! The log levels of Linkerd's flags.

use crate::options::Level;
use crate::parse::ValueError;

/// The level of the entries without a target, of which the last counts, among `TARGET=LEVEL` and levels alone.
pub(super) fn filter(text: &str) -> Result<Level, ValueError> {
    let mut level_of_all = Level::default();
    for entry in text.split(',').filter(|entry| !entry.is_empty()) {
        let (target, word) = match entry.rsplit_once('=') {
            Some((target, word)) => (Some(target), word),
            None => (None, entry),
        };
        let level = match word {
            "off" => Level::Error,
            word => level(word)?,
        };
        if target.is_none() {
            level_of_all = level;
        }
    }
    Ok(level_of_all)
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_without_a_target_decides() {
        for (text, expected) in [
            ("info", Level::Info),
            ("DEBUG", Level::Debug),
            ("off", Level::Error),
            ("linkerd=trace", Level::Info),
            ("warn,linkerd=trace", Level::Warning),
            ("", Level::Info),
        ] {
            assert_eq!(filter(text), Ok(expected), "{text:?}");
        }
        assert!(filter("loud").is_err());
        assert!(filter("linkerd=loud").is_err());
    }
}
