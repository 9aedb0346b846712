//! One pattern of an ignore file.

use std::fmt::Write as _;
use std::iter::Peekable;
use std::str::Chars;

use regex::Regex;

use super::glob::is_well_formed;
use super::{InvalidPattern, clean};

/// One pattern.
#[derive(Debug)]
pub(crate) struct Pattern {
    /// Cleaned, without its `!`.
    text: String,
    exception: bool,
    form: Form,
}

/// How a pattern is compared; the shapes that need no regular expression are compared as text, which for some
/// special characters comes to another result, and is what Docker does.
#[derive(Debug)]
enum Form {
    Exact,
    /// `text**`: everything that begins so.
    Prefix,
    /// `**text`: everything that ends so.
    Suffix,
    Expression(Regex),
    /// The expression cannot be read. An error only once it is needed.
    Invalid,
}

impl Pattern {
    /// Reads a pattern that is not empty.
    pub(crate) fn parse(line: &str) -> Result<Self, InvalidPattern> {
        let cleaned = clean(line);
        let (text, exception) = match cleaned.strip_prefix('!') {
            Some("") => return Err(InvalidPattern::new(line)),
            Some(rest) => (rest, true),
            None => (cleaned.as_str(), false),
        };
        if !is_well_formed(text) {
            return Err(InvalidPattern::new(line));
        }
        Ok(Self {
            form: form_of(text),
            text: text.to_owned(),
            exception,
        })
    }

    /// Whether it began with `!`.
    pub(crate) fn is_exception(&self) -> bool {
        self.exception
    }

    /// Whether the pattern itself, not a folder above, matches a path.
    pub(crate) fn matches(&self, path: &str) -> Result<bool, InvalidPattern> {
        match &self.form {
            Form::Exact => Ok(path == self.text),
            Form::Prefix => Ok(path.starts_with(self.text.strip_suffix("**").unwrap_or(&self.text))),
            Form::Suffix => {
                let suffix = self.text.strip_prefix("**").unwrap_or(&self.text);
                // `**/foo` is also `foo`.
                Ok(path.ends_with(suffix) || suffix.strip_prefix('/') == Some(path))
            }
            Form::Expression(expression) => Ok(expression.is_match(path)),
            Form::Invalid => Err(InvalidPattern::new(&self.text)),
        }
    }

    /// Whether it has no wildcards but a last `/*` or `/**`.
    pub(crate) fn is_plain_prefix(&self) -> bool {
        !self.without_last_glob().contains(['*', '[', ']', '?', '^', '\\'])
    }

    /// Whether it begins with the path of `folder`.
    pub(crate) fn lies_in(&self, folder: &str) -> bool {
        let path = self.without_last_glob();
        path == folder
            || path
                .strip_prefix(folder)
                .is_some_and(|rest| rest.starts_with('/'))
    }

    fn without_last_glob(&self) -> &str {
        let text = self.text.strip_suffix("/**").unwrap_or(&self.text);
        text.strip_suffix("/*").unwrap_or(text)
    }
}

/// The form that Docker's translation comes to. Special characters are taken over as they are outside of `.+()$`,
/// so that `|` is an alternative and `{2}` a repetition once the pattern has a wildcard.
fn form_of(text: &str) -> Form {
    enum Shape {
        Exact,
        Prefix,
        Suffix,
        Expression,
    }
    let mut expression = String::from("^");
    let mut shape = Shape::Exact;
    let mut chars = text.chars().peekable();
    let mut first = true;
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.next_if_eq(&'*').is_some() => {
                // `**/` is `**`.
                chars.next_if_eq(&'/');
                if chars.peek().is_some() {
                    expression.push_str("(.*/)?");
                    shape = Shape::Expression;
                } else if matches!(shape, Shape::Exact) {
                    shape = Shape::Prefix;
                } else {
                    expression.push_str(".*");
                    shape = Shape::Expression;
                }
                if first {
                    shape = Shape::Suffix;
                }
            }
            '*' => {
                expression.push_str("[^/]*");
                shape = Shape::Expression;
            }
            '?' => {
                expression.push_str("[^/]");
                shape = Shape::Expression;
            }
            '.' | '+' | '(' | ')' | '$' => {
                expression.push('\\');
                expression.push(c);
            }
            '\\' => {
                expression.push('\\');
                if let Some(escaped) = chars.next() {
                    expression.push(escaped);
                    shape = Shape::Expression;
                }
            }
            '[' | ']' => {
                expression.push(c);
                shape = Shape::Expression;
            }
            c => expression.push(c),
        }
        first = false;
    }
    match shape {
        Shape::Exact => Form::Exact,
        Shape::Prefix => Form::Prefix,
        Shape::Suffix => Form::Suffix,
        Shape::Expression => {
            expression.push('$');
            from_go(&expression)
                .and_then(|expression| Regex::new(&expression).ok())
                .map_or(Form::Invalid, Form::Expression)
        }
    }
}

/// A regular expression of Go's syntax in that of the `regex` crate: character classes nest there, have
/// operators, and `\d` and the like mean all of Unicode. `None` where Go refuses it.
///
/// Source: Go, `regexp/syntax`; the `regex` crate, "Syntax".
fn from_go(go: &str) -> Option<String> {
    let mut out = String::with_capacity(go.len() + 8);
    let mut chars = go.chars().peekable();
    let mut after_repetition = false;
    while let Some(c) = chars.next() {
        let mut repetition = false;
        match c {
            '\\' => escape(&mut out, chars.next()?, false)?,
            '[' => class(&mut out, &mut chars)?,
            '{' => {
                if let Some(counts) = counts(&mut chars) {
                    // Go has no repetition of a repetition.
                    if after_repetition {
                        return None;
                    }
                    repetition = true;
                    write!(out, "{{{counts}}}").ok()?;
                } else {
                    out.push_str("\\{");
                }
            }
            '}' | ']' => {
                out.push('\\');
                out.push(c);
            }
            '*' | '?' => {
                repetition = true;
                out.push(c);
            }
            c => out.push(c),
        }
        after_repetition = repetition;
    }
    Some(out)
}

/// The inside of `{n}`, `{n,}` or `{n,m}` and its end; otherwise nothing is taken, and `{` stands for itself.
fn counts(chars: &mut Peekable<Chars<'_>>) -> Option<String> {
    let mut ahead = chars.clone();
    let mut counts = String::new();
    loop {
        match ahead.next()? {
            '}' => break,
            c @ ('0'..='9' | ',') if counts.len() < 16 => counts.push(c),
            _ => return None,
        }
    }
    let (low, high) = counts.split_once(',').unwrap_or((&counts, ""));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !is_number(low) || !(high.is_empty() || is_number(high)) {
        return None;
    }
    *chars = ahead;
    Some(counts)
}

/// A character class after its `[`.
fn class(out: &mut String, chars: &mut Peekable<Chars<'_>>) -> Option<()> {
    out.push('[');
    if chars.next_if_eq(&'^').is_some() {
        out.push('^');
    }
    let mut first = true;
    let mut last = None;
    loop {
        let c = chars.next()?;
        match c {
            ']' if !first => {
                out.push(']');
                return Some(());
            }
            '[' if chars.peek() == Some(&':') => {
                // A named class such as `[:alpha:]`, if it is ended; the names are the same in both.
                let rest: String = chars.clone().collect();
                if let Some(end) = rest.find(":]") {
                    let name = rest.get(..end + 2)?;
                    out.push('[');
                    out.push_str(name);
                    for _ in name.chars() {
                        chars.next();
                    }
                } else {
                    out.push_str("\\[");
                }
            }
            '\\' => escape(out, chars.next()?, true)?,
            '[' | '&' | '~' | ']' => {
                out.push('\\');
                out.push(c);
            }
            // `--` is an operator.
            '-' if last == Some('-') => out.push_str("\\-"),
            c => out.push(c),
        }
        first = false;
        last = Some(c);
    }
}

/// What stands after a `\`. Whatever else Go knows there (code points, named scripts, quoting) is nothing that a
/// path needs.
fn escape(out: &mut String, c: char, in_class: bool) -> Option<()> {
    match c {
        'd' | 'w' | 's' if in_class => out.push_str(ascii_set(c)),
        'd' | 'w' | 's' => write!(out, "[{}]", ascii_set(c)).ok()?,
        'D' | 'W' | 'S' => write!(out, "[^{}]", ascii_set(c.to_ascii_lowercase())).ok()?,
        'b' if !in_class => out.push_str(r"(?-u:\b)"),
        'a' | 'f' | 't' | 'n' | 'r' | 'v' | 'A' | 'z' | 'B' => {
            out.push('\\');
            out.push(c);
        }
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => write!(out, r"\x{:02X}", u32::from(c)).ok()?,
        _ => return None,
    }
    Some(())
}

/// The characters of `\d`, `\w` and `\s`, as the inside of a class.
fn ascii_set(c: char) -> &'static str {
    match c {
        'd' => "0-9",
        'w' => "0-9A-Za-z_",
        _ => r"\t\n\x0C\r ",
    }
}
