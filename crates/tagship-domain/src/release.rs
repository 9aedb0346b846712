//! The release: the git tag of a version, and what the forge publishes under it.
//!
//! It comes last. A git tag says that a version exists, so it is put only after the image has all its tags.

mod conflict;
mod decide;
mod documents;
mod markdown;
mod notes;
mod proposal;
mod record;
mod workflow;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use semver::Version;
use serde::Serialize;

pub use conflict::ReleaseConflict;
pub use documents::{Document, DocumentKind, MAX_DOCUMENT_BYTES, MAX_DOCUMENTS, MAX_DOCUMENTS_BYTES};
pub use notes::{MAX_NOTES, ReleaseNotes};
pub use proposal::{Proposal, newest_version};
pub use record::{ImageRecord, RECORD_NAME};
pub use workflow::{InvalidWorkflowFile, WorkflowFile, WorkflowInputs};

use crate::bump::{Changelog, History};
use crate::facts::{CommitId, Fact};
use crate::version::TagPrefix;

/// What a release is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReleaseKind {
    /// A git tag, and nothing more.
    GitTag,
    /// A git tag, and a release on GitHub under it.
    Github,
}

/// A git tag that moves with the releases of its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MovingTag {
    /// `v1`; none for 0.x, where it would promise what no version does.
    Major,
    /// `v1.2`.
    Minor,
}

impl MovingTag {
    /// All, by their names.
    pub const ALL: [(&'static str, Self); 2] = [("major", Self::Major), ("minor", Self::Minor)];

    /// Reads a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|(known, _)| *known == name)
            .map(|(_, tag)| tag)
    }

    /// What stands behind the prefix in the tag of a release.
    fn text(self, version: &Version) -> Option<String> {
        match self {
            Self::Major => (version.major > 0).then(|| version.major.to_string()),
            Self::Minor => Some(format!("{}.{}", version.major, version.minor)),
        }
    }

    /// Whether the tag of `version` is that of `other` too.
    fn has_both(self, version: &Version, other: &Version) -> bool {
        self.text(version) == self.text(other)
    }
}

/// What changed since the release before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Changes {
    /// The git tag of the release before, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_tag: Option<String>,
    /// What the commits since say; absent where they could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changelog: Option<Changelog>,
}

impl Changes {
    /// What lies between the release before and HEAD.
    pub fn of(history: &History) -> Self {
        Self {
            previous_tag: history.previous.as_ref().map(|tag| tag.name.clone()),
            changelog: Some(Changelog::of(&history.commits)),
        }
    }
}

/// What is wanted, before the forge is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseRequest {
    /// What the release is.
    pub kind: ReleaseKind,
    /// The version.
    pub version: Version,
    /// Its commit.
    pub commit: CommitId,
    /// What git tags of versions begin with.
    pub prefix: TagPrefix,
    /// The git tags of the checkout.
    pub known_tags: Vec<String>,
    /// The git tags that move.
    pub moving: Vec<MovingTag>,
    /// Whether the git tag is an object of its own, with a message.
    pub is_annotated: bool,
    /// What changed since the release before.
    pub changes: Changes,
    /// What stands above the changes in the release's text.
    pub introduction: Option<String>,
    /// The workflows that are started at last.
    pub workflows: Vec<WorkflowFile>,
    /// The repository's web address, without a slash at its end.
    pub web: Option<String>,
}

/// What the forge says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReleaseFacts {
    /// The names of all git tags that begin with the prefix.
    pub tags: Vec<String>,
    /// The commits of the release's own git tag and of those that move, as far as they exist.
    pub commits: BTreeMap<String, CommitId>,
    /// The release under the git tag, if there is one.
    pub release: Option<ReleaseState>,
    /// The page of a release that is published.
    pub url: Option<String>,
}

impl ReleaseFacts {
    /// The names of all git tags that begin with the prefix.
    pub fn names(&self) -> Vec<&str> {
        self.tags.iter().map(String::as_str).collect()
    }
}

/// How far a release is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseState {
    /// Only who may write sees it.
    Draft,
    /// Everybody sees it.
    Published,
}

/// What will happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ReleasePlan {
    /// What the release is.
    pub kind: ReleaseKind,
    /// The git tag.
    pub tag: String,
    /// The version.
    pub version: Version,
    /// Its commit.
    pub commit: CommitId,
    /// What happens to the git tag.
    pub git_tag: GitTagAction,
    /// What happens to the release under it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseAction>,
    /// The page of a release that is published already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Whether it becomes the latest release.
    pub is_latest: bool,
    /// Whether the version is a pre-release.
    pub is_prerelease: bool,
    /// Whether the git tag is an object of its own, with a message.
    pub is_annotated: bool,
    /// What happens to the git tags that move.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub moving: Vec<MovingTagPlan>,
    /// The workflows that are started at last, if the release is new.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub workflows: Vec<WorkflowFile>,
    /// What changed since the release before.
    #[serde(flatten)]
    pub changes: Changes,
    /// What it was made from: it is decided once more just before anything is written.
    #[serde(skip)]
    request: Box<ReleaseRequest>,
}

/// What happens to a git tag that moves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MovingTagPlan {
    /// Its name.
    pub tag: String,
    /// What happens to it.
    #[serde(flatten)]
    pub action: GitTagAction,
}

/// What happens to a git tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "lowercase")]
pub enum GitTagAction {
    /// It does not exist, and is put.
    Create,
    /// It points to the commit already.
    Keep,
    /// It leaves another commit for this one.
    Move {
        /// The commit that it leaves.
        from: CommitId,
    },
    /// It stays where it is, or out: another version of its line is greater.
    Hold {
        /// The git tag of that version.
        greater: String,
    },
    /// It cannot be put; nothing at all is done then.
    Conflict(ReleaseConflict),
    /// The forge was not asked.
    Unchecked,
}

impl GitTagAction {
    /// The action's name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Keep => "keep",
            Self::Move { .. } => "move",
            Self::Hold { .. } => "hold",
            Self::Conflict(_) => "conflict",
            Self::Unchecked => "unchecked",
        }
    }

    /// Whether there is nothing to write.
    const fn is_settled(&self) -> bool {
        matches!(self, Self::Keep | Self::Hold { .. })
    }
}

/// What happens to the release under a git tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReleaseAction {
    /// There is none, and it is made.
    Create,
    /// It is a draft, and is completed and published.
    Complete,
    /// It is published, and stays as it is.
    Keep,
    /// The forge was not asked.
    Unchecked,
}

impl ReleaseAction {
    /// The action's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Complete => "complete",
            Self::Keep => "keep",
            Self::Unchecked => "unchecked",
        }
    }

    /// Whether it is not published yet.
    pub const fn is_open(self) -> bool {
        !matches!(self, Self::Keep)
    }
}

impl ReleasePlan {
    /// Plans `request` from what the forge says, or from why it could not be asked.
    pub fn new(request: ReleaseRequest, facts: Fact<&ReleaseFacts>) -> Self {
        decide::decide(request, facts.ok())
    }

    /// The same, from what the forge says now.
    #[must_use]
    pub fn renewed(&self, facts: &ReleaseFacts) -> Self {
        Self::new((*self.request).clone(), Ok(facts))
    }

    /// What it was made from.
    pub fn request(&self) -> &ReleaseRequest {
        &self.request
    }

    /// Why the git tag cannot be put.
    pub fn conflict(&self) -> Option<&ReleaseConflict> {
        match &self.git_tag {
            GitTagAction::Conflict(conflict) => Some(conflict),
            _ => None,
        }
    }

    /// The git tag of the greatest release, if that is another one.
    pub fn greater(&self, facts: &ReleaseFacts) -> Option<String> {
        self.request.greater(&facts.names(), |_| true)
    }

    /// Whether everything is as it should be already.
    pub fn is_fulfilled(&self) -> bool {
        self.git_tag.is_settled()
            && self.release.is_none_or(|release| release == ReleaseAction::Keep)
            && self.moving.iter().all(|moving| moving.action.is_settled())
    }
}
