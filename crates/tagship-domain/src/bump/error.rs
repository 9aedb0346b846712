//! Why there is no next version.

use std::borrow::Cow;

use semver::Version;

use crate::error::{Diagnose, FailureKind};
use crate::facts::CommitId;

/// Why there is no next version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BumpError {
    /// The version that the commits lead to was released elsewhere.
    #[error("the commits lead to git tag `{tag}`, which is taken by commit {}, and HEAD does not contain it", commit.short())]
    Taken {
        /// The tag.
        tag: String,
        /// What it points to.
        commit: CommitId,
    },
    /// A footer asks for a version that cannot be.
    #[error("`Release-As: {text}` in commit {} {problem}", commit.short())]
    ReleaseAs {
        /// What the footer says.
        text: String,
        /// The commit.
        commit: CommitId,
        /// What is wrong.
        problem: String,
    },
    /// A number of the version would not fit into 64 bits.
    #[error("no version comes after {version}: its number would be too great")]
    TooGreat {
        /// The version before.
        version: Version,
    },
}

impl Diagnose for BumpError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Taken { .. } => FailureKind::TagConflict,
            Self::ReleaseAs { .. } => FailureKind::Usage,
            Self::TooGreat { .. } => FailureKind::Operation,
        }
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        Some(match self {
            Self::Taken { .. } => {
                "merge that commit, or name a version in the footer `Release-As` of a new commit".into()
            }
            Self::ReleaseAs { .. } => {
                "name a greater release in the footer of a new commit: the last one counts".into()
            }
            Self::TooGreat { .. } => return None,
        })
    }
}
