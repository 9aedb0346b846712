//! One line of the input `tags`.

use std::fmt;

use super::Mode;
use super::Text;
use super::error::{LineError, LineProblem, TagError};
use super::fields::Fields;
use super::kind::{OrderAttribute, Priority, RefKind, RuleKind};
use super::line::{Line, lines};
use super::variables::Scope;
use crate::reference::Tag;
use crate::untrusted::Untrusted;

/// One line of the input `tags`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagRule {
    pub(super) kind: RuleKind,
    pub(super) enable: Option<Text>,
    pub(super) priority: Priority,
    /// How its tag may move, where it says so itself.
    pub(super) order: Option<OrderAttribute>,
    pub(super) prefix: Option<Text>,
    pub(super) suffix: Option<Text>,
    /// The line, from 1.
    pub(super) line: usize,
    /// The column to name when what the rule makes is no tag.
    pub(super) column: usize,
    source: String,
}

impl TagRule {
    /// The rules when none are given: the release tag and the commit tag.
    pub fn defaults() -> Vec<Self> {
        Self::defaults_of(Mode::Strict)
    }

    /// The rules when none are given; in the compatible mode those of the action.
    pub fn defaults_of(mode: Mode) -> Vec<Self> {
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

    /// The rules of a pull request, when none are given.
    pub fn of_pull_request() -> Vec<Self> {
        let rule = Self::parse("type=ref,event=pr");
        debug_assert!(rule.is_ok(), "it is a rule: {rule:?}");
        rule.into_iter().collect()
    }

    /// Reads one rule, strictly: `type=<type>,<attribute>=<value>…`, or a tag alone.
    pub fn parse(text: &str) -> Result<Self, TagError> {
        let line = Line {
            number: 1,
            column: 1,
            text,
        };
        Ok(Self::read(line, Mode::Strict)?)
    }

    /// Checks the tag of a rule that always makes the same one, or one of the same form, in a run without flavor.
    pub fn check_literal(&self) -> Result<(), TagError> {
        let body = match &self.kind {
            RuleKind::Raw(value) => value.literal(),
            // Every commit id is hex digits, so that the prefix alone decides whether the tag is legal.
            RuleKind::Sha { .. } => Some("0000000"),
            _ => None,
        };
        let affix = |text: &Option<Text>| {
            text.as_ref()
                .map_or(Some(String::new()), |text| text.literal().map(str::to_owned))
        };
        if let (Some(prefix), Some(body), Some(suffix)) = (affix(&self.prefix), body, affix(&self.suffix)) {
            Tag::parse(&format!("{prefix}{body}{suffix}"))
                .map_err(|source| LineError::new(self.line, self.column, LineProblem::Illegal(source)))?;
        }
        Ok(())
    }

    /// Whether it is the text `latest`.
    pub(super) fn is_latest(&self) -> bool {
        matches!(&self.kind, RuleKind::Raw(value) if value.literal() == Some("latest"))
    }

    /// Reads a list of rules, one on each line; empty lines and lines that begin with `#` are left out.
    ///
    /// In the strict mode a line may also hold several tags alone. All lines that are wrong are reported together.
    pub fn parse_list(text: &str, mode: Mode) -> Result<Vec<Self>, TagError> {
        let mut wrong = Vec::new();
        let mut rules = Vec::new();
        for line in lines(text, mode)? {
            for part in parts(line, mode) {
                match Self::read(part, mode) {
                    Ok(rule) => rules.push(rule),
                    Err(error) => wrong.push(error),
                }
            }
        }
        TagError::of_lines(wrong).map_or(Ok(rules), Err)
    }

    /// Reads a list of rules; the defaults when it holds none.
    pub fn parse_list_or_defaults(text: &str, mode: Mode) -> Result<Vec<Self>, TagError> {
        let rules = Self::parse_list(text, mode)?;
        Ok(if rules.is_empty() {
            Self::defaults_of(mode)
        } else {
            rules
        })
    }

    fn read(line: Line<'_>, mode: Mode) -> Result<Self, LineError> {
        let fields = Fields::read(line, mode)?;
        let kind = fields.kind()?;
        let enable = fields.template("enable", Scope::Global)?;
        if mode == Mode::Strict
            && let Some(literal) = enable.as_ref().and_then(Text::literal)
            && !matches!(literal, "true" | "false")
        {
            return Err(fields.value_error("enable", "`true` or `false`"));
        }
        let mut prefix = fields.template("prefix", Scope::Global)?;
        let default_prefix = match &kind {
            RuleKind::Sha { .. } => Some("sha-"),
            RuleKind::Ref(RefKind::PullRequest) => Some("pr-"),
            _ => None,
        };
        if let (None, Some(text)) = (&prefix, default_prefix) {
            prefix = Some(Text::parse(text, line.number, 1)?);
        }
        Ok(Self {
            kind,
            enable,
            priority: fields.priority(fields.of.priority)?,
            order: fields.order(mode)?,
            prefix,
            suffix: fields.template("suffix", Scope::Global)?,
            line: line.number,
            column: fields.blamed_column(),
            source: shown_rule(line.text),
        })
    }
}

/// The tags alone that a line holds, or the line. The action takes the last of them.
fn parts(line: Line<'_>, mode: Mode) -> Vec<Line<'_>> {
    if mode == Mode::MetadataAction || line.text.contains(['=', '"']) {
        return vec![line];
    }
    let mut column = line.column;
    line.text
        .split(',')
        .map(|text| {
            let part = Line { column, text, ..line };
            column += text.chars().count() + 1;
            part
        })
        .collect()
}

/// The rule as its user wrote it; hostile, so that it is bounded and without control characters.
fn shown_rule(line: &str) -> String {
    Untrusted::line(line).to_string()
}

impl fmt::Display for TagRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}
