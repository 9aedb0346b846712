//! Text from outside: what remote parties, files, refs and programs say, fit to be shown.

mod url;

use std::fmt::{self, Write as _};
use std::iter::Peekable;
use std::str::Chars;

pub use self::url::without_bare_password;
use serde::Serialize;

/// Text from outside, which `Display` cleans.
///
/// Control characters, escape sequences, characters that change the direction of text and passwords in URLs never pass.
/// On one line, white
/// space becomes single spaces and each run of what must not pass becomes `�`, so that a reader sees that something was
/// there; a long text ends with `…`. In a block, lines and tabs stay and what must not pass vanishes.
#[derive(Debug, Clone, Copy)]
pub struct Untrusted<'a> {
    text: &'a str,
    form: Form,
}

#[derive(Debug, Clone, Copy)]
enum Form {
    /// On one line, at most so many characters.
    Line(usize),
    /// On as many lines as it has, whole.
    Block,
}

impl<'a> Untrusted<'a> {
    /// The most characters of a name or a sentence.
    pub const LIMIT: usize = 400;
    /// The most characters of a message in which commands stand.
    pub const MESSAGE_LIMIT: usize = 2000;

    /// A name or a sentence, on one line.
    pub const fn new(text: &'a str) -> Self {
        let form = Form::Line(Self::LIMIT);
        Self { text, form }
    }

    /// A message in which commands stand, on one line.
    pub const fn message(text: &'a str) -> Self {
        let form = Form::Line(Self::MESSAGE_LIMIT);
        Self { text, form }
    }

    /// A text that is whole on one line, because its parts were limited before.
    pub const fn line(text: &'a str) -> Self {
        let form = Form::Line(usize::MAX);
        Self { text, form }
    }

    /// A text of several lines, whole.
    pub const fn block(text: &'a str) -> Self {
        let form = Form::Block;
        Self { text, form }
    }
}

/// What stands behind the beginning of a line that is shown without its end: who replaces secrets knows by it that one may have
/// been cut.
pub const CUT: &str = "... [cut: ";

/// Returns the beginning of a line, and that `left_out` characters of it are not shown. Nor is the end of an address that is
/// cut: it may be a password.
pub fn cut(beginning: &str, left_out: usize) -> String {
    let is_cut = |at: &usize| !beginning[*at..].contains(char::is_whitespace);
    let end = beginning.rfind("://").filter(is_cut);
    let (shown, address) = beginning.split_at(end.map_or(beginning.len(), |at| at + "://".len()));
    let left_out = left_out + address.chars().count();
    format!("{shown}{CUT}{left_out} characters more]")
}

impl fmt::Display for Untrusted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = url::without_passwords(self.text);
        match self.form {
            Form::Line(most) => line(&text, most, f),
            Form::Block => Pieces::of(&text).try_for_each(|piece| match piece {
                Piece::Blank('\r') | Piece::Hidden => Ok(()),
                Piece::Visible(character) | Piece::Blank(character) => f.write_char(character),
            }),
        }
    }
}

/// Returns the text on one line, as [`Untrusted::new`] shows it.
pub fn cleaned(text: &str) -> String {
    Untrusted::new(text).to_string()
}

/// Returns a document of JSON or YAML with hidden characters as escapes of its texts in double quotes, but for the ends of lines.
///
/// Outside of such texts neither has any that this changes.
pub fn with_hidden_escaped(document: &str) -> String {
    let mut escaped = String::with_capacity(document.len());
    for character in document.chars() {
        if character != '\n' && is_hidden(character) {
            // All of them have four digits at most.
            escaped.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// Whether a character moves the cursor, or changes how others are shown, and so never passes.
///
/// Source: Unicode, category Cc; UAX #9, "Directional Formatting Characters"; U+200B to U+200D and U+FEFF have no width.
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn line(text: &str, most: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut written = 0;
    let mut is_separated = false;
    let mut was_hidden = false;
    for piece in Pieces::of(text) {
        let character = match piece {
            Piece::Blank(_) => {
                is_separated = true;
                was_hidden = false;
                continue;
            }
            Piece::Hidden if was_hidden => continue,
            Piece::Hidden => char::REPLACEMENT_CHARACTER,
            Piece::Visible(character) => character,
        };
        was_hidden = matches!(piece, Piece::Hidden);
        let is_space_due = std::mem::take(&mut is_separated) && written > 0;
        for character in is_space_due.then_some(' ').into_iter().chain([character]) {
            if written == most {
                return f.write_char('…');
            }
            f.write_char(character)?;
            written += 1;
        }
    }
    Ok(())
}

/// What a reader makes of the next characters.
enum Piece {
    Visible(char),
    /// White space, line ends among it.
    Blank(char),
    /// A character or an escape sequence that must not pass.
    Hidden,
}

struct Pieces<'a>(Peekable<Chars<'a>>);

impl<'a> Pieces<'a> {
    fn of(text: &'a str) -> Self {
        Self(text.chars().peekable())
    }

    /// Skips what follows an ESC. Source: ECMA-48, sections 5.3 to 5.6.
    fn skip_escape(&mut self) {
        match self.0.peek() {
            Some('[') => {
                self.0.next();
                self.skip_control_sequence();
            }
            // A string, up to BEL or ESC `\`; a line's end breaks it off, so that it cannot swallow the rest.
            Some(']' | 'P' | 'X' | '^' | '_') => {
                while let Some(character) = self.0.next_if(|c| *c != '\n') {
                    match character {
                        '\u{7}' | '\u{9c}' => return,
                        '\u{1b}' => {
                            self.0.next_if_eq(&'\\');
                            return;
                        }
                        _ => {}
                    }
                }
            }
            Some(' '..='/') => {
                while self.0.next_if(|c| (' '..='/').contains(c)).is_some() {}
                self.0.next_if(|c| ('0'..='~').contains(c));
            }
            Some('0'..='~') => {
                self.0.next();
            }
            _ => {}
        }
    }

    /// Skips parameters, intermediates and the final character.
    fn skip_control_sequence(&mut self) {
        while self.0.next_if(|c| (' '..='?').contains(c)).is_some() {}
        self.0.next_if(|c| ('@'..='~').contains(c));
    }
}

impl Iterator for Pieces<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        Some(match self.0.next()? {
            '\u{1b}' => {
                self.skip_escape();
                Piece::Hidden
            }
            '\u{9b}' => {
                self.skip_control_sequence();
                Piece::Hidden
            }
            blank @ ('\t' | '\n' | '\r') => Piece::Blank(blank),
            hidden if is_hidden(hidden) => Piece::Hidden,
            blank if blank.is_whitespace() => Piece::Blank(blank),
            visible => Piece::Visible(visible),
        })
    }
}

/// Returns the value as one line of JSON, in which hidden characters and `#` before `[` and `vso[` are escaped.
///
/// Both stand in strings only, because all that JSON puts around them is plain. A runner of GitHub obeys `##[name]` anywhere
/// in a line, one of Azure Pipelines `##vso[name]`. Source: actions/runner, `ActionCommand.TryParse`;
/// microsoft/azure-pipelines-agent, `Command.TryParse`.
pub fn json(value: &impl Serialize) -> String {
    // What is serialised here has only text keys, so that it does not fail.
    let plain = serde_json::to_string(value).unwrap_or_default();
    let mut line = String::with_capacity(plain.len());
    for (index, character) in plain.char_indices() {
        let after = |command| plain[index..].starts_with(command);
        let is_command = character == '#' && (after("#[") || after("#vso["));
        // Some readers take U+2028 and U+2029 for line ends.
        if is_command || is_hidden(character) || matches!(character, '\u{2028}' | '\u{2029}') {
            let _ = write!(line, "\\u{:04x}", u32::from(character));
        } else {
            line.push(character);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::{Untrusted, cleaned, cut, is_hidden, with_hidden_escaped};

    #[test]
    fn what_is_cut_says_so_and_shows_no_half_password() {
        for (beginning, shown) in [
            ("xyz", "xyz... [cut: 7 characters more]"),
            ("to https://me:s3c", "to https://... [cut: 13 characters more]"),
            (
                "to https://host/a b",
                "to https://host/a b... [cut: 7 characters more]",
            ),
        ] {
            assert_eq!(cut(beginning, 7), shown);
        }
    }

    #[test]
    fn a_line_shows_where_something_was_and_stays_short() {
        for (text, shown) in [
            ("a\r\n::error::b", "a ::error::b"),
            ("  a \t b\u{2028}c  ", "a b c"),
            ("b\u{1b}[31m\u{202e}c", "b�c"),
            ("feature/\u{202e}gpj", "feature/�gpj"),
            ("a\u{200b}b\u{200f}\u{2066}\u{2069}c", "a�b�c"),
            ("\u{0}\u{85}", "�"),
            ("日本\u{3000}語", "日本 語"),
            ("", ""),
            (
                "no answer at tcp://me:s3cret@host:2375",
                "no answer at tcp://me:***@host:2375",
            ),
        ] {
            assert_eq!(cleaned(text), shown, "{text:?}");
        }
        assert_eq!(cleaned(&"ä".repeat(1000)).chars().count(), 401);
        assert_eq!(cleaned(&"ä".repeat(400)).chars().count(), 400);
        let message = Untrusted::message(&"x".repeat(100_000)).to_string();
        assert_eq!(message.chars().count(), 2001);
        assert!(message.ends_with('…'));
    }

    #[test]
    fn hidden_characters_of_a_document_are_kept_and_seen() {
        let value = serde_json::json!({"key\u{feff}": "x\u{202e}\u{200b}\u{7f}\u{85}\u{61c}y\n\t\u{1b}"});
        let document = with_hidden_escaped(&serde_json::to_string_pretty(&value).unwrap());
        assert!(!document.chars().any(|c| c != '\n' && is_hidden(c)), "{document}");
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&document).unwrap(),
            value
        );
    }

    #[test]
    fn a_block_keeps_lines_and_tabs_only() {
        for (text, shown) in [
            ("a\tb\nc\r\n", "a\tb\nc\n"),
            ("\u{1b}[31mred\u{1b}[0m \u{9b}1mbold", "red bold"),
            ("\u{1b}]0;title\u{7}text", "text"),
            ("\u{1b}]never ended\nnext", "\nnext"),
            ("a\u{202e}b\u{200e}c\u{7}", "abc"),
            ("  two  spaces", "  two  spaces"),
        ] {
            assert_eq!(Untrusted::block(text).to_string(), shown, "{text:?}");
        }
    }
    use super::json;

    #[test]
    fn hidden_characters_and_commands_are_escaped_and_read_back() {
        let text = "a\u{1b}[2J\n\u{7f}\u{9b}\u{202e}\u{2066}\u{200e}##[error]b##vso[c] #1 ä \"\\";
        let line = json(&[text]);
        assert_eq!(
            line,
            "[\"a\\u001b[2J\\n\\u007f\\u009b\\u202e\\u2066\\u200e#\\u0023[error]b#\\u0023vso[c] #1 ä \\\"\\\\\"]"
        );
        assert_eq!(serde_json::from_str::<Vec<String>>(&line).unwrap(), [text]);
    }
}
