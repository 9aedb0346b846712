//! What is wrong with a line of a list, and where.

use std::borrow::Cow;

use crate::error::{Diagnose, FailureKind};
use crate::reference::InvalidName;
use crate::template::{TemplateError, TemplateProblem};

/// What is wrong with a line of `tags`, `flavor`, `images` or `labels`, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct LineError {
    /// The line, from 1.
    pub line: usize,
    /// The character in it, from 1.
    pub column: usize,
    /// What is wrong.
    pub problem: LineProblem,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineProblem {
    /// The line, or the list, is too long.
    #[error("a list has at most {lines} lines of {bytes} bytes")]
    TooLong {
        /// Bytes of a line.
        bytes: usize,
        /// Lines of a list.
        lines: usize,
    },
    /// A quote stands where none may, or is not closed.
    #[error("a quote stands around a whole field, and `\"\"` for a quote in it")]
    Quote,
    /// A field is empty.
    #[error("a field is empty")]
    Empty,
    /// The type is unknown.
    #[error("there is no tag type `{found}`, but {known}")]
    UnknownType {
        /// The type, shortened.
        found: String,
        /// All types.
        known: String,
    },
    /// The attribute is unknown.
    #[error("{owner} has no attribute `{attribute}`, but {known}")]
    UnknownAttribute {
        /// The attribute, shortened.
        attribute: String,
        /// What the line is, such as `` `type=sha` ``.
        owner: String,
        /// All attributes that may stand there.
        known: String,
    },
    /// An attribute stands twice.
    #[error("`{attribute}` stands twice")]
    Repeated {
        /// The attribute.
        attribute: String,
    },
    /// An attribute is missing.
    #[error("{owner} needs `{attribute}`")]
    Missing {
        /// The attribute.
        attribute: &'static str,
        /// What the line is.
        owner: String,
    },
    /// An attribute has an illegal value.
    #[error("`{attribute}` is `{found}`, not {expected}")]
    Value {
        /// The attribute.
        attribute: Cow<'static, str>,
        /// Its value, shortened.
        found: String,
        /// What it may be.
        expected: &'static str,
    },
    /// A template cannot be read or filled in.
    #[error(transparent)]
    Template(TemplateProblem),
    /// A regular expression cannot be used.
    #[error("the regular expression cannot be used: {reason}")]
    Pattern {
        /// Why.
        reason: String,
    },
    /// The value is no version of its kind.
    #[error("`{found}` is not a {kind} version")]
    NoVersion {
        /// The value, shortened.
        found: String,
        /// `semver` or `PEP 440`.
        kind: &'static str,
    },
    /// A character that no tag takes.
    #[error("`{found}` may not stand in a tag; letters, digits, `_`, `.` and `-` may")]
    Character {
        /// The character.
        found: String,
    },
    /// What the rule makes is not a tag.
    #[error("the rule makes no legal tag: {0}")]
    Illegal(InvalidName),
    /// What the rule makes of the run's reference is not a tag.
    #[error("the rule makes no legal tag at {reference}: {source}")]
    IllegalOfRef {
        /// The reference, in backticks.
        reference: String,
        /// What is wrong.
        source: InvalidName,
    },
    /// The name of an image is not one.
    #[error("`{found}` is not an image name such as `user/app` or `host:5000/team/app`")]
    ImageName {
        /// The name, shortened.
        found: String,
    },
    /// A label has no name or no value.
    #[error("a label is `name=value`")]
    Label,
    /// A label of an image that Tagship reads again.
    #[error("label `{name}` is Tagship's own: a second run recognises the image by it")]
    Reserved {
        /// The label.
        name: String,
    },
}

impl LineError {
    pub(super) fn new(line: usize, column: usize, problem: LineProblem) -> Self {
        Self {
            line,
            column,
            problem,
        }
    }

    /// The error of a template that begins at `column`.
    pub(super) fn of_template(line: usize, column: usize, error: TemplateError) -> Self {
        Self::new(line, column + error.offset, LineProblem::Template(error.problem))
    }
}

/// Names in backticks, with commas.
pub(super) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => names.concat(),
    }
}

/// Why tags cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// A line is wrong.
    #[error(transparent)]
    Line(#[from] LineError),
    /// Several lines are wrong.
    #[error("{} lines are wrong:\n  {}", .0.len(), .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  "))]
    Lines(Vec<LineError>),
    /// No rule makes a tag.
    #[error("no tag rule made a tag for this commit: {}", silent.join("; "))]
    NoTag {
        /// Why each rule makes no tag.
        silent: Vec<String>,
    },
    /// No rule makes a tag of a version, which must be there.
    #[error("the run makes no tag of a version: {}", reasons.join("; "))]
    NoVersion {
        /// Why; at least one sentence.
        reasons: Vec<String>,
    },
}

impl TagError {
    /// All lines that are wrong; at least one.
    pub(super) fn of_lines(mut lines: Vec<LineError>) -> Option<Self> {
        match lines.len() {
            0 => None,
            1 => lines.pop().map(Self::Line),
            _ => Some(Self::Lines(lines)),
        }
    }
}

impl Diagnose for TagError {
    fn kind(&self) -> FailureKind {
        FailureKind::Usage
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::NoTag { .. } => Some("add a rule that always makes a tag, such as `type=sha`".into()),
            Self::NoVersion { .. } => Some(
                "tag the commit `v` and a version with three numbers, give `version`, or leave out \
                 `version-required`"
                    .into(),
            ),
            Self::Line(_) | Self::Lines(_) => None,
        }
    }
}
