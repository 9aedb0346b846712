//! Tags, only after everything that they will point to was verified.

use std::collections::BTreeMap;

use super::gather::{look, names, read_images, resolve_questions};
use super::ledger::TagEntries;
use super::{Ledger, PipelineError};
use crate::ports::{ReadHistory, RegistryError, WriteRepository};
use crate::report::TagOutcome;
use tagship_domain::content::Manifest;
use tagship_domain::facts::{Facts, ImageFacts, OrderingFacts};
use tagship_domain::immutability::Mutability;
use tagship_domain::plan::{
    Candidate, Conflict, Conflicts, HoldReason, Obstacle, PromotionPlan, PromotionRequest, TagAction, Unknown,
};
use tagship_domain::reference::{Digest, ImageName, Reference, Tag};
use tagship_domain::tags::{DesiredTag, TagClass};

/// The tags of one repository that are to be put.
#[derive(Debug, Clone, Copy)]
pub(super) struct TagOrder<'a> {
    /// The repository.
    pub(super) image: &'a ImageName,
    /// Its setting, if it could be read.
    pub(super) mutability: Option<&'a Mutability>,
    /// The image that wants the tags.
    pub(super) candidate: Candidate<'a>,
    /// Whether the image is promoted.
    pub(super) is_promotion: bool,
}

/// Puts `tags` on `manifest`, each decided once more just before; then reads all of them back.
///
/// Those that promise to stay come first, so that two runs that put versions at the same time see each other's before
/// they decide on moving tags. `seen` is where these pointed before the image was verified: that counts where the registry
/// itself keeps all of them in their place, and others are looked at again.
pub(super) async fn put_tags(
    order: TagOrder<'_>,
    tags: &[&DesiredTag],
    manifest: &Manifest,
    mut seen: Option<BTreeMap<Tag, Manifest>>,
    registry: &dyn WriteRepository,
    history: &dyn ReadHistory,
    ledger: TagEntries<'_>,
) -> Result<(), PipelineError> {
    let tagging = TagWriter {
        order,
        manifest,
        registry,
        history,
        ledger,
    };
    let (moving, staying): (Vec<_>, Vec<_>) =
        tags.iter().partition(|wanted| wanted.class == TagClass::Moving);
    let mut put = Vec::new();
    for tags in [staying, moving] {
        if !tags.is_empty() {
            put.extend(tagging.put_all(&tags, seen.take()).await?);
        }
    }
    tagging.confirm(&put).await
}

/// The names of those of `tags` that promise to stay.
pub(super) fn staying(tags: &[&DesiredTag]) -> Vec<Tag> {
    let staying = tags.iter().filter(|wanted| wanted.class != TagClass::Moving);
    staying.map(|wanted| wanted.tag.clone()).collect()
}

/// Puts the tags of a promotion on `manifest`, byte for byte; each is decided once more just before, and all are read back.
pub async fn put_promoted(
    request: &PromotionRequest,
    plan: &PromotionPlan,
    manifest: &Manifest,
    registry: &dyn WriteRepository,
    history: &dyn ReadHistory,
    ledger: &Ledger,
) -> Result<(), PipelineError> {
    ledger.promoted(plan);
    if !plan.is_fulfilled() {
        let order = TagOrder {
            image: &plan.image,
            mutability: plan.mutability.as_ref(),
            candidate: request.candidate(),
            is_promotion: true,
        };
        let tags: Vec<&DesiredTag> = plan.tags.iter().map(|tag| &tag.wanted).collect();
        put_tags(order, &tags, manifest, None, registry, history, ledger.tags()).await?;
    }
    ledger.published();
    Ok(())
}

struct TagWriter<'a> {
    order: TagOrder<'a>,
    manifest: &'a Manifest,
    registry: &'a dyn WriteRepository,
    history: &'a dyn ReadHistory,
    ledger: TagEntries<'a>,
}

impl TagWriter<'_> {
    /// Decides all of `tags` before the first is put, so that a conflict leaves nothing half-done. Gives those that
    /// point to the image then.
    async fn put_all<'t>(
        &self,
        tags: &[&'t DesiredTag],
        seen: Option<BTreeMap<Tag, Manifest>>,
    ) -> Result<Vec<&'t DesiredTag>, PipelineError> {
        let is_open =
            |wanted: &&DesiredTag| wanted.class == TagClass::Moving || self.is_unprotected(&wanted.tag);
        let facts = match seen.filter(|_| !tags.iter().any(is_open)) {
            Some(seen) => {
                let images = read_images(&seen, self.registry).await?;
                self.facts(seen, images)
            }
            None => self.look(tags).await?,
        };
        let candidate = self.order.candidate;
        let facts = resolve_questions(facts, self.registry, self.history, tags, candidate).await?;
        let actions: Vec<_> = tags
            .iter()
            .map(|wanted| (*wanted, candidate.action(wanted, &facts)))
            .collect();
        let conflicts = actions.iter().filter_map(|(wanted, action)| match action {
            TagAction::Conflict(conflict) => Some((wanted.tag.clone(), conflict.clone())),
            _ => None,
        });
        self.refuse(conflicts.collect())?;
        let mut put = Vec::new();
        for (number, (wanted, action)) in actions.into_iter().enumerate() {
            // The first was looked at a moment ago, the others some requests ago.
            if number > 0 && matches!(action, TagAction::Create) && self.is_unprotected(&wanted.tag) {
                self.look_again(wanted).await?;
            }
            match action {
                TagAction::Hold { at, reason, .. } => {
                    self.ledger.held(&wanted.tag, at, &reason);
                    continue;
                }
                TagAction::Keep { digest } => self.ledger.tag(&wanted.tag, TagOutcome::Kept, digest),
                TagAction::Move { .. } => self.put(wanted, TagOutcome::Moved).await?,
                _ => self.put(wanted, TagOutcome::Created).await?,
            }
            put.push(wanted);
        }
        Ok(put)
    }

    /// Whether the registry itself would let the tag move: it is then for the run to look, put and look.
    fn is_unprotected(&self, tag: &Tag) -> bool {
        let setting = self.order.mutability;
        setting.is_none_or(|setting| !setting.protects(tag))
    }

    /// Refuses a tag that another run has put since it was decided.
    async fn look_again(&self, wanted: &DesiredTag) -> Result<(), PipelineError> {
        let facts = self.look(&[wanted]).await?;
        match self.order.candidate.action(wanted, &facts) {
            TagAction::Conflict(conflict) => self.refuse(vec![(wanted.tag.clone(), conflict)]),
            _ => Ok(()),
        }
    }

    /// What is true now of `tags`; the repository's setting is taken as the plan saw it.
    async fn look(&self, tags: &[&DesiredTag]) -> Result<Facts, PipelineError> {
        let (tags, images) = look(self.registry, &names(tags)).await?;
        Ok(self.facts(tags, images))
    }

    fn facts(&self, tags: BTreeMap<Tag, Manifest>, images: BTreeMap<Digest, ImageFacts>) -> Facts {
        let setting = self.order.mutability;
        Facts {
            mutability: setting.cloned().ok_or(Unknown::NotInPlan),
            tags,
            images,
            ordering: OrderingFacts::default(),
        }
    }

    async fn put(&self, wanted: &DesiredTag, outcome: TagOutcome) -> Result<(), PipelineError> {
        let tag = &wanted.tag;
        let outcome = match self
            .registry
            .put_manifest(&Reference::Tag(tag.clone()), self.manifest)
            .await
        {
            Ok(()) => outcome,
            // Another run was faster, or the registry keeps the tag where it is: who has it decides.
            Err(RegistryError::TagTaken { .. }) => {
                let facts = self.look(&[wanted]).await?;
                match facts.digest_of(tag) {
                    Some(digest) if digest == self.manifest.digest() => TagOutcome::Kept,
                    Some(_) => {
                        let obstacle = match wanted.class {
                            TagClass::Moving => Obstacle::RepositoryIsImmutable,
                            TagClass::Commit | TagClass::Release => Obstacle::Taken,
                        };
                        let conflict = self.order.candidate.conflict(tag, obstacle, &facts);
                        return self.refuse(vec![(tag.clone(), conflict)]);
                    }
                    None => return Err(RegistryError::TagTaken { tag: tag.clone() }.into()),
                }
            }
            Err(error) => return Err(error.into()),
        };
        self.ledger.tag(tag, outcome, self.manifest.digest());
        Ok(())
    }

    fn refuse(&self, conflicts: Vec<(Tag, Conflict)>) -> Result<(), PipelineError> {
        if conflicts.is_empty() {
            return Ok(());
        }
        Err(Conflicts {
            image: self.order.image.clone(),
            mutability: self.order.mutability.cloned(),
            tags: conflicts,
            elsewhere: Vec::new(),
            missing_git_tag: None,
            is_promotion: self.order.is_promotion,
            is_declared: false,
        }
        .into())
    }

    /// The report is what the registry says, not what was sent.
    async fn confirm(&self, put: &[&DesiredTag]) -> Result<(), PipelineError> {
        let names: Vec<Tag> = put.iter().map(|wanted| wanted.tag.clone()).collect();
        let found = self.registry.resolve(&names).await?;
        for DesiredTag { tag, class, .. } in put {
            match found.get(tag).map(Manifest::digest) {
                Some(digest) if digest == self.manifest.digest() => {}
                Some(digest) if *class == TagClass::Moving => {
                    self.ledger
                        .held(tag, Some(digest), &HoldReason::MovedByAnotherRun);
                }
                found => {
                    return Err(PipelineError::Overtaken {
                        tag: tag.clone(),
                        found,
                    });
                }
            }
        }
        Ok(())
    }
}
