//! What happens when an image that is there gets other tags, in its own repository or in another.

use std::borrow::Cow;
use std::fmt;

use semver::Version;
use serde::Serialize;

use super::{Candidate, Conflict, Conflicts, HoldReason, Note, TagAction};
use crate::error::{Diagnose, FailureKind};
use crate::facts::{Facts, ImageFacts, Revision};
use crate::immutability::Mutability;
use crate::reference::{Digest, ImageName, Tag};
use crate::tags::{DesiredTag, Order};

/// An image that is promoted, and the tags that it is to have in one repository.
#[derive(Debug, Clone)]
pub struct PromotionRequest {
    /// Its digest; absent of an image that has none before it is pushed.
    pub digest: Option<Digest>,
    /// Its commit, if it says so.
    pub revision: Option<Revision>,
    /// What else it says of itself.
    pub facts: ImageFacts,
    /// The repository that gets it.
    pub to: ImageName,
    /// The tags.
    pub tags: Vec<DesiredTag>,
    /// Whether tags may go back to an earlier image.
    pub is_rollback: bool,
}

/// What will happen in one repository.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PromotionPlan {
    /// The repository that gets the image.
    pub image: ImageName,
    /// The image's digest, if it has one already.
    pub digest: Option<Digest>,
    /// The commit that the image says it was built from.
    pub revision: Option<Revision>,
    /// The version that the image says it has.
    pub version: Option<Version>,
    /// The version that the image itself says it has, and not its tags.
    #[serde(skip)]
    pub own_version: Option<Version>,
    /// What happens to each tag.
    pub tags: Vec<PromotedTag>,
    /// The repository's setting, if it could be read.
    pub mutability: Option<Mutability>,
}

/// What happens to one tag.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PromotedTag {
    /// The tag. Where a rollback moves it, it may move anywhere.
    #[serde(flatten)]
    pub wanted: DesiredTag,
    /// What happens to it.
    #[serde(flatten)]
    pub action: TagAction,
    /// Whether it goes back to an earlier image.
    pub rollback: bool,
}

impl PromotionRequest {
    /// Returns the image that wants the tags.
    pub fn candidate(&self) -> Candidate<'_> {
        Candidate {
            digest: self.digest,
            revision: self.revision.as_ref(),
            version: self.facts.version.as_ref(),
            request: self.facts.request.as_ref(),
        }
    }

    /// Plans from what was read of the repository.
    pub fn plan(&self, facts: &Facts) -> PromotionPlan {
        let candidate = self.candidate();
        let tags = self.tags.iter().map(|wanted| {
            let action = candidate.action(wanted, facts);
            let (at, reason) = match &action {
                TagAction::Hold { at, reason, .. } => (*at, Some(reason)),
                _ => (None, None),
            };
            match (at, reason) {
                (Some(from), Some(reason)) if self.is_rollback && is_set_back(reason) => PromotedTag {
                    wanted: DesiredTag {
                        order: Some(Order::Anywhere),
                        ..wanted.clone()
                    },
                    action: TagAction::Move { from },
                    rollback: true,
                },
                _ => PromotedTag {
                    wanted: wanted.clone(),
                    action,
                    rollback: false,
                },
            }
        });
        PromotionPlan {
            image: self.to.clone(),
            digest: self.digest,
            revision: self.revision.clone(),
            version: self.facts.version.clone(),
            own_version: self.facts.own_version().cloned(),
            tags: tags.collect(),
            mutability: facts.mutability.clone().ok(),
        }
    }
}

/// Whether a tag is held because the image that has it is a later one.
fn is_set_back(reason: &HoldReason) -> bool {
    matches!(
        reason,
        HoldReason::PointsToGreaterVersion { .. }
            | HoldReason::GreaterVersionExists { .. }
            | HoldReason::PointsToLaterCommit(_)
            | HoldReason::PointsToUnrelatedCommit(_)
    )
}

impl PromotionPlan {
    /// Returns every tag that is taken, or that the repository would not let move.
    pub fn conflicts(&self) -> Option<Conflicts> {
        let conflicts = self.tags.iter().filter_map(|tag| match &tag.action {
            TagAction::Conflict(conflict) => Some((tag.wanted.tag.clone(), conflict.clone())),
            _ => None,
        });
        let tags: Vec<(Tag, Conflict)> = conflicts.collect();
        let conflicts = Conflicts::of(&self.image, self.mutability.as_ref(), tags)?;
        Some(Conflicts {
            is_promotion: true,
            ..conflicts
        })
    }

    /// Returns every tag that would have to go back, or cannot be decided: a promotion is no promotion without it.
    pub fn set_backs(&self) -> Option<SetBacks> {
        let held = self.tags.iter().filter_map(|tag| match &tag.action {
            TagAction::Hold { at, reason, .. } => Some(SetBack {
                tag: tag.wanted.tag.clone(),
                at: *at,
                reason: reason.clone(),
            }),
            _ => None,
        });
        let tags: Vec<SetBack> = held.collect();
        (!tags.is_empty()).then(|| SetBacks {
            image: self.image.clone(),
            tags,
        })
    }

    /// Returns what a reader should know of it: which new tags name another version than the image does itself. That it has
    /// an older version's tag is no claim of its own.
    pub fn notes(&self) -> Vec<Note> {
        let is_new = |tag: &&PromotedTag| tag.action == TagAction::Create;
        let notes = self.tags.iter().filter(is_new);
        notes
            .filter_map(|tag| Note::of_other_version(&tag.wanted.tag, self.own_version.as_ref()))
            .collect()
    }

    /// Whether everything is as it should be already.
    pub fn is_fulfilled(&self) -> bool {
        self.tags
            .iter()
            .all(|tag| matches!(tag.action, TagAction::Keep { .. }))
    }
}

/// A tag that is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SetBack {
    /// The tag.
    pub tag: Tag,
    /// Where it is.
    pub at: Option<Digest>,
    /// Why it stays there.
    #[serde(flatten)]
    pub reason: HoldReason,
}

/// All tags of a promotion that are held, together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetBacks {
    /// The repository.
    pub image: ImageName,
    /// Each; never empty.
    pub tags: Vec<SetBack>,
}

impl fmt::Display for SetBacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, SetBack { tag, at, reason }) in self.tags.iter().enumerate() {
            let and = if number > 0 { "\n  and " } else { "" };
            write!(f, "{and}tag `{tag}` in `{}` stays", self.image.repository)?;
            if let Some(at) = at {
                write!(f, " at {at}")?;
            }
            write!(f, ": {reason}")?;
        }
        Ok(())
    }
}

impl std::error::Error for SetBacks {}

impl Diagnose for SetBacks {
    fn kind(&self) -> FailureKind {
        FailureKind::TagConflict
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        if self.tags.iter().any(|held| is_set_back(&held.reason)) {
            return Some("to go back to an earlier image, add `--rollback`; `order=none` in the rule lets the tag go anywhere".into());
        }
        self.tags
            .iter()
            .find_map(|held| held.reason.hint())
            .map(Into::into)
    }
}
