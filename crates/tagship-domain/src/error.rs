//! Kinds of failure, and with them the exit codes.

use std::borrow::Cow;

/// What kind of failure an error is; it alone decides the exit code, which is documented API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A local or remote operation failed.
    Operation,
    /// An argument, an input or the configuration is wrong.
    Usage,
    /// Credentials are missing or were refused.
    Credentials,
    /// A wanted tag is taken by another image or commit.
    TagConflict,
    /// Findings of the image's scan are above what the gate allows.
    ScanGate,
    /// What is there differs from what is wanted.
    Drift,
    /// Tagship itself is wrong.
    Bug,
    /// The run was cancelled by a signal.
    Cancelled,
}

impl Kind {
    /// The process's exit code for this kind.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Operation => 1,
            Self::Usage => 2,
            Self::Credentials => 3,
            Self::TagConflict => 10,
            Self::ScanGate => 11,
            Self::Drift => 12,
            Self::Bug => 70,
            Self::Cancelled => 130,
        }
    }
}

/// An error that can tell its kind and what to do next.
///
/// `Display` gives one lower-case sentence without a full stop; causes come through `source()`.
pub trait Diagnose: std::error::Error + Send + Sync + 'static {
    /// The kind of failure.
    fn kind(&self) -> Kind;

    /// The next action for the user, one imperative sentence without a full stop.
    fn hint(&self) -> Option<Cow<'static, str>> {
        None
    }
}

/// The words of a remote party or of a file, fit for one line of a message: without control and
/// direction-changing characters, at most 400 characters.
pub fn cleaned(text: &str) -> String {
    cleaned_to(400, text)
}

/// The same, at most `most` characters.
pub fn cleaned_to(most: usize, text: &str) -> String {
    let changes_direction =
        |c| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let words = text.split(|c: char| c.is_control() || c.is_whitespace() || changes_direction(c));
    let line = words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::cleaned;

    #[test]
    fn foreign_words_stay_on_one_line_and_short() {
        assert_eq!(
            cleaned("a\r\n::error::b\u{1b}[31m\u{202e}c\t d"),
            "a ::error::b [31m c d"
        );
        assert_eq!(cleaned(&"ä".repeat(1000)).chars().count(), 401);
        assert_eq!(cleaned("\u{0}\u{85}"), "");
    }
}
