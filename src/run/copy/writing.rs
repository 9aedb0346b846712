//! What a copy writes.

use std::slice;

use indicatif::HumanBytes;
use oci_registry::{CopyPlan, CopyReport, ImageTree, copy as copy_image, verify_copy};

use super::ImageResult;
use super::place::OpenedPlace;
use crate::pipeline::{blob_progress, image_facts};
use crate::ports::{RegistryError, Reporter, RunEvent};
use crate::run::RunError;
use tagship_domain::content::Manifest;
use tagship_domain::copying::{CopyAction, CopyConflicts, CopyObstacle};
use tagship_domain::immutability::Mutability;
use tagship_domain::plan::Note;
use tagship_domain::reference::{Reference, RepositoryName, Tag};

/// What a copy is written with. A dry run has none.
#[derive(Clone, Copy)]
pub(super) struct CopyWriter<'a> {
    pub(super) target: &'a OpenedPlace,
    pub(super) reporter: &'a dyn Reporter,
}

/// What decides on the tags of a copy, beside where they point.
pub(super) struct TagRules<'a> {
    /// Where the images come from.
    pub(super) source: &'a OpenedPlace,
    /// Where they go.
    pub(super) target: &'a OpenedPlace,
    /// The target's setting, if it could be read.
    pub(super) mutability: Option<Mutability>,
    /// Whether tags that exist stay where they are.
    pub(super) no_clobber: bool,
    /// Whether tags may go back to an image of a smaller version.
    pub(super) is_rollback: bool,
}

impl TagRules<'_> {
    /// What happens to a tag that points to `existing`. What the two images say of themselves is read only where it moves.
    pub(super) async fn decide(
        &self,
        tag: &Tag,
        wanted: &Manifest,
        existing: Option<&Manifest>,
        reporter: &dyn Reporter,
    ) -> Result<CopyAction, RunError> {
        let at = existing.map(Manifest::digest);
        let setting = self.mutability.as_ref();
        let action = CopyAction::decide(tag, wanted.digest(), at, setting, self.no_clobber);
        let (CopyAction::Move { .. }, Some(existing), false) = (&action, existing, self.is_rollback) else {
            return Ok(action);
        };
        let ours = image_facts(wanted, self.source.reader()).await?;
        let theirs = image_facts(existing, self.target.reader()).await?;
        if let Some(unknown) = ours.unread.as_ref().or(theirs.unread.as_ref()) {
            let note = Note::LabelsUnread(unknown.clone());
            reporter.event(RunEvent::Note(&format!("`{tag}`: {note}")));
        }
        Ok(action.without_set_back(&ours, &theirs))
    }

    fn is_open(&self, tag: &Tag, action: &CopyAction) -> bool {
        action.is_open(tag, self.mutability.as_ref(), self.no_clobber)
    }

    fn is_protected(&self, tag: &Tag) -> bool {
        (self.mutability.as_ref()).is_some_and(|setting| setting.protects(tag))
    }
}

/// Refuses the tags among these that must not point to what they are to point to, all together.
pub(super) fn refuse_conflicts<'a>(
    target: &OpenedPlace,
    tags: impl Iterator<Item = (&'a Tag, &'a CopyAction)>,
) -> Result<(), RunError> {
    let refused = tags.filter_map(|(tag, action)| match action {
        CopyAction::Conflict(obstacle) => Some((tag.clone(), obstacle.clone())),
        _ => None,
    });
    let tags: Vec<(Tag, CopyObstacle)> = refused.collect();
    if tags.is_empty() {
        return Ok(());
    }
    let target = target.name().to_string();
    Err(RunError::CopyConflicts(CopyConflicts { target, tags }))
}

impl CopyWriter<'_> {
    /// Copies what a plan says, and reads it back.
    pub(super) async fn copy(
        self,
        plan: &CopyPlan,
        tree: &ImageTree,
        source: &OpenedPlace,
        mount: Option<&RepositoryName>,
    ) -> Result<(), RunError> {
        let target = self.target.writer();
        let progress = blob_progress(self.reporter, self.target.name());
        let CopyReport { .. } = copy_image(plan, source.reader(), target, mount, &progress).await?;
        Ok(verify_copy(tree, target).await?)
    }

    /// Puts the tag of an image that is there whole.
    pub(super) async fn tag(
        self,
        manifest: &Manifest,
        result: &mut ImageResult,
        rules: &TagRules<'_>,
    ) -> Result<(), RunError> {
        if let Some(tag) = result.tag.as_ref().filter(|_| result.action.is_put()) {
            result.action = self.put(tag, manifest, result.action.clone(), rules).await?;
        } else if result.tag.is_none() {
            self.target.list_untagged(manifest).await?;
        }
        self.say(result);
        Ok(())
    }

    /// Puts a tag, which is decided once more unless the registry protects it: the content took its time. Gives what happened
    /// to it.
    async fn put(
        self,
        tag: &Tag,
        manifest: &Manifest,
        planned: CopyAction,
        rules: &TagRules<'_>,
    ) -> Result<CopyAction, RunError> {
        let action = if rules.is_protected(tag) {
            planned
        } else {
            self.decide(tag, manifest, rules).await?
        };
        if !action.is_put() {
            return Ok(action);
        }
        let reference = Reference::Tag(tag.clone());
        match self.target.writer().put_manifest(&reference, manifest).await {
            Ok(()) => Ok(action),
            // Another run was faster: who has the tag decides.
            Err(taken @ RegistryError::TagTaken { .. }) => {
                let action = self.decide(tag, manifest, rules).await?;
                if action.is_put() {
                    Err(taken.into())
                } else {
                    Ok(action)
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What happens to a tag by where it points now, which is no conflict.
    async fn decide(
        self,
        tag: &Tag,
        manifest: &Manifest,
        rules: &TagRules<'_>,
    ) -> Result<CopyAction, RunError> {
        let found = self.target.reader().resolve(slice::from_ref(tag)).await?;
        let action = rules.decide(tag, manifest, found.get(tag), self.reporter).await?;
        refuse_conflicts(self.target, std::iter::once((tag, &action)))?;
        Ok(action)
    }

    /// Looks once more at the tags that the registry would have let another run overwrite, and says of each what became of it.
    pub(super) async fn confirm(
        self,
        images: &mut [ImageResult],
        rules: &TagRules<'_>,
    ) -> Result<(), RunError> {
        let put = images.iter_mut().filter_map(|image| {
            let tag = image.tag.clone()?;
            rules.is_open(&tag, &image.action).then_some((tag, image))
        });
        let mut open: Vec<(Tag, &mut ImageResult)> = put.collect();
        if open.is_empty() {
            return Ok(());
        }
        let names: Vec<Tag> = open.iter().map(|(tag, _)| tag.clone()).collect();
        let found = self.target.reader().resolve(&names).await?;
        for (tag, image) in &mut open {
            let at = found.get(tag).map(Manifest::digest);
            let (setting, no_clobber) = (rules.mutability.as_ref(), rules.no_clobber);
            let put = image.action.clone();
            image.action = put.confirmed(tag, image.digest, at, setting, no_clobber);
            if matches!(image.action, CopyAction::Skip { .. }) {
                self.say(image);
            }
        }
        refuse_conflicts(self.target, open.iter().map(|(tag, image)| (tag, &image.action)))
    }

    /// Says what became of an image's tag.
    fn say(self, image: &ImageResult) {
        let place = self.target.name();
        let name = image
            .tag
            .as_ref()
            .map_or_else(|| place.at(image.digest), |tag| place.at(tag.clone()));
        let said = match &image.action {
            CopyAction::Skip { at } => format!("{name}: left at {at}"),
            action => format!("{name}: {} ({})", action.name(), HumanBytes(image.bytes)),
        };
        self.reporter.event(RunEvent::Note(&said));
    }
}
