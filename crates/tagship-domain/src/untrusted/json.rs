//! JSON that can be printed: what its strings hold moves no cursor, turns no text around and is no workflow command.

use std::fmt::Write as _;

use serde::Serialize;

use super::is_hidden;

/// Returns the value as one line of JSON, in which hidden characters and `#` before `[` are escaped.
///
/// Both stand in strings only, because all that JSON puts around them is plain. A runner obeys `##[name]` anywhere in a
/// line. Source: actions/runner, `ActionCommand.TryParse`.
pub fn json(value: &impl Serialize) -> String {
    // What is serialised here has only text keys, so that it does not fail.
    let plain = serde_json::to_string(value).unwrap_or_default();
    let mut line = String::with_capacity(plain.len());
    let mut characters = plain.chars().peekable();
    while let Some(character) = characters.next() {
        let is_command = character == '#' && characters.peek() == Some(&'[');
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
    use super::json;

    #[test]
    fn hidden_characters_and_commands_are_escaped_and_read_back() {
        let text = "a\u{1b}[2J\n\u{7f}\u{9b}\u{202e}\u{2066}\u{200e}##[error]b #1 ä \"\\";
        let line = json(&[text]);
        assert_eq!(
            line,
            "[\"a\\u001b[2J\\n\\u007f\\u009b\\u202e\\u2066\\u200e#\\u0023[error]b #1 ä \\\"\\\\\"]"
        );
        assert_eq!(serde_json::from_str::<Vec<String>>(&line).unwrap(), [text]);
    }
}
