//! Wraps and escapes text.

/// Wraps the text to lines of at most `width` characters, at spaces, after slashes, and within words longer than a line.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut room = width;
    for word in text.split_whitespace() {
        for (part, piece) in word.split_inclusive('/').enumerate() {
            let space = usize::from(part == 0 && !line.is_empty());
            if !line.is_empty() && space + piece.chars().count() > room {
                lines.push(std::mem::take(&mut line));
                room = width;
            } else if space == 1 {
                line.push(' ');
                room -= 1;
            }
            for character in piece.chars() {
                if room == 0 {
                    lines.push(std::mem::take(&mut line));
                    room = width;
                }
                line.push(character);
                room -= 1;
            }
        }
    }
    lines.extend((!line.is_empty()).then_some(line));
    lines
}

/// Escapes the text as the content of an element (XML 1.0, 2.4). Control characters become U+FFFD.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            character if character.is_control() => escaped.push(char::REPLACEMENT_CHARACTER),
            character => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn wraps_at_spaces_and_after_slashes() {
        assert_eq!(
            wrapped("goes to an excluded port", 12),
            ["goes to an", "excluded", "port"]
        );
        assert_eq!(
            wrapped("outbound/leave-not-tcp", 14),
            ["outbound/", "leave-not-tcp"]
        );
        assert_eq!(wrapped("", 12), Vec::<String>::new());
    }

    #[test]
    fn escapes_markup_and_control_characters() {
        assert_eq!(escaped("a < b && \u{1}"), "a &lt; b &amp;&amp; \u{fffd}");
    }

    proptest! {
        #[test]
        fn wrapping_keeps_every_character_within_the_width(text in "[a-z/ ]{0,80}", width in 1usize..20) {
            let lines = wrapped(&text, width);
            for line in &lines {
                prop_assert!(line.chars().count() <= width);
            }
            let bare = |text: &str| text.replace(' ', "");
            prop_assert_eq!(bare(&lines.concat()), bare(&text));
        }
    }
}
