//! Why a command gave no result.

use crate::credentials::Redaction;

/// A command that gave no result. The sentences say what failed, where, why and what to do next, and are shown to people.
///
/// Only `Invalid` and `Denied` say that the program was not started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// It can't be run as it was asked for; whoever asked has to change it.
    #[error("{0}")]
    Invalid(String),
    /// The operator's configuration does not let it run.
    #[error("{0}")]
    Denied(String),
    /// No connection, or it was lost; the program may be running still.
    #[error("{0}")]
    Unreachable(String),
    /// The other side refused the credential, or showed another host key than the known one.
    #[error("{0}")]
    Refused(String),
    /// It took longer than its timeout.
    #[error("{0}")]
    TimedOut(String),
    #[error("{0}")]
    Other(String),
}

impl CommandError {
    /// The same, with nothing in it that must not be seen.
    pub(super) fn without(self, redaction: &Redaction) -> CommandError {
        if redaction.is_empty() {
            return self;
        }
        match self {
            CommandError::Invalid(text) => CommandError::Invalid(redaction.text(&text)),
            CommandError::Denied(text) => CommandError::Denied(redaction.text(&text)),
            CommandError::Unreachable(text) => CommandError::Unreachable(redaction.text(&text)),
            CommandError::Refused(text) => CommandError::Refused(redaction.text(&text)),
            CommandError::TimedOut(text) => CommandError::TimedOut(redaction.text(&text)),
            CommandError::Other(text) => CommandError::Other(redaction.text(&text)),
        }
    }
}

/// Characters of one text from outside that a message shows.
const SHOWN: usize = 400;

/// Text from outside, fit for a message: one line, no control characters, nothing that changes the direction of what
/// follows, of bounded length.
pub(super) fn printable(text: &str) -> String {
    let mut shown = String::new();
    for (index, character) in text.trim().chars().enumerate() {
        if index == SHOWN {
            shown.push('…');
            break;
        }
        if character.is_control() || is_invisible(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

pub(super) fn printable_bytes(bytes: &[u8]) -> String {
    printable(&String::from_utf8_lossy(bytes))
}

/// Formatting characters that hide or reorder text.
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_is_made_harmless() {
        assert_eq!(printable("gr\u{fc}n \x1b[2J\r\n\u{202e}x\n"), "gr\u{fc}n \\u{1b}[2J\\r\\n\\u{202e}x");
        assert_eq!(printable(&"x".repeat(1000)).chars().count(), SHOWN + 1);
        assert_eq!(printable_bytes(b"\xff\0"), "\u{fffd}\\u{0}");
    }
}
