//! A patched base image under an unchanged commit: another image of it takes the place of the published one, under moving
//! and dated tags alone.

use serde::Serialize;

use super::{Candidate, PlanRequest, PlannedTag, Scope, TagAction};
use crate::base_digests::BaseChange;
use crate::facts::{Facts, Revision};
use crate::reference::{Digest, Tag};
use crate::tags::TagClass;

/// The image that another one replaces, since base images changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Rebase {
    /// The image that keeps the commit tag and the exact version.
    pub replaces: Digest,
    /// The base images that changed since it was built.
    pub changes: Vec<BaseChange>,
}

/// Why a commit is not built again although base images changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoRebase {
    /// Tags that promise to stay are missing, and get the published image first.
    TagsMissing,
    /// No tag that may move would get the new image.
    NoMovingTag,
}

/// What changed base images come to.
pub(super) enum RebaseDecision {
    /// Nothing: there are none, or they are not looked for.
    Current,
    /// All stays as it is.
    Left {
        changes: Vec<BaseChange>,
        reason: NoRebase,
    },
    /// Another image takes the place of the published one, under these tags.
    Replaced {
        rebase: Rebase,
        /// It, where an earlier run published it.
        newer: Option<(Digest, Tag)>,
        tags: Vec<PlannedTag>,
    },
}

impl PlanRequest {
    /// The image that moving tags get in place of the published one where base images changed since that was built: one that
    /// an earlier run published, or else one that has no digest yet.
    pub fn replacement<'a>(&'a self, facts: &Facts, revision: &'a Revision) -> Option<Candidate<'a>> {
        let (published, ..) = self.published(facts, revision)?;
        let changes = self.base_changes(published, facts);
        let candidate = || Candidate {
            digest: self.newer(published, facts, revision).map(|(digest, _)| digest),
            revision: Some(revision),
            version: self.version.as_ref(),
            request: Some(&self.request),
        };
        (!changes.is_empty()).then(candidate)
    }

    /// Decides what becomes of a published image; `tags` are planned for it.
    pub(super) fn rebase(
        &self,
        replaces: Digest,
        tags: &[PlannedTag],
        facts: &Facts,
        revision: &Revision,
    ) -> RebaseDecision {
        let changes = self.base_changes(replaces, facts);
        let Some(candidate) = self.replacement(facts, revision).filter(|_| !changes.is_empty()) else {
            return RebaseDecision::Current;
        };
        let left = |reason| RebaseDecision::Left {
            changes: changes.clone(),
            reason,
        };
        let (moving, staying): (Vec<&PlannedTag>, Vec<_>) =
            tags.iter().partition(|tag| tag.wanted.class == TagClass::Moving);
        if !staying
            .iter()
            .all(|tag| matches!(tag.action, TagAction::Keep { .. }))
        {
            return left(NoRebase::TagsMissing);
        }
        let newer = self.newer(replaces, facts, revision);
        let tags: Vec<PlannedTag> = moving
            .iter()
            .map(|tag| PlannedTag {
                wanted: tag.wanted.clone(),
                action: candidate.action(&tag.wanted, facts),
            })
            .collect();
        if tags
            .iter()
            .all(|tag| matches!(tag.action, TagAction::Hold { .. }))
        {
            return left(NoRebase::NoMovingTag);
        }
        RebaseDecision::Replaced {
            rebase: Rebase { replaces, changes },
            newer,
            tags,
        }
    }

    /// The base images that are others than those of the published image, as far as it may be replaced.
    fn base_changes(&self, published: Digest, facts: &Facts) -> Vec<BaseChange> {
        let Some(bases) = self.bases.as_ref().filter(|_| !self.rebuild) else {
            return Vec::new();
        };
        if !matches!(self.scope, Scope::Whole) {
            return Vec::new();
        }
        match facts.images.get(&published) {
            Some(image) if image.unread.is_none() => bases.changes(image.bases.as_ref()),
            // What it was built on may not be read.
            _ => Vec::new(),
        }
    }

    /// The image of this commit on the base images of now, where a moving tag has it.
    fn newer(&self, published: Digest, facts: &Facts, revision: &Revision) -> Option<(Digest, Tag)> {
        let bases = self.bases.as_ref()?;
        let label = revision.to_string();
        let mut moving = self
            .wanted
            .tags
            .iter()
            .filter(|tag| tag.class == TagClass::Moving);
        moving.find_map(|wanted| {
            let digest = facts.digest_of(&wanted.tag)?;
            let image = facts.images.get(&digest)?;
            let is_it = image.replaces == Some(published)
                && image.revision.as_ref() == Some(&label)
                && self.differences(image).is_empty()
                && bases.changes(image.bases.as_ref()).is_empty();
            is_it.then(|| (digest, wanted.tag.clone()))
        })
    }
}
