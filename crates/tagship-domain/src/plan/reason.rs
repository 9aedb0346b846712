//! Why a tag is held, what a reader should know of a plan, and why something is unknown: as values with stable codes.

use std::fmt;

use semver::Version;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use crate::build::CacheTagError;
use crate::content::Platform;
use crate::event::Mismatch;
use crate::facts::{CommitId, Unknown, paths};
use crate::reference::Tag;
use crate::tags::TagNote;
use crate::untrusted::cleaned;

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
            Self::EventIsAboutAnotherCommit(_) => "event-is-about-another-commit",
            Self::MovedByAnotherRun => "moved-by-another-run",
            Self::Undecided => "undecided",
        }
    }

    /// Returns what lets the tag move, where the user can do something.
    pub const fn hint(&self) -> Option<&'static str> {
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
            Self::EventIsAboutAnotherCommit(_) => Some(Mismatch::HINT),
            Self::PointsToGreaterVersion { .. }
            | Self::GreaterVersionExists { .. }
            | Self::NotStable { .. }
            | Self::PointsToLaterCommit(_)
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

/// What a reader should know of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// What the tag rules have to say.
    Tag(TagNote),
    /// The working tree is not what the commit says.
    Dirty {
        /// How many paths differ.
        count: usize,
    },
    /// The registry could not be asked.
    RegistryUnchecked(Unknown),
    /// The repository's setting could not be read.
    MutabilityUnknown(Unknown),
    /// New tags promise to stay, and the repository would let them move.
    Unprotected {
        /// The tags.
        tags: Vec<Tag>,
    },
    /// Greater versions were looked for in the registry alone, because the clone is shallow.
    GitTagsIncomplete,
    /// Greater versions were looked for in git alone.
    RegistryTagsUnknown(Unknown),
    /// What published images say of themselves could not be read.
    LabelsUnread(Unknown),
    /// The commit is published with other labels than are asked for, and is not built again for them.
    LabelsKept {
        /// Their names.
        names: Vec<String>,
    },
    /// The config of what was pushed could not be read back.
    ConfigUnread(Unknown),
    /// How the repository's images are scanned could not be read.
    ScanSettingUnknown(Unknown),
    /// What the pull-through cache has, or whether its rules can be used, could not be checked.
    CacheUnchecked(Unknown),
    /// The cache that `cache: auto` would keep is left out.
    WithoutCache(CacheTagError),
    /// A release is asked for, and there is none.
    NotReleased(NoRelease),
    /// Whether a rule has the repository's images signed could not be read.
    SigningUnchecked(Unknown),
    /// The release does not carry all that the registry holds about the image: the role may not read it.
    DocumentsUnread(Unknown),
    /// The release does not carry a document: it is too large, one too many, or not what it says.
    DocumentLeftOut {
        /// The name that its file would have.
        name: String,
    },
    /// The image of this platform was not tested.
    Untested(Platform),
}

/// Why a run that is to release does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoRelease {
    /// The commit has no version.
    NoVersion,
    /// The working tree differs from the commit.
    Dirty,
    /// The run is about a pull request, whose commit may never be merged.
    PullRequest,
}

impl Note {
    /// Returns the stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Tag(note) => note.code(),
            Self::Dirty { .. } => "dirty",
            Self::RegistryUnchecked(_) => "registry-unchecked",
            Self::MutabilityUnknown(_) => "mutability-unknown",
            Self::Unprotected { .. } => "unprotected",
            Self::GitTagsIncomplete => "git-tags-incomplete",
            Self::RegistryTagsUnknown(_) => "registry-tags-unknown",
            Self::LabelsUnread(_) => "labels-unread",
            Self::LabelsKept { .. } => "labels-kept",
            Self::ConfigUnread(_) => "config-unread",
            Self::ScanSettingUnknown(_) => "scan-setting-unknown",
            Self::CacheUnchecked(_) => "cache-unchecked",
            Self::WithoutCache(_) => "without-cache",
            Self::NotReleased(_) => "not-released",
            Self::SigningUnchecked(_) => "signing-unchecked",
            Self::DocumentsUnread(_) => "documents-unread",
            Self::DocumentLeftOut { .. } => "document-left-out",
            Self::Untested(_) => "untested",
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(note) => note.fmt(f),
            Self::Dirty { count } => write!(
                f,
                "the working tree differs from its commit in {}: tags and revision are marked `-dirty`",
                paths(*count)
            ),
            Self::RegistryUnchecked(unknown) => {
                write!(f, "tags and the repository's setting could not be checked: {unknown}")
            }
            Self::MutabilityUnknown(unknown) => {
                write!(f, "the repository's tag mutability is unknown: {unknown}")
            }
            Self::Unprotected { tags } => {
                let names: Vec<String> = tags.iter().map(|tag| format!("`{tag}`")).collect();
                write!(
                    f,
                    "the repository lets {} move, by another tool or by a run at the same moment: `IMMUTABLE_WITH_EXCLUSION`, or `IMMUTABLE` where no tag moves, rules that out",
                    names.join(", ")
                )
            }
            Self::GitTagsIncomplete => f.write_str(
                "greater versions were looked for in the registry: the clone is shallow, and may lack git tags",
            ),
            Self::RegistryTagsUnknown(unknown) => {
                write!(f, "greater versions were looked for in git tags only: {unknown}")
            }
            Self::LabelsUnread(unknown) => {
                write!(f, "the labels of published images were not read, and their tags alone say what they are of: {unknown}")
            }
            Self::LabelsKept { names } => {
                let names: Vec<String> = names.iter().map(|name| format!("`{}`", cleaned(name))).collect();
                write!(
                    f,
                    "the published image has no label {} as it is asked for now: labels alone make no new image of a commit",
                    names.join(", ")
                )
            }
            Self::ConfigUnread(unknown) => {
                write!(f, "the image's config was found by its digest and size, and not read back: {unknown}")
            }
            Self::ScanSettingUnknown(unknown) => {
                write!(f, "whether the repository's images are scanned could not be checked: {unknown}")
            }
            Self::CacheUnchecked(unknown) => {
                write!(f, "what the pull-through cache holds could not be checked: {unknown}")
            }
            Self::WithoutCache(error) => write!(f, "no cache is kept: {error}"),
            Self::NotReleased(NoRelease::NoVersion) => f.write_str("nothing is released: the commit has no version"),
            Self::NotReleased(NoRelease::Dirty) => {
                f.write_str("nothing is released: the working tree differs from its commit")
            }
            Self::NotReleased(NoRelease::PullRequest) => {
                f.write_str("nothing is released: the run is about a pull request")
            }
            Self::SigningUnchecked(unknown) => {
                write!(f, "whether a rule has the repository's images signed could not be checked: {unknown}")
            }
            Self::DocumentsUnread(unknown) => {
                write!(f, "the release lacks bills of materials, provenance or signatures that the registry has: {unknown}")
            }
            Self::DocumentLeftOut { name } => {
                write!(f, "the release is without `{name}`: it is too large, one of too many, or not what the registry says it is")
            }
            Self::Untested(platform) => {
                write!(f, "the image for {platform} was not tested: the engine cannot run it")
            }
        }
    }
}

impl Serialize for Note {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("code", self.code())?;
        map.serialize_entry("message", &self.to_string())?;
        map.end()
    }
}
