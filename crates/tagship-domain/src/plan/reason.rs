//! Why a tag is held: as values with stable codes.

use std::fmt;

use semver::Version;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use crate::event::Mismatch;
use crate::facts::{CommitId, Unknown};

/// Why a moving tag must not move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HoldReason {
    /// It points to a greater version.
    PointsToGreaterVersion {
        /// Its version.
        theirs: Version,
        /// This commit's version.
        ours: Version,
    },
    /// A greater version of its line exists.
    GreaterVersionExists {
        /// The greater version.
        version: String,
        /// This commit's version.
        ours: String,
        /// Where it was found.
        place: TagSource,
        /// The tag that names it.
        tag: String,
    },
    /// The version is no stable one, and the tag is for stable ones.
    NotStable {
        /// This commit's version.
        ours: String,
    },
    /// Neither git tags nor the registry's tags could be read whole.
    VersionsUnknown {
        /// This commit's version.
        ours: String,
        /// Why the registry's tags are unknown.
        unknown: Unknown,
    },
    /// It points to a later commit.
    PointsToLaterCommit(CommitId),
    /// It points to a commit that this one does not descend from.
    PointsToUnrelatedCommit(CommitId),
    /// It points to a commit that a shallow clone does not reach.
    CommitOutOfReach(CommitId),
    /// It points to a commit that is not in the repository.
    CommitNotInRepository(CommitId),
    /// It points to an image of this commit that was built again, since base images had changed.
    PointsToPatchedImage,
    /// The event gives it to another commit than the one that is checked out.
    EventIsAboutAnotherCommit(Box<Mismatch>),
    /// Another run moved it on after this one had put it.
    MovedByAnotherRun,
    /// What decides it was not read.
    Undecided,
}

/// Where a git tag or an image's tag was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagSource {
    /// In git.
    Git,
    /// In the registry.
    Registry,
}

impl HoldReason {
    /// Returns the reason where an image's version is greater than that of the image which wants its tag, if both say one.
    pub(crate) fn of_greater_version(ours: Option<&Version>, theirs: Option<&Version>) -> Option<Self> {
        let (ours, theirs) = (ours?, theirs?);
        ours.cmp_precedence(theirs)
            .is_lt()
            .then(|| Self::PointsToGreaterVersion {
                theirs: theirs.clone(),
                ours: ours.clone(),
            })
    }

    /// Returns the stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::PointsToGreaterVersion { .. } => "points-to-greater-version",
            Self::GreaterVersionExists { .. } => "greater-version-exists",
            Self::NotStable { .. } => "not-stable",
            Self::VersionsUnknown { .. } => "versions-unknown",
            Self::PointsToLaterCommit(_) => "points-to-later-commit",
            Self::PointsToUnrelatedCommit(_) => "points-to-unrelated-commit",
            Self::CommitOutOfReach(_) => "commit-out-of-reach",
            Self::CommitNotInRepository(_) => "commit-not-in-repository",
            Self::PointsToPatchedImage => "points-to-patched-image",
            Self::EventIsAboutAnotherCommit(_) => "event-is-about-another-commit",
            Self::MovedByAnotherRun => "moved-by-another-run",
            Self::Undecided => "undecided",
        }
    }

    /// Returns what lets the tag move, where the user can do something.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::VersionsUnknown { .. } => Some(
                "check out the whole history (`fetch-depth: 0` in GitHub Actions, `GIT_DEPTH: 0` in GitLab CI), or let the role list the repository's tags",
            ),
            Self::PointsToUnrelatedCommit(_) | Self::CommitNotInRepository(_) => Some(
                "if the branch was rewritten, delete the tag in the registry: the next run creates it again",
            ),
            Self::CommitOutOfReach(_) => Some(
                "check out the whole history (`fetch-depth: 0` in GitHub Actions, `GIT_DEPTH: 0` in GitLab CI), or give a `github-token` that may read the repository",
            ),
            Self::EventIsAboutAnotherCommit(mismatch) => Some(mismatch.cure()),
            Self::PointsToGreaterVersion { .. }
            | Self::GreaterVersionExists { .. }
            | Self::NotStable { .. }
            | Self::PointsToLaterCommit(_)
            | Self::PointsToPatchedImage
            | Self::MovedByAnotherRun
            | Self::Undecided => None,
        }
    }
}

impl fmt::Display for HoldReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PointsToGreaterVersion { theirs, ours } => {
                write!(f, "it points to version {theirs}, which is greater than {ours}")
            }
            Self::GreaterVersionExists {
                version,
                ours,
                place,
                tag,
            } => {
                let place = match place {
                    TagSource::Git => "git tag",
                    TagSource::Registry => "the registry's tag",
                };
                write!(f, "{version} is greater than {ours}, and {place} `{tag}` exists")
            }
            Self::NotStable { ours } => write!(f, "{ours} is not a stable version"),
            Self::VersionsUnknown { ours, unknown } => write!(
                f,
                "could not determine whether a version greater than {ours} exists: the clone is shallow, and {unknown}"
            ),
            Self::PointsToLaterCommit(commit) => {
                write!(
                    f,
                    "it points to commit {}, which comes after this one",
                    commit.short()
                )
            }
            Self::PointsToUnrelatedCommit(commit) => write!(
                f,
                "it points to commit {}, from which this one does not descend",
                commit.short()
            ),
            Self::CommitOutOfReach(commit) => write!(
                f,
                "it points to commit {}, which this shallow clone does not reach",
                commit.short()
            ),
            Self::CommitNotInRepository(commit) => write!(
                f,
                "it points to commit {}, which is not in this repository",
                commit.short()
            ),
            Self::PointsToPatchedImage => f.write_str("it points to this commit on later base images"),
            Self::EventIsAboutAnotherCommit(mismatch) => mismatch.fmt(f),
            Self::MovedByAnotherRun => f.write_str("another run has moved it on since"),
            Self::Undecided => f.write_str("could not determine whether it may move"),
        }
    }
}

/// As `reason`, the code; `message`; and `hint` where there is one. Flattened into what is held.
impl Serialize for HoldReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("reason", self.code())?;
        map.serialize_entry("message", &self.to_string())?;
        if let Some(hint) = self.hint() {
            map.serialize_entry("hint", hint)?;
        }
        map.end()
    }
}
