//! What a reader should know of a plan: as values with stable codes.

use std::fmt;

use jiff::Timestamp;
use semver::Version;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use super::{NoRebase, Rebase};
use crate::base_digests::BaseChange;
use crate::build::CacheTagError;
use crate::content::Platform;
use crate::facts::{CommitId, Source, Unknown, paths};
use crate::reference::Tag;
use crate::tags::{TagNote, names_other_version};
use crate::untrusted::cleaned;

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
    /// There is no checkout, and the commit is given.
    RevisionGiven {
        /// The commit.
        commit: CommitId,
        /// Whether its time is known.
        has_time: bool,
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
    /// New tags promise to stay, in a registry that protects none.
    NeverProtected {
        /// The tags.
        tags: Vec<Tag>,
    },
    /// Greater versions were looked for in the registry alone, because the clone is shallow.
    GitTagsIncomplete,
    /// Greater versions were looked for in git alone.
    RegistryTagsUnknown(Unknown),
    /// A tag names another version than that which its image says it is.
    OtherVersion {
        /// The tag.
        tag: Tag,
        /// The image's version.
        says: Version,
    },
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
    /// The git tag and the release were made with the job's own token.
    StartsNoWorkflow,
    /// The image is held against none of the branch that the pull request goes to.
    NotCompared {
        /// Why.
        problem: String,
    },
    /// A named context is a repository elsewhere whose commit its address does not name.
    ContextMoves {
        /// The context's name.
        name: String,
        /// The address.
        address: String,
    },
    /// Base images of the published image changed: another one takes its place under moving tags.
    BaseChanged(Rebase),
    /// Base images of the published image changed, and it stays.
    BaseChangeLeft {
        /// Those that changed.
        changes: Vec<BaseChange>,
        /// Why.
        reason: NoRebase,
    },
    /// What a base image is now is not known, and it is not compared.
    BaseUnknown {
        /// The image as the Dockerfile names it.
        image: String,
        /// Why.
        problem: String,
    },
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
    /// The next version is proposed for review.
    Proposed,
}

impl NoRelease {
    const fn words(self) -> &'static str {
        match self {
            Self::NoVersion => "the commit has no version",
            Self::Dirty => "the working tree differs from its commit",
            Self::PullRequest => "the run is about a pull request",
            Self::Proposed => "a pull request proposes the next version, which is released when it is merged",
        }
    }
}

impl Note {
    /// Returns what is to be known of the files that are built from.
    pub(super) fn of_source(source: &Source) -> Option<Self> {
        if source.is_given {
            return Some(Self::RevisionGiven {
                commit: source.commit.clone(),
                has_time: source.committed_at != Timestamp::UNIX_EPOCH,
            });
        }
        let count = source.change_count;
        source.is_dirty().then_some(Self::Dirty { count })
    }

    /// Returns the note that a tag names another version than the image says it is, if both name one.
    pub(crate) fn of_other_version(tag: &Tag, image: Option<&Version>) -> Option<Self> {
        let says = image.filter(|says| names_other_version(tag, says))?;
        Some(Self::OtherVersion {
            tag: tag.clone(),
            says: says.clone(),
        })
    }

    /// Returns the stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Tag(note) => note.code(),
            Self::Dirty { .. } => "dirty",
            Self::RevisionGiven { .. } => "revision-given",
            Self::RegistryUnchecked(_) => "registry-unchecked",
            Self::MutabilityUnknown(_) => "mutability-unknown",
            Self::Unprotected { .. } => "unprotected",
            Self::NeverProtected { .. } => "never-protected",
            Self::GitTagsIncomplete => "git-tags-incomplete",
            Self::RegistryTagsUnknown(_) => "registry-tags-unknown",
            Self::OtherVersion { .. } => "other-version",
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
            Self::StartsNoWorkflow => "starts-no-workflow",
            Self::NotCompared { .. } => "not-compared",
            Self::ContextMoves { .. } => "context-moves",
            Self::BaseChanged(_) => "base-changed",
            Self::BaseChangeLeft { .. } => "base-change-left",
            Self::BaseUnknown { .. } => "base-unknown",
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
            Self::RevisionGiven { commit, has_time } => given(f, commit, *has_time),
            Self::RegistryUnchecked(unknown) => {
                write!(f, "tags and the repository's setting could not be checked: {unknown}")
            }
            Self::MutabilityUnknown(unknown) => {
                write!(f, "the repository's tag mutability is unknown: {unknown}")
            }
            Self::Unprotected { tags } => write!(
                f,
                "the repository lets {} move, by another tool or by a run at the same moment: `IMMUTABLE_WITH_EXCLUSION`, or `IMMUTABLE` where no tag moves, rules that out",
                quoted(tags)
            ),
            Self::NeverProtected { tags } => write!(
                f,
                "ECR Public has no tag immutability: no run of Tagship moves {}, but another tool that may push can; a pull by digest gets what was published",
                quoted(tags)
            ),
            Self::GitTagsIncomplete => f.write_str(
                "greater versions were looked for in the registry: the clone is shallow, and may lack git tags",
            ),
            Self::RegistryTagsUnknown(unknown) => {
                write!(f, "greater versions were looked for in git tags only: {unknown}")
            }
            Self::OtherVersion { tag, says } => {
                write!(f, "tag `{tag}` names another version than the image, which says that it is {says}")
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
            Self::NotReleased(reason) => write!(f, "nothing is released: {}", reason.words()),
            Self::SigningUnchecked(unknown) => {
                write!(f, "whether a rule has the repository's images signed could not be checked: {unknown}")
            }
            Self::DocumentsUnread(unknown) => {
                write!(f, "the release lacks bills of materials, provenance or signatures that the registry has: {unknown}")
            }
            Self::DocumentLeftOut { name } => {
                write!(f, "the release is without `{name}`: it is too large, one of too many, or not what the registry says it is")
            }
            Self::ContextMoves { name, address } => write!(
                f,
                "context `{}` is whatever commit `{}` is when it is built: an address with a commit's whole id, as `#ID:FOLDER`, makes it one",
                cleaned(name),
                cleaned(address)
            ),
            Self::BaseChanged(Rebase { replaces, changes }) => write!(
                f,
                "base images changed: {}; another image of this commit gets moving and dated tags, and all other tags stay at {}",
                listed(changes),
                replaces.short()
            ),
            Self::BaseChangeLeft { changes, reason } => {
                let reason = match reason {
                    NoRebase::TagsMissing => {
                        "tags that promise to stay are missing, and get the published image first; the next run builds again"
                    }
                    NoRebase::NoMovingTag => "nothing is built, because no moving or dated tag would get the image",
                };
                write!(f, "base images changed: {}; {reason}", listed(changes))
            }
            Self::BaseUnknown { image, problem } => {
                let (image, problem) = (cleaned(image), cleaned(problem));
                write!(f, "whether base image `{image}` changed is not known: {problem}")
            }
            Self::StartsNoWorkflow => f.write_str(
                "the job's own token released this, for which GitHub starts no workflow `on: push: tags`, `on: create` or `on: release`: name what is to follow in `dispatch-workflow`, let it be a job with `needs`, or give `github-token` the token of an app",
            ),
            Self::NotCompared { problem } => {
                write!(f, "the image is not compared with that of the branch that this goes to: {}", cleaned(problem))
            }
            Self::Untested(platform) => {
                write!(f, "the image for {platform} was not tested: the engine cannot run it")
            }
        }
    }
}

fn given(f: &mut fmt::Formatter<'_>, commit: &CommitId, has_time: bool) -> fmt::Result {
    write!(
        f,
        "the files are said to be those of commit {}: there is no git checkout, so whether any was changed and which git tags it has is not known",
        commit.short()
    )?;
    if !has_time {
        f.write_str("; the image's times are 1970-01-01, because `revision-time` is not given")?;
    }
    Ok(())
}

fn quoted(tags: &[Tag]) -> String {
    let names: Vec<String> = tags.iter().map(|tag| format!("`{tag}`")).collect();
    names.join(", ")
}

fn listed(changes: &[BaseChange]) -> String {
    let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
    changes.join(", ")
}

impl Serialize for Note {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("code", self.code())?;
        map.serialize_entry("message", &self.to_string())?;
        map.end()
    }
}
