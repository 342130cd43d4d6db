//! Escapes text from other programs for terminals.

use std::borrow::Cow;
use std::fmt::Display;

/// Escapes characters that control a terminal instead of being shown: control characters (Unicode category Cc), line
/// separators, and characters that change the direction of text (UAX #9). The backslash is escaped, too, so that
/// different texts stay different.
///
/// The kernel accepts any bytes in comments and in the names of tables, chains, sets and interfaces.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, is_control)
}

/// Escapes the same characters but the backslash, in a message that may quote escaped text already.
#[must_use]
pub fn one_line(message: &str) -> Cow<'_, str> {
    escaped(message, |character| {
        character != '\\' && is_control(character)
    })
}

fn escaped(text: &str, is_escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_escaped(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// How many errors are written out.
const MAX_ERRORS: usize = 20;
/// How long each of them may be, in bytes.
const MAX_ERROR: usize = 600;

/// The first errors of a list, each of a bounded length, and how many more there are: the writer of the input must not make
/// the answer as long as they like.
#[must_use]
pub fn first_errors<T: Display>(errors: &[T]) -> Vec<String> {
    let first = errors.iter().take(MAX_ERRORS);
    let mut lines: Vec<_> = first
        .map(|error| {
            let mut text = error.to_string();
            if text.len() > MAX_ERROR {
                shorten(&mut text, MAX_ERROR);
                text.push_str("...");
            }
            text
        })
        .collect();
    if let Some(more @ 1..) = errors.len().checked_sub(MAX_ERRORS) {
        lines.push(format!("and {more} more errors"));
    }
    lines
}

/// Cuts the text to at most this many bytes.
pub fn shorten(text: &mut String, length: usize) {
    let mut ends = (0..=length).rev();
    let end = ends.find(|&end| text.is_char_boundary(end));
    text.truncate(end.unwrap_or(0));
}

/// How much of a value is quoted, in characters.
const MAX_QUOTE: usize = 100;

/// The value on one line, or the beginning of one that would fill a screen.
#[must_use]
pub(crate) fn shortened(value: &str) -> String {
    let mut characters = value.chars();
    let beginning: String = characters.by_ref().take(MAX_QUOTE).collect();
    let more = if characters.next().is_some() {
        "..."
    } else {
        ""
    };
    let words: Vec<_> = beginning.split_whitespace().collect();
    words.join(" ") + more
}

fn is_control(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\\' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_keeps_what_is_escaped_already() {
        assert_eq!(one_line(r#"found "a\n\u{1b}""#), r#"found "a\n\u{1b}""#);
        assert_eq!(
            one_line("pod a\nerror: b\u{1b}[2J"),
            r"pod a\nerror: b\u{1b}[2J"
        );
    }

    #[test]
    fn first_errors_are_bounded_in_number_and_length() {
        let twenty = vec!["x"; 20];
        assert_eq!(first_errors(&twenty), twenty);
        let lines = first_errors(&["\u{20ac}".repeat(100_000), "y".to_owned()]);
        assert_eq!(lines, ["\u{20ac}".repeat(200) + "...", "y".to_owned()]);
        let lines = first_errors(&vec!["x"; 20_000]);
        assert_eq!(
            (lines.len(), lines[20].as_str()),
            (21, "and 19980 more errors")
        );
    }

    #[test]
    fn escapes_control_characters() {
        for (text, shown) in [
            ("outbound/redirect", "outbound/redirect"),
            ("größe", "größe"),
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("a\nb\r\t", "a\\nb\\r\\t"),
            ("\u{9b}1m", "\\u{9b}1m"),
            ("\u{202e}evil", "\\u{202e}evil"),
            ("\\n", "\\\\n"),
        ] {
            assert_eq!(printable(text), shown);
        }
    }
}
