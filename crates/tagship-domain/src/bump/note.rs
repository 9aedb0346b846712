//! What a reader of a next version should know.

use std::fmt;

use serde::Serialize;

use super::Commit;
use super::release_as::ReleaseAs;
use crate::facts::CommitId;

/// What a reader of a next version should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum Note {
    /// A footer `Release-As` names a version that is tagged already, and counts no more.
    SpentReleaseAs {
        /// What the footer says.
        text: String,
        /// Its commit.
        commit: CommitId,
        /// The git tag that has the version.
        tag: String,
    },
    /// A message speaks of a breaking change in a place where none is read.
    HiddenBreakingChange {
        /// Its commit.
        commit: CommitId,
    },
}

impl Note {
    pub(super) fn of(release_as: &ReleaseAs<'_>, commits: &[Commit]) -> Vec<Self> {
        let spent = release_as
            .spent()
            .map(|(text, commit, tag)| Self::SpentReleaseAs {
                text: text.to_owned(),
                commit: commit.id.clone(),
                tag: tag.name.clone(),
            });
        let hidden = commits.iter().filter(|commit| commit.hides_breaking);
        let hidden = hidden.map(|commit| Self::HiddenBreakingChange {
            commit: commit.id.clone(),
        });
        spent.into_iter().chain(hidden).collect()
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SpentReleaseAs { text, commit, tag } => write!(
                f,
                "`Release-As: {text}` in commit {} is ignored: git tag `{tag}` is there already",
                commit.short()
            ),
            Self::HiddenBreakingChange { commit } => write!(
                f,
                "commit {} speaks of a breaking change that does not count: put `!` behind the type, or `BREAKING CHANGE:` behind a blank line at the end of the message",
                commit.short()
            ),
        }
    }
}
