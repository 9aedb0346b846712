//! What a reader should know of the tags that rules make, or do not make.

use std::fmt;

use serde::Serialize;

use crate::untrusted::cleaned;

/// What a reader should know of the tags of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum TagNote {
    /// A rule makes no tag, for another reason than that the run is not of its kind.
    #[serde(rename = "rule-made-no-tag")]
    SilentRule {
        /// The rule.
        rule: String,
        /// Why.
        reason: String,
    },
    /// A variable that a rule's tag is made of has no value in this run.
    EmptyVariable {
        /// The rule.
        rule: String,
        /// The variable.
        variable: &'static str,
        /// What the run is at.
        reference: String,
    },
    /// The git tag that started the run names no version, and no other tag of a version is made.
    NoVersion {
        /// The git tag.
        tag: String,
        /// What has to stand before the version, where that was given.
        prefix: Option<String>,
    },
}

impl TagNote {
    /// Returns the stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::SilentRule { .. } => "rule-made-no-tag",
            Self::EmptyVariable { .. } => "empty-variable",
            Self::NoVersion { .. } => "no-version",
        }
    }

    /// Whether a person should look at it: a tag was pushed for a release, and there is none.
    pub const fn is_warning(&self) -> bool {
        matches!(self, Self::NoVersion { .. })
    }
}

impl fmt::Display for TagNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SilentRule { rule, reason } => write!(f, "`{rule}` made no tag: {reason}"),
            Self::EmptyVariable {
                rule,
                variable,
                reference,
            } => write!(f, "`{{{{{variable}}}}}` of `{rule}` is empty at {reference}"),
            Self::NoVersion { tag, prefix } => {
                let behind = prefix
                    .as_ref()
                    .map(|prefix| format!(" behind `{}`", cleaned(prefix)))
                    .unwrap_or_default();
                write!(
                    f,
                    "git tag `{}` names no version{behind}, so that no tag of a version is made: a version has three numbers, such as `1.16.0` or `1.16.0-rc.1`",
                    cleaned(tag)
                )
            }
        }
    }
}
