//! Lists of lines, each a record of comma-separated fields.
//!
//! Source: RFC 4180 for fields and quotes; `docker/metadata-action`'s documentation for comments.

use super::Mode;
use super::error::{LineError, LineProblem};

/// The most bytes of one line.
const MAX_LINE: usize = 4096;
/// The most lines of one list.
const MAX_LINES: usize = 10_000;

/// A line that says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// Its number, from 1.
    pub(super) number: usize,
    /// The column of its first character, from 1.
    pub(super) column: usize,
    /// Its text.
    pub(super) text: &'a str,
}

/// A field, and the column of its first character, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) text: String,
    pub(super) column: usize,
}

/// A field as `name=value`, or a value alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attribute {
    /// In lower case.
    pub(super) name: Option<String>,
    pub(super) value: String,
    /// The column of the field.
    pub(super) column: usize,
    /// The column of the value.
    pub(super) value_column: usize,
}

/// The lines of a list without comments and empty ones, or why there are too many.
///
/// In the compatible mode only a `#` in the first column begins a comment.
pub(super) fn lines(text: &str, mode: Mode) -> Result<Vec<Line<'_>>, LineError> {
    let mut lines = Vec::new();
    for (index, text) in text.lines().enumerate() {
        let number = index + 1;
        let comment = match mode {
            Mode::Strict => text.trim_start(),
            Mode::MetadataAction => text,
        };
        if text.trim().is_empty() || comment.starts_with('#') {
            continue;
        }
        let line = Line {
            number,
            column: 1,
            text,
        };
        if lines.len() == MAX_LINES {
            return Err(line.too_long());
        }
        lines.push(line);
    }
    Ok(lines)
}

impl Line<'_> {
    fn too_long(self) -> LineError {
        let problem = LineProblem::TooLong {
            bytes: MAX_LINE,
            lines: MAX_LINES,
        };
        LineError::new(self.number, self.column, problem)
    }

    /// The fields.
    ///
    /// A field may be quoted, so that a comma or a quote belongs to it. The action that the compatible mode follows
    /// takes quotes off twice, so that its quotes keep no comma.
    pub(super) fn fields(self, mode: Mode) -> Result<Vec<Field>, LineError> {
        if self.text.len() > MAX_LINE {
            return Err(self.too_long());
        }
        match mode {
            Mode::Strict => self.record(self.text),
            Mode::MetadataAction => self.record(self.whole(mode).trim()),
        }
    }

    /// The line as one text, without the quotes that the action takes off.
    pub(super) fn whole(self, mode: Mode) -> String {
        match mode {
            Mode::Strict => self.text.to_owned(),
            Mode::MetadataAction => unquoted_once(self.text),
        }
    }

    fn record(self, text: &str) -> Result<Vec<Field>, LineError> {
        let mut fields = Vec::new();
        let mut column = self.column;
        let mut rest = text;
        loop {
            let (text, length) = match quoted(rest) {
                Some(Ok((text, length))) => (text, length),
                Some(Err(offset)) => {
                    return Err(LineError::new(self.number, column + offset, LineProblem::Quote));
                }
                None => {
                    let length = rest.find(',').unwrap_or(rest.len());
                    let text = rest.get(..length).unwrap_or_default();
                    if let Some((before, _)) = text.split_once('"') {
                        let offset = before.chars().count();
                        return Err(LineError::new(self.number, column + offset, LineProblem::Quote));
                    }
                    (text.to_owned(), length)
                }
            };
            fields.push(Field { text, column });
            column += rest.get(..length).unwrap_or_default().chars().count() + 1;
            match rest.get(length + 1..) {
                Some(next) => rest = next,
                None => return Ok(fields),
            }
        }
    }

    /// The fields as attributes.
    pub(super) fn attributes(self, mode: Mode) -> Result<Vec<Attribute>, LineError> {
        Ok(self.fields(mode)?.into_iter().map(Attribute::of).collect())
    }
}

impl Attribute {
    fn of(field: Field) -> Self {
        let Field { text, column } = field;
        let split = text.split_once('=').filter(|(name, _)| !name.is_empty());
        let (name, value, before) = match split {
            None => (None, text.as_str(), 0),
            Some((name, value)) => (Some(name.trim().to_lowercase()), value, name.chars().count() + 1),
        };
        let is_blank = value.trim().is_empty();
        let space = value
            .chars()
            .take_while(|c| c.is_whitespace() && !is_blank)
            .count();
        Self {
            name,
            value: value.trim().to_owned(),
            column,
            value_column: column + before + space,
        }
    }
}

/// A quoted field at the start of `text` and its length in bytes, or the character at which it goes wrong.
fn quoted(text: &str) -> Option<Result<(String, usize), usize>> {
    let mut chars = text.strip_prefix('"')?.char_indices().peekable();
    let mut field = String::new();
    let mut offset = 1;
    while let Some((index, c)) = chars.next() {
        offset += 1;
        if c != '"' {
            field.push(c);
            continue;
        }
        match chars.peek() {
            Some((_, '"')) => {
                field.push('"');
                chars.next();
                offset += 1;
            }
            None | Some((_, ',')) => return Some(Ok((field, index + 2))),
            Some(_) => return Some(Err(offset)),
        }
    }
    Some(Err(0))
}

/// `line` with the quotes of well-quoted fields taken off and all others kept.
fn unquoted_once(line: &str) -> String {
    let mut joined = String::with_capacity(line.len());
    let mut rest = line;
    loop {
        let length = if let Some(Ok((text, length))) = quoted(rest) {
            joined.push_str(&text);
            length
        } else {
            let length = rest.find(',').unwrap_or(rest.len());
            joined.push_str(rest.get(..length).unwrap_or_default());
            length
        };
        match rest.get(length + 1..) {
            Some(next) => rest = next,
            None => return joined,
        }
        joined.push(',');
    }
}
