//! The text of a template.

use super::{Expression, Segment, TemplateError, TemplateProblem};
use crate::untrusted::cleaned;

/// Reads text and expressions.
pub(super) fn segments(source: &str) -> Result<Vec<Segment>, TemplateError> {
    let mut reader = Reader {
        source,
        at: 0,
        segments: Vec::new(),
        trims_next: false,
    };
    while let Some(braces) = reader.rest().find("{{") {
        reader.text_before(braces)?;
    }
    let (rest, at) = (reader.rest(), reader.at);
    reader.text(rest, at);
    Ok(reader.segments)
}

struct Reader<'a> {
    source: &'a str,
    /// The byte that is read next.
    at: usize,
    segments: Vec<Segment>,
    /// Whether a `~` takes the white space off the text that follows.
    trims_next: bool,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.source.get(self.at..).unwrap_or_default()
    }

    /// The characters before a byte.
    fn offset(&self, byte: usize) -> usize {
        self.source.get(..byte).unwrap_or(self.source).chars().count()
    }

    fn error(&self, byte: usize, problem: TemplateProblem) -> TemplateError {
        TemplateError {
            offset: self.offset(byte),
            problem,
        }
    }

    /// Keeps the text that begins at byte `start`.
    fn text(&mut self, text: &str, start: usize) {
        let kept = if self.trims_next { text.trim_start() } else { text };
        self.trims_next = false;
        if !kept.is_empty() {
            let offset = self.offset(start + text.len() - kept.len());
            self.segments.push(Segment::Text(kept.to_owned(), offset));
        }
    }

    /// Reads the text up to the braces, `length` bytes away, and what the braces hold.
    ///
    /// A backslash before braces makes them text, two stand for one backslash.
    fn text_before(&mut self, length: usize) -> Result<(), TemplateError> {
        let start = self.at;
        let text = self.rest().get(..length).unwrap_or_default();
        self.at += length;
        if let Some(text) = text.strip_suffix('\\')
            && !text.ends_with('\\')
        {
            self.text(text, start);
            let inside = self.rest().get(2..).unwrap_or_default();
            let end = inside.find("{{").map_or(self.rest().len(), |next| {
                let before = inside.get(..next).unwrap_or_default();
                // The backslashes before the next braces belong to those.
                2 + before.trim_end_matches('\\').len()
            });
            let literal = self.rest().get(..end).unwrap_or_default();
            self.text(literal, self.at);
            self.at += end;
            return Ok(());
        }
        let text = text.strip_suffix('\\').unwrap_or(text);
        let trims_text = self.rest().trim_start_matches('{').starts_with('~');
        self.text(if trims_text { text.trim_end() } else { text }, start);
        self.braces()
    }

    /// Reads `{{…}}` or `{{{…}}}`.
    fn braces(&mut self) -> Result<(), TemplateError> {
        let start = self.at;
        let rest = self.rest();
        if let Some(comment) = rest.strip_prefix("{{!") {
            let (marker, end) = if comment.starts_with("--") {
                ("--}}", 4)
            } else {
                ("}}", 2)
            };
            let length = comment
                .find(marker)
                .ok_or_else(|| self.error(start, TemplateProblem::NotClosed))?;
            self.at += 3 + length + end;
            return Ok(());
        }
        let is_triple = rest.starts_with("{{{");
        if rest.starts_with("{{{{") {
            return Err(self.error(start, TemplateProblem::Unsupported));
        }
        let (open, close) = if is_triple { (3, "}}}") } else { (2, "}}") };
        let inside = rest.get(open..).unwrap_or_default();
        let length = closing(inside, close).ok_or_else(|| self.error(start, TemplateProblem::NotClosed))?;
        self.at += open + length + close.len();
        let inside = inside.get(..length).unwrap_or_default();
        let inside = inside.strip_prefix('~').unwrap_or(inside);
        let (inside, trims_next) = inside
            .strip_suffix('~')
            .map_or((inside, false), |inside| (inside, true));
        self.trims_next = trims_next;
        let (inside, is_verbatim) = inside
            .strip_prefix('&')
            .map_or((inside, is_triple), |inside| (inside, true));
        if inside.starts_with(['#', '/', '^', '>', '*'])
            || inside.contains('(') && !inside.contains(['\'', '"'])
        {
            return Err(self.error(start, TemplateProblem::Unsupported));
        }
        let offset = self.offset(start);
        let expression = expression(inside, is_verbatim, offset).ok_or_else(|| {
            let shown = cleaned(inside);
            self.error(start, TemplateProblem::NotAnExpression { shown })
        })?;
        self.segments.push(Segment::Expression(expression));
        Ok(())
    }
}

/// Where the closing braces are, outside of quotes.
fn closing(inside: &str, close: &str) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    for (index, c) in inside.char_indices() {
        match quote {
            None if inside.get(index..)?.starts_with(close) => return Some(index),
            None if matches!(c, '\'' | '"') => quote = Some(c),
            Some(open) if c == open && !escaped => quote = None,
            _ => {}
        }
        escaped = c == '\\' && !escaped;
    }
    None
}

/// Reads `name 'argument' tz='zone'`.
fn expression(inside: &str, is_verbatim: bool, offset: usize) -> Option<Expression> {
    let mut rest = inside.trim();
    let name = word(&mut rest)?;
    let mut expression = Expression {
        name: name.to_owned(),
        arguments: Vec::new(),
        is_bare: false,
        zone: None,
        unknown_attribute: None,
        is_verbatim,
        offset,
    };
    while !rest.is_empty() {
        // Parts are separated.
        let parted = rest.trim_start();
        if parted.len() == rest.len() {
            return None;
        }
        rest = parted;
        if rest.starts_with(['\'', '"']) {
            expression.arguments.push(quoted(&mut rest)?);
            continue;
        }
        let part = word(&mut rest)?;
        let Some(value) = rest.strip_prefix('=') else {
            expression.is_bare |= expression.arguments.is_empty();
            expression.arguments.push(part.to_owned());
            continue;
        };
        rest = value;
        let value = if rest.starts_with(['\'', '"']) {
            quoted(&mut rest)?
        } else {
            word(&mut rest)?.to_owned()
        };
        if part == "tz" {
            expression.zone = Some(value);
        } else {
            expression.unknown_attribute = Some(part.to_owned());
        }
    }
    Some(expression)
}

/// Takes a name, a path or a number off `rest`.
fn word<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let length = rest
        .find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '$' | '/' | '@' | ':')))
        .unwrap_or(rest.len());
    let word = rest.get(..length).filter(|word| !word.is_empty())?;
    *rest = rest.get(length..)?;
    Some(word)
}

/// Takes a quoted text off `rest`; a backslash before the quote keeps it.
fn quoted(rest: &mut &str) -> Option<String> {
    let quote = rest.chars().next()?;
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((index, c)) = chars.next() {
        match c {
            '\\' if chars.peek().is_some_and(|(_, next)| *next == quote) => {
                text.push(quote);
                chars.next();
            }
            c if c == quote => {
                *rest = rest.get(index + quote.len_utf8()..)?;
                return Some(text);
            }
            c => text.push(c),
        }
    }
    None
}
