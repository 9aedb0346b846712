use std::cmp::Ordering;
use std::fmt;

use super::Mode;
use super::Text;
use super::error::{LineError, TagError};
use super::fields::Fields;
use super::line::{Line, lines};
use super::pattern::Pattern;
use super::variables::Scope;

/// One line of the input `tags`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagRule {
    pub(super) kind: Kind,
    pub(super) enable: Option<Text>,
    pub(super) priority: Priority,
    pub(super) prefix: Option<Text>,
    pub(super) suffix: Option<Text>,
    /// The line, from 1.
    pub(super) line: usize,
    /// The column to name when what the rule makes is no tag.
    pub(super) column: usize,
    source: String,
}

/// What a rule makes a tag of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Schedule {
        pattern: Text,
    },
    Version {
        scheme: Scheme,
        pattern: Text,
        value: Option<Text>,
        extract: Option<Extract>,
    },
    Match {
        extract: Extract,
        value: Option<Text>,
    },
    Edge {
        branch: Option<String>,
    },
    Ref(RefKind),
    Raw(Text),
    Sha {
        is_long: bool,
    },
}

/// How versions are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Semver,
    Pep440,
}

/// What a reference is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RefKind {
    Branch,
    Tag,
    PullRequest,
}

/// A group of a regular expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Extract {
    pub(super) pattern: Pattern,
    pub(super) group: usize,
    pub(super) column: usize,
}

/// The rank of a rule; greater ones come first. Never NaN.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Priority(pub(super) f64);

impl Eq for Priority {}

impl PartialOrd for Priority {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Priority {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl TagRule {
    /// The rules when none are given.
    ///
    /// Strict: the release tag and the commit tag. Compatible: what the action does.
    pub fn defaults(mode: Mode) -> Vec<Self> {
        let text = match mode {
            Mode::Strict => "type=semver,pattern={{version}}\ntype=sha",
            Mode::MetadataAction => {
                "type=schedule\ntype=ref,event=branch\ntype=ref,event=tag\ntype=ref,event=pr"
            }
        };
        let rules = Self::parse_list(text, mode);
        debug_assert!(rules.is_ok(), "the defaults are rules: {rules:?}");
        rules.unwrap_or_default()
    }

    /// Reads one rule, strictly: `type=<type>,<attribute>=<value>…`, or a tag alone.
    pub fn parse(text: &str) -> Result<Self, TagError> {
        let line = Line { number: 1, text };
        Ok(Self::read(line, Mode::Strict)?)
    }

    /// Reads a list of rules, one on each line; empty lines and lines that begin with `#` are left out.
    ///
    /// All lines that are wrong are told together.
    pub fn parse_list(text: &str, mode: Mode) -> Result<Vec<Self>, TagError> {
        let mut wrong = Vec::new();
        let mut rules = Vec::new();
        for line in lines(text, mode)? {
            match Self::read(line, mode) {
                Ok(rule) => rules.push(rule),
                Err(error) => wrong.push(error),
            }
        }
        TagError::of_lines(wrong).map_or(Ok(rules), Err)
    }

    /// Reads a list of rules; the defaults when it holds none.
    pub fn parse_list_or_defaults(text: &str, mode: Mode) -> Result<Vec<Self>, TagError> {
        let rules = Self::parse_list(text, mode)?;
        Ok(if rules.is_empty() {
            Self::defaults(mode)
        } else {
            rules
        })
    }

    /// The rule with another line number, for rules that come one by one.
    #[must_use]
    pub fn at_line(mut self, line: usize) -> Self {
        self.line = line;
        self
    }

    fn read(line: Line<'_>, mode: Mode) -> Result<Self, LineError> {
        let fields = Fields::read(line, mode)?;
        let kind = fields.kind()?;
        let literal = |text: &Text| text.template.source() == "true" || text.template.source() == "false";
        let enable = fields.template("enable", Scope::Global)?;
        if let Some(text) = &enable
            && mode == Mode::Strict
            && text.template.expressions().next().is_none()
            && !literal(text)
        {
            return Err(fields.value_error("enable", "`true` or `false`"));
        }
        let mut prefix = fields.template("prefix", Scope::Global)?;
        let default_prefix = match &kind {
            Kind::Sha { .. } => Some("sha-"),
            Kind::Ref(RefKind::PullRequest) => Some("pr-"),
            _ => None,
        };
        if let (None, Some(text)) = (&prefix, default_prefix) {
            prefix = Some(Text::parse(text, line.number, 1)?);
        }
        Ok(Self {
            kind,
            enable,
            priority: fields.priority(fields.of.priority)?,
            prefix,
            suffix: fields.template("suffix", Scope::Global)?,
            line: line.number,
            column: fields.blamed_column(),
            source: shown_rule(line.text),
        })
    }
}

/// The rule as its user wrote it; hostile, so that it is bounded and without control characters.
fn shown_rule(line: &str) -> String {
    line.trim().chars().filter(|c| !c.is_control()).collect()
}

impl fmt::Display for TagRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}
