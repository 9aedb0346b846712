//! What a rule makes a tag of, and its rank.

use std::cmp::Ordering;

use super::Text;
use super::pattern::Pattern;

/// What a rule makes a tag of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RuleKind {
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

/// What the attribute `order` says of a tag that moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OrderAttribute {
    /// It points to the greatest stable version.
    Version,
    /// It goes forward along the commits.
    Commit,
    /// It may go back too.
    None,
}
