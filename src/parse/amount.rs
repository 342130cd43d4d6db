//! How many, and how long.

use std::time::Duration;

use super::{ValueError, decimal};

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

/// A time longer than none, in hours, minutes, seconds and smaller units with fractions (Go's
/// `time.ParseDuration`).
pub fn go_duration(text: &str) -> Result<Duration, ValueError> {
    let wrong = || ValueError::Duration(text.to_owned());
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.');
        let (number, after) = rest.split_at(number.ok_or_else(wrong)?);
        let unit = after.find(|c: char| c.is_ascii_digit() || c == '.');
        let (unit, after) = after.split_at(unit.unwrap_or(after.len()));
        let number: f64 = number.parse().map_err(|_| wrong())?;
        seconds += number * seconds_of(unit).ok_or_else(wrong)?;
        rest = after;
    }
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err(wrong()),
    }
}

fn seconds_of(unit: &str) -> Option<f64> {
    Some(match unit {
        "h" => 3600.0,
        "m" => 60.0,
        "s" => 1.0,
        "ms" => 1e-3,
        // Two characters look like this one, and both are accepted.
        "us" | "\u{b5}s" | "\u{3bc}s" => 1e-6,
        "ns" => 1e-9,
        _ => return None,
    })
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

    #[test]
    fn a_duration_is_a_sum_of_numbers_with_units() {
        for (text, milliseconds) in [
            ("5s", 5000),
            ("1m30s", 90_000),
            ("1.5h", 5_400_000),
            ("100ms", 100),
            (".5s", 500),
            ("+2s", 2000),
            ("1s500000us", 1500),
            ("1000000000ns", 1000),
        ] {
            assert_eq!(go_duration(text), Ok(Duration::from_millis(milliseconds)));
        }
        for text in [
            "",
            "0",
            "0s",
            "5",
            "s",
            "-5s",
            "5 s",
            "5S",
            "5d",
            "1..5s",
            ".s",
            "5s ",
            "1e3s",
            "99999999999999999999h",
        ] {
            let error = ValueError::Duration(text.to_owned());
            assert_eq!(go_duration(text), Err(error));
        }
    }
}
