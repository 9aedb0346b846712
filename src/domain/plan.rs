//! What will happen, as data: a pure function from what was read.

use std::fmt;

use semver::Version;
use serde::Serialize;

use crate::domain::build::BuildRequest;
use crate::domain::facts::{RegistryFacts, Source};
use crate::domain::immutability::Mutability;
use crate::domain::reference::{Digest, ImageName, Tag};
use crate::domain::tags::{DIRTY_SUFFIX, Wanted, WantedTag};

mod decide;

pub use decide::goes_backwards;

/// What is wanted, before the registry is asked.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Where the image goes.
    pub image: ImageName,
    /// What the checkout says.
    pub source: Source,
    /// The version, if the commit has one.
    pub version: Option<Version>,
    /// The tags.
    pub wanted: Wanted,
    /// Whether to build although the commit is published.
    pub rebuild: bool,
    /// What to build.
    pub build: BuildRequest,
}

/// Everything that will happen. The only thing that the pipeline's writing half follows.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// Where the image goes.
    pub image: ImageName,
    /// The commit, marked when the working tree differs from it.
    pub revision: String,
    /// The version, if the commit has one.
    pub version: Option<Version>,
    /// Where the content comes from.
    pub content: Content,
    /// What happens to each tag, in the order in which tags are put.
    pub tags: Vec<PlannedTag>,
    /// The repository's setting, if it could be read.
    pub mutability: Option<Mutability>,
    /// What a reader should know.
    pub notes: Vec<String>,
}

/// Where the content of the tags comes from.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "from", rename_all = "lowercase")]
pub enum Content {
    /// It is built.
    Build {
        /// What is built.
        request: Box<BuildRequest>,
    },
    /// The commit is published already.
    Published {
        /// The manifest's digest.
        digest: Digest,
        /// The tag that told.
        tag: Tag,
    },
}

/// What happens to one tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedTag {
    /// The tag.
    #[serde(flatten)]
    pub wanted: WantedTag,
    /// What happens to it.
    #[serde(flatten)]
    pub action: TagAction,
}

/// What happens to a tag, with what was seen: the write is conditional on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "lowercase")]
pub enum TagAction {
    /// It does not exist, and is put.
    Create,
    /// It points to this commit's image already.
    Keep {
        /// The image.
        digest: Digest,
    },
    /// It points to another image, and is moved.
    Move {
        /// The image that it leaves.
        from: Digest,
    },
    /// It points to an image that it must not leave, and stays.
    Hold {
        /// The image that it stays at.
        at: Digest,
        /// Why.
        reason: String,
    },
    /// It cannot be had; nothing at all is done then.
    Conflict(Conflict),
    /// The registry could not be asked.
    Unchecked,
}

impl TagAction {
    /// The action's name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Keep { .. } => "keep",
            Self::Move { .. } => "move",
            Self::Hold { .. } => "hold",
            Self::Conflict(_) => "conflict",
            Self::Unchecked => "unchecked",
        }
    }
}

/// Why a tag cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// The image that has the tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub existing: Option<Digest>,
    /// The commit that the other image says it was built from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub existing_revision: Option<String>,
    /// This commit's image, if it exists already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ours: Option<Digest>,
    /// This commit.
    pub our_revision: String,
    /// What stands in the way.
    pub obstacle: Obstacle,
}

/// What stands in a tag's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Obstacle {
    /// The tag promises not to move, and points to another image.
    Taken,
    /// The tag has to move later, and the repository will not let it.
    RepositoryIsImmutable,
}

impl Plan {
    /// Plans `wish` from what the registry says, or from why it could not be asked.
    pub fn new(wish: Wish, registry: Result<&RegistryFacts, String>) -> Self {
        decide::decide(wish, registry)
    }

    /// Every tag that cannot be had.
    pub fn conflicts(&self) -> Option<Conflicts> {
        let tags: Vec<(Tag, Conflict)> = self
            .tags
            .iter()
            .filter_map(|planned| match &planned.action {
                TagAction::Conflict(conflict) => Some((planned.wanted.tag.clone(), conflict.clone())),
                _ => None,
            })
            .collect();
        (!tags.is_empty()).then(|| Conflicts {
            image: self.image.clone(),
            tags,
        })
    }

    /// Whether everything is as it should be already.
    pub fn is_fulfilled(&self) -> bool {
        matches!(self.content, Content::Published { .. })
            && self
                .tags
                .iter()
                .all(|tag| matches!(tag.action, TagAction::Keep { .. } | TagAction::Hold { .. }))
    }
}

/// All tags that cannot be had, together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflicts {
    /// The repository.
    pub image: ImageName,
    /// Each tag with its conflict; never empty.
    pub tags: Vec<(Tag, Conflict)>,
}

impl fmt::Display for Conflicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let repository = &self.image.repository;
        for (index, (tag, conflict)) in self.tags.iter().enumerate() {
            if index > 0 {
                f.write_str("\n  and ")?;
            }
            match conflict.obstacle {
                Obstacle::Taken => write!(
                    f,
                    "tag `{tag}` in `{repository}` must not move and already points to "
                )?,
                Obstacle::RepositoryIsImmutable => {
                    write!(
                        f,
                        "tag `{tag}` in `{repository}` has to move with later versions, and the repository is immutable"
                    )?;
                    if conflict.existing.is_some() {
                        f.write_str("; it points to ")?;
                    }
                }
            }
            if let Some(existing) = &conflict.existing {
                write!(f, "{existing}")?;
                if let Some(revision) = &conflict.existing_revision {
                    write!(f, " (of commit {})", short_revision(revision))?;
                }
                let ours = short_revision(&conflict.our_revision);
                match &conflict.ours {
                    Some(digest) => write!(f, ", this commit's image is {digest} (of commit {ours})")?,
                    None => write!(f, ", and commit {ours} is not built yet")?,
                }
            }
        }
        Ok(())
    }
}

impl std::error::Error for Conflicts {}

impl crate::error::Diagnose for Conflicts {
    fn kind(&self) -> crate::error::Kind {
        crate::error::Kind::TagConflict
    }

    fn hint(&self) -> Option<std::borrow::Cow<'static, str>> {
        let tags = |obstacle| {
            let mut tags = self
                .tags
                .iter()
                .filter(move |(_, conflict)| conflict.obstacle == obstacle);
            tags.next().map(|(tag, _)| tag)
        };
        if tags(Obstacle::Taken).is_some() {
            return Some(
                "publish this commit under another version; what is published stays what it is".into(),
            );
        }
        tags(Obstacle::RepositoryIsImmutable).map(|tag| {
            format!("let the tag move with an IMMUTABLE_WITH_EXCLUSION filter such as `{tag}`, or leave it out of `tags`").into()
        })
    }
}

/// A revision label cut to its first 12 digits; it may be hostile.
fn short_revision(revision: &str) -> String {
    let (digits, mark) = revision
        .strip_suffix(DIRTY_SUFFIX)
        .map_or((revision, ""), |digits| (digits, DIRTY_SUFFIX));
    digits
        .chars()
        .filter(|c| !c.is_control())
        .take(12)
        .chain(mark.chars())
        .collect()
}

/// The revision label of a checkout.
pub fn revision(source: &Source) -> String {
    let mark = if source.is_dirty() { DIRTY_SUFFIX } else { "" };
    format!("{}{mark}", source.commit)
}

#[cfg(test)]
mod tests;
