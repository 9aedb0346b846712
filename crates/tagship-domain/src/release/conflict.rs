//! A version whose git tag is taken.

use std::borrow::Cow;

use serde::Serialize;

use crate::error::{Diagnose, FailureKind};
use crate::facts::CommitId;
use crate::untrusted::Untrusted;

/// A git tag of a version points to another commit. It promises to stay, so that nothing is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
#[error(
    "git tag `{}` must not move and already points to commit {}; commit {} would be released",
    Untrusted::new(tag), existing.short(), commit.short()
)]
pub struct ReleaseConflict {
    /// The git tag.
    #[serde(rename = "git-tag")]
    pub tag: String,
    /// The commit that it points to.
    pub existing: CommitId,
    /// The commit that is to be released.
    pub commit: CommitId,
}

impl Diagnose for ReleaseConflict {
    fn kind(&self) -> FailureKind {
        FailureKind::TagConflict
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        Some(
            "a version is released once: give this commit another one, which `version: auto` does by itself"
                .into(),
        )
    }
}
