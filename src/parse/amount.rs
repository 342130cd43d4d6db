//! How many, and how long.

use std::time::Duration;

use super::{ValueError, decimal, go_duration};

/// A number of things, at least one.
pub fn positive(text: &str) -> Result<u64, ValueError> {
    let number = decimal(text).filter(|&number| number > 0);
    number.ok_or_else(|| ValueError::Positive(text.to_owned()))
}

/// A time longer than none: a number of seconds, or as [`go_duration`] has it.
pub fn duration(text: &str) -> Result<Duration, ValueError> {
    match decimal(text).filter(|&seconds| seconds > 0) {
        Some(seconds) => Ok(Duration::from_secs(seconds)),
        None => go_duration(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_a_unit_or_is_in_seconds() {
        for (text, milliseconds) in [
            ("1", 1000),
            ("30s", 30_000),
            ("250ms", 250),
            ("1m30s", 90_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)));
        }
        for text in ["", "s", "0", "0s", "-1", "1 s", "1d"] {
            assert_eq!(duration(text), Err(ValueError::Duration(text.to_owned())));
        }
    }

    #[test]
    fn a_count_is_at_least_one() {
        assert_eq!(positive("1"), Ok(1));
        for text in ["0", "-1", "1e3", "", "18446744073709551616"] {
            assert_eq!(positive(text), Err(ValueError::Positive(text.to_owned())));
        }
    }
}
