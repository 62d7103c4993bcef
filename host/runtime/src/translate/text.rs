//! Text from guests is untrusted: what a terminal would obey is escaped before anybody sees it.

/// `text` with control characters, line ends included, and characters that reorder text written as escapes; cut at
/// `limit` bytes.
pub(crate) fn escaped(text: &str, limit: usize) -> String {
    let mut out = String::with_capacity(text.len().min(limit));
    for c in text.chars() {
        let before = out.len();
        if is_unsafe(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
        if out.len() > limit {
            out.truncate(before);
            out.push('…');
            break;
        }
    }
    out
}

/// Whether a terminal or a browser would obey this character instead of showing it.
pub(super) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        assert_eq!(escaped("a\x1b[2J\nb\u{202e}", 100), "a\\u{1b}[2J\\nb\\u{202e}");
        assert_eq!(escaped("grün \"ok\" 'x' \\", 100), "grün \"ok\" 'x' \\");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(escaped("ab", 2), "ab");
        assert_eq!(escaped("abc", 2), "ab…");
        assert_eq!(escaped("aüb", 2), "a…");
        assert_eq!(escaped("a\x1bb", 4), "a…");
    }
}
