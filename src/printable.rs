//! Escapes text from other programs for terminals.

use std::borrow::Cow;

/// Escapes characters that control a terminal instead of being shown: control characters (Unicode category Cc), line
/// separators, and characters that change the direction of text (UAX #9). The backslash is escaped, too, so that
/// different texts stay different.
///
/// The kernel accepts any bytes in comments and in the names of tables, chains, sets and interfaces.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_control) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_control(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
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
