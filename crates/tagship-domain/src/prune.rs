//! Which images of a repository may go: what lifecycle policies cannot say, such as lines of versions and branches that are gone.
//!
//! A rule is about images by their tags: releases, branches, other tags, none. Images that no rule is about stay.

mod decide;
mod order;
mod tags;

use std::collections::BTreeSet;

use jiff::Timestamp;
use semver::Version;
use serde::Serialize;

use crate::reference::{Digest, RepositoryName};
use crate::repositories::{Protection, StoredImage};
use crate::tags::ref_tag;

/// Which images stay. Of those that a rule is about, all others go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PruneRules {
    /// Tags that keep their images; `*` stands for zero or more characters.
    pub keep: Vec<String>,
    /// Images stay that were pushed, pulled or restored in this many days.
    pub keep_days: Option<u32>,
    /// Of releases.
    pub releases: Option<ReleaseRule>,
    /// Of images of branches.
    pub branches: Option<BranchRule>,
    /// Of images with other tags alone, this many of the newest stay.
    pub last: Option<u32>,
    /// Images without a tag stay for this many days, if no index and no image that stays needs them.
    pub untagged_days: Option<u32>,
}

impl PruneRules {
    /// Whether no image may go.
    pub fn is_empty(&self) -> bool {
        self.releases.is_none()
            && self.branches.is_none()
            && self.last.is_none()
            && self.untagged_days.is_none()
    }
}

/// Which releases stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReleaseRule {
    /// What one line is.
    pub line: Line,
    /// How many of the greatest versions of each line stay; pre-releases stay until their line has a greater release.
    pub keep: u32,
}

/// Versions that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// Those of one major version.
    Major,
    /// Those of one minor version.
    Minor,
}

impl Line {
    fn of(self, version: &Version) -> (u64, Option<u64>) {
        let minor = matches!(self, Self::Minor).then_some(version.minor);
        (version.major, minor)
    }
}

/// Which images of branches stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchRule {
    /// Which tags are those of branches; `*` stands for zero or more characters.
    patterns: Vec<String>,
    /// The tags of branches that are there.
    live: BTreeSet<String>,
}

impl BranchRule {
    /// Returns the rule for tags that match a pattern, and for the branches that are there.
    pub fn new<'a>(patterns: Vec<String>, branches: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            patterns,
            live: branches.into_iter().map(ref_tag).collect(),
        }
    }
}

/// What there is to delete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PrunePlan {
    /// How many images the repository has.
    pub total: usize,
    /// Those that go: an index before what it lists, the oldest first.
    pub removed: Vec<RemovedImage>,
    /// Those that stay.
    pub kept: Vec<KeptImage>,
}

/// An image that goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RemovedImage {
    /// The image.
    pub digest: Digest,
    /// Its tags.
    pub tags: Vec<String>,
    /// When it was pushed.
    pub pushed_at: Timestamp,
    /// Bytes, compressed, where the registry says so; what it shares with others stays.
    pub size: Option<u64>,
    /// Why it goes.
    pub reason: RemoveReason,
    /// When it is its turn: after all of a lower number.
    pub turn: usize,
}

/// An image that stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct KeptImage {
    /// The image.
    pub digest: Digest,
    /// Its tags.
    pub tags: Vec<String>,
    /// Why it stays.
    pub reason: KeepReason,
}

/// Why an image goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum RemoveReason {
    /// Its line has greater versions.
    #[error("{version} has greater versions in its line")]
    Superseded {
        /// The version.
        version: Version,
    },
    /// Its branch is gone.
    #[error("branch of tag `{tag}` is gone")]
    BranchGone {
        /// The tag.
        tag: String,
    },
    /// There are newer images.
    #[error("newer images are kept")]
    Older,
    /// It has no tag, and is old.
    #[error("without a tag")]
    Untagged,
    /// What it is part of, or about, goes.
    #[error("goes with {}", with.short())]
    With {
        /// The index or the subject.
        with: Digest,
    },
}

/// Why an image stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum KeepReason {
    /// A declaration protects it.
    #[error("protected")]
    Protected {
        /// The tag, the digest or the file.
        by: String,
    },
    /// It is the greatest release of its line.
    #[error("the last release of a line")]
    LastRelease {
        /// The version.
        version: Version,
        /// The line, such as `1.x`.
        line: String,
    },
    /// A tag is to be kept.
    #[error("kept by its tag")]
    Tag {
        /// The tag.
        tag: String,
    },
    /// It is one of the greatest of its line.
    #[error("among the greatest of a line")]
    Release {
        /// The version.
        version: Version,
    },
    /// Its branch is there.
    #[error("of a branch that is there")]
    Branch {
        /// The tag.
        tag: String,
    },
    /// It is one of the newest.
    #[error("among the newest")]
    Newest,
    /// It is young, or was used a short time ago.
    #[error("young or in use")]
    Recent,
    /// An index that stays lists it.
    #[error("part of an index that stays")]
    PartOf {
        /// The index.
        index: Digest,
    },
    /// It is about an image that stays.
    #[error("about an image that stays")]
    About {
        /// The image.
        subject: Digest,
    },
    /// An index may list it that could not be read.
    #[error("perhaps part of an archived index")]
    UnreadIndex,
    /// No rule is about it.
    #[error("no rule is about it")]
    NoRule,
}

impl PrunePlan {
    /// Returns what goes of these images, which are all that the repository has.
    pub fn new(
        rules: &PruneRules,
        stored: &[StoredImage],
        repository: &RepositoryName,
        protection: &Protection,
        now: Timestamp,
    ) -> Self {
        let decisions = decide::decide(rules, stored, repository, protection, now);
        let turns = order::turns(stored, &decisions);
        let (mut removed, mut kept) = (Vec::new(), Vec::new());
        for ((one, decision), turn) in stored.iter().zip(decisions).zip(turns) {
            let (digest, tags) = (one.image.digest, one.image.tags.clone());
            match decision {
                Ok(reason) => kept.push(KeptImage { digest, tags, reason }),
                Err(reason) => removed.push(RemovedImage {
                    digest,
                    tags,
                    pushed_at: one.image.pushed_at,
                    size: one.size,
                    reason,
                    turn,
                }),
            }
        }
        removed.sort_by_key(|one| (one.turn, one.pushed_at, one.digest));
        Self {
            total: stored.len(),
            removed,
            kept,
        }
    }

    /// Returns how many bytes the images have that go; what they share with others stays.
    pub fn bytes(&self) -> u64 {
        let sizes = self.removed.iter().filter_map(|image| image.size);
        sizes.fold(0, u64::saturating_add)
    }
}

#[cfg(test)]
mod tests;
