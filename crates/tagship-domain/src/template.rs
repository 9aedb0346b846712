//! Templates: text with `{{expressions}}`, in the part of Handlebars' language that tag rules use.
//!
//! Source: Handlebars language guide, "Expressions". Blocks, partials and sub-expressions are refused.

use std::borrow::Cow;

mod moment;
mod parse;
mod zone;

pub use moment::format;
pub use zone::{UnknownZone, Zone};

/// A template, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    source: String,
    segments: Vec<Segment>,
}

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    /// Text, and the character of the template at which it begins, from 0.
    Text(String, usize),
    Expression(Expression),
}

/// `{{name 'argument' tz='zone'}}`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    /// The name.
    pub name: String,
    /// What stands behind the name.
    pub arguments: Vec<String>,
    /// Whether the first argument stands without quotes.
    pub is_bare: bool,
    /// What stands behind `tz=`.
    pub zone: Option<String>,
    /// Attributes other than `tz`.
    pub unknown_attribute: Option<String>,
    /// Whether three braces, or `&`, ask for the value as it is.
    pub is_verbatim: bool,
    /// The character of the template at which it begins, from 0.
    pub offset: usize,
}

/// Why a template cannot be read or filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct TemplateError {
    /// The character of the template that is to blame, from 0.
    pub offset: usize,
    /// What is wrong.
    pub problem: TemplateProblem,
}

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateProblem {
    /// The closing braces are missing.
    #[error("`{{{{` is not closed")]
    NotClosed,
    /// What stands between the braces is no expression.
    #[error("`{shown}` is not an expression such as `{{{{version}}}}` or `{{{{date 'YYYYMMDD' tz='UTC'}}}}`")]
    NotAnExpression {
        /// What stands there, shortened.
        shown: String,
    },
    /// A part of Handlebars that is not supported.
    #[error("Handlebars' blocks, partials and sub-expressions are not supported")]
    Unsupported,
    /// There is no such variable here.
    #[error("there is no variable `{name}` here, but {known}")]
    UnknownVariable {
        /// Its name.
        name: String,
        /// What there is.
        known: String,
    },
    /// The variable takes no arguments, or needs one.
    #[error("`{name}` {expected}")]
    Arguments {
        /// Its name.
        name: String,
        /// What it takes.
        expected: &'static str,
    },
    /// The time zone is unknown.
    #[error(transparent)]
    Zone(#[from] UnknownZone),
    /// The value is not known in this run.
    #[error("`{name}` is unknown in this run: {reason}")]
    NoValue {
        /// Its name.
        name: String,
        /// Why.
        reason: &'static str,
    },
    /// What a format makes may not stand in a tag.
    #[error("`{name}` makes `{made}`; letters, digits, `_`, `.` and `-` may stand in a tag")]
    IllegalDate {
        /// The variable.
        name: String,
        /// What it makes.
        made: String,
    },
    /// The result is longer than anything that is made of it.
    #[error("makes more than {} characters", Template::MAX_LENGTH)]
    TooLong,
}

/// How values are changed on their way into the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escape {
    /// Not at all.
    None,
    /// As Handlebars does: the characters that HTML reserves.
    Html,
    /// To what may stand in a tag: `+` becomes `_`, other illegal characters become `-`.
    Tag,
}

impl Escape {
    /// The value, changed.
    pub fn apply(self, value: &str) -> Cow<'_, str> {
        match self {
            Self::None => Cow::Borrowed(value),
            Self::Html => html(value),
            Self::Tag => Cow::Owned(hyphenated(&value.replace('+', "_"))),
        }
    }
}

/// `text` with each run of characters that no tag takes replaced by one `-`.
pub fn hyphenated(text: &str) -> String {
    let mut tag = String::with_capacity(text.len());
    let mut in_run = false;
    for c in text.chars() {
        let legal = c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        if legal {
            tag.push(c);
        } else if !in_run {
            tag.push('-');
        }
        in_run = !legal;
    }
    tag
}

/// Source: Handlebars, API reference, "escapeExpression".
fn html(value: &str) -> Cow<'_, str> {
    if !value.contains(['&', '<', '>', '"', '\'', '`', '=']) {
        return Cow::Borrowed(value);
    }
    let mut escaped = String::with_capacity(value.len() + 16);
    for c in value.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#x27;"),
            '`' => escaped.push_str("&#x60;"),
            '=' => escaped.push_str("&#x3D;"),
            c => escaped.push(c),
        }
    }
    Cow::Owned(escaped)
}

impl Template {
    /// The most characters that a template makes.
    pub const MAX_LENGTH: usize = 16 * 1024;

    /// Reads a template.
    pub fn parse(source: &str) -> Result<Self, TemplateError> {
        Ok(Self {
            source: source.to_owned(),
            segments: parse::segments(source)?,
        })
    }

    /// The template as the user wrote it.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The expressions, in order.
    pub fn expressions(&self) -> impl Iterator<Item = &Expression> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Text(..) => None,
            Segment::Expression(expression) => Some(expression),
        })
    }

    /// The texts between the expressions, with the characters at which they begin, from 0.
    pub fn literals(&self) -> impl Iterator<Item = (&str, usize)> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Text(text, offset) => Some((text.as_str(), *offset)),
            Segment::Expression(_) => None,
        })
    }

    /// The texts before the first expression and behind the last one; empty without any expression.
    pub fn affixes(&self) -> [&str; 2] {
        match self.segments.as_slice() {
            [Segment::Text(..)] => [""; 2],
            segments => [segments.first(), segments.last()].map(|segment| match segment {
                Some(Segment::Text(text, _)) => text,
                _ => "",
            }),
        }
    }

    /// Whether an expression has this name.
    pub fn uses(&self, name: &str) -> bool {
        self.expressions().any(|expression| expression.name == name)
    }

    /// Whether the template is `{{name}}` and nothing else.
    pub fn is_only(&self, name: &str) -> bool {
        matches!(self.segments.as_slice(), [Segment::Expression(expression)] if expression.name == name)
    }

    /// The text with every expression replaced by its value.
    pub fn fill(
        &self,
        escape: Escape,
        mut value: impl FnMut(&Expression) -> Result<String, TemplateProblem>,
    ) -> Result<String, TemplateError> {
        let mut text = String::with_capacity(self.source.len());
        for segment in &self.segments {
            let mut offset = 0;
            match segment {
                Segment::Text(literal, _) => text.push_str(literal),
                Segment::Expression(expression) => {
                    offset = expression.offset;
                    let value = value(expression).map_err(|problem| TemplateError { offset, problem })?;
                    let escape = match escape {
                        Escape::Html if expression.is_verbatim => Escape::None,
                        escape => escape,
                    };
                    text.push_str(&escape.apply(&value));
                }
            }
            if text.len() > Self::MAX_LENGTH {
                let problem = TemplateProblem::TooLong;
                return Err(TemplateError { offset, problem });
            }
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests;
