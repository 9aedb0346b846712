//! Text from outside within GitHub's Markdown: it shows as what it is, and does nothing.

use std::fmt::{self, Write as _};

use crate::untrusted::Untrusted;

/// Text from outside, on one line of Markdown.
///
/// What Markdown, HTML and mathematics read is behind a `\`; at the beginning, too, what makes a heading or a list. A
/// backslash does not keep GitHub from notifying who is mentioned, since it looks for `@name` in what was rendered: a
/// space without width stands between.
/// Source: GitHub Flavored Markdown, "Backslash escapes"; GitHub docs, "Basic writing and formatting syntax".
pub(super) struct Plain<'a>(pub(super) &'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = Untrusted::new(self.0).to_string();
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        for (place, character) in text.char_indices() {
            let is_mark = match character {
                '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '~' | '&' | '$' => true,
                '#' | '+' | '-' | '=' => place == 0,
                '.' | ')' => digits > 0 && place == digits,
                _ => false,
            };
            if is_mark {
                f.write_char('\\')?;
            }
            f.write_char(character)?;
            if character == '@' {
                f.write_str("&#8203;")?;
            }
        }
        Ok(())
    }
}

/// Text from outside as code that it cannot leave.
pub(super) struct Code<'a>(pub(super) &'a str);

impl fmt::Display for Code<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = Untrusted::new(self.0).to_string();
        let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
        let fence = "`".repeat(longest + 1);
        let space = if longest > 0 { " " } else { "" };
        write!(f, "{fence}{space}{text}{space}{fence}")
    }
}
