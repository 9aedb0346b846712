//! Which tags a commit gets.

use semver::Version;
use serde::Serialize;

use crate::domain::facts::CommitId;
use crate::domain::reference::{InvalidName, Tag};
use crate::domain::version::release_tag;

/// What a tag promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TagClass {
    /// Names the commit; never moves.
    Commit,
    /// Names a version; never moves.
    Release,
    /// May point elsewhere tomorrow.
    Moving,
}

/// A tag that is wanted, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WantedTag {
    /// The tag.
    pub tag: Tag,
    /// What it promises.
    pub class: TagClass,
    /// The rule that made it, as the user would write it.
    pub rule: String,
}

/// One line of the input `tags`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagRule {
    /// `type=semver,pattern=…`
    Semver(SemverPattern),
    /// `type=sha`
    Sha {
        /// What stands before the digits; `sha-` by default.
        prefix: String,
        /// Whether all digits are taken, not the first 12.
        long: bool,
    },
    /// `type=raw,value=…`, or the value alone.
    Raw(Tag),
}

/// How much of a version a tag carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SemverPattern {
    /// `{{version}}`: all of it.
    Full,
    /// `{{major}}.{{minor}}`
    MajorMinor,
    /// `{{major}}`
    Major,
}
