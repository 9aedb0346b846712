//! What will happen in a further repository that gets the image.

use serde::Serialize;

use super::candidate::withheld;
use super::{Candidate, Conflict, Conflicts, Content, Plan, PlannedTag, TagAction, Unknown};
use crate::facts::Facts;
use crate::immutability::Mutability;
use crate::reference::{Digest, ImageName, Tag};
use crate::tags::DesiredTag;

/// What will happen in a further repository: the image comes as a copy, and gets the same tags.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TargetPlan {
    /// The repository.
    pub image: ImageName,
    /// What happens to each tag there.
    pub tags: Vec<PlannedTag>,
    /// The repository's setting, if it could be read.
    pub mutability: Option<Mutability>,
}

impl TargetPlan {
    /// Plans the tags of `candidate` from what was read of the repository, or from why it could not be asked.
    pub fn new(
        image: ImageName,
        wanted: &[DesiredTag],
        candidate: Candidate<'_>,
        facts: Result<&Facts, Unknown>,
    ) -> Self {
        let tags = wanted.iter().map(|wanted| PlannedTag {
            wanted: wanted.clone(),
            action: match &facts {
                Ok(facts) => candidate.action(wanted, facts),
                Err(_) => withheld(wanted, None).unwrap_or(TagAction::Unchecked),
            },
        });
        Self {
            image,
            tags: tags.collect(),
            mutability: facts.ok().and_then(|facts| facts.mutability.clone().ok()),
        }
    }

    /// Whether every tag is where it should be already.
    pub fn is_fulfilled(&self) -> bool {
        is_fulfilled(&self.tags)
    }

    /// Returns every tag that cannot be set.
    pub(super) fn conflicts(&self) -> Option<Conflicts> {
        let tags = conflicts(&self.tags);
        Conflicts::of(&self.image, self.mutability.as_ref(), tags)
    }
}

impl Plan {
    /// The image that wants the tags, once its digest is known.
    pub fn candidate(&self, digest: Option<Digest>) -> Candidate<'_> {
        Candidate {
            digest,
            revision: Some(&self.revision),
            version: self.version.as_ref(),
            request: Some(&self.request),
        }
    }

    /// This commit's image, if it is published already; a rebuild should give the same.
    pub fn published(&self) -> Option<Digest> {
        match &self.content {
            Content::Published { digest, .. } => Some(*digest),
            Content::Merge { index } => Some(index.manifest().digest()),
            Content::Build { .. } => self.kept(),
        }
    }
}

/// Whether none of `tags` is to be put.
pub(super) fn is_fulfilled(tags: &[PlannedTag]) -> bool {
    let is_settled = |tag: &PlannedTag| matches!(tag.action, TagAction::Keep { .. } | TagAction::Hold { .. });
    tags.iter().all(is_settled)
}

/// Those of `tags` that cannot be set.
pub(super) fn conflicts(tags: &[PlannedTag]) -> Vec<(Tag, Conflict)> {
    let conflicts = tags.iter().filter_map(|planned| match &planned.action {
        TagAction::Conflict(conflict) => Some((planned.wanted.tag.clone(), conflict.clone())),
        _ => None,
    });
    conflicts.collect()
}
