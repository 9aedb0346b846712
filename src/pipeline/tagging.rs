//! Tags, only after everything that they will point to was verified.

use std::collections::BTreeMap;

use super::PipelineError;
use super::gather::{Seen, look};
use crate::domain::content::Manifest;
use crate::domain::plan::{Conflict, Conflicts, Obstacle, Plan, PlannedTag, goes_backwards};
use crate::domain::reference::{Digest, Reference, Tag};
use crate::domain::tags::TagClass;
use crate::ports::WriteRegistry;
use crate::registry::RegistryError;
use crate::report::{Ledger, TagOutcome};

/// What is to be done for one tag, after looking at it once more.
enum Write<'a> {
    Put(&'a PlannedTag),
    Kept(&'a Tag),
    Held {
        tag: &'a Tag,
        at: Digest,
        reason: String,
    },
}

/// Puts the plan's tags on `manifest`, immutable ones first, each conditional on what the plan saw; then reads
/// all of them back.
pub(super) async fn put_tags(
    plan: &Plan,
    manifest: &Manifest,
    registry: &dyn WriteRegistry,
    ledger: &Ledger,
) -> Result<(), PipelineError> {
    let tags: Vec<Tag> = plan
        .tags
        .iter()
        .map(|planned| planned.wanted.tag.clone())
        .collect();
    let tagging = Tagging {
        plan,
        manifest,
        registry,
        now: look(registry, &tags).await?,
    };
    for write in tagging.writes()? {
        match write {
            Write::Put(planned) => tagging.put(planned, ledger).await?,
            Write::Kept(tag) => ledger.tag(tag, TagOutcome::Kept, manifest.digest()),
            Write::Held { tag, at, reason } => {
                ledger.note(format!("tag `{tag}` stays at {}: {reason}", at.short()));
                ledger.tag(tag, TagOutcome::Held, at);
            }
        }
    }
    let found = registry.resolve(&tags).await?;
    tagging.confirm(&found, ledger)
}

struct Tagging<'a> {
    plan: &'a Plan,
    manifest: &'a Manifest,
    registry: &'a dyn WriteRegistry,
    now: Seen,
}

impl<'a> Tagging<'a> {
    /// Decides every tag before the first is put, so that a conflict leaves nothing half-done.
    fn writes(&self) -> Result<Vec<Write<'a>>, PipelineError> {
        let mut conflicts = Vec::new();
        let mut writes = Vec::new();
        for planned in &self.plan.tags {
            let tag = &planned.wanted.tag;
            match self.now.tags.get(tag).map(Manifest::digest) {
                Some(digest) if digest == self.manifest.digest() => writes.push(Write::Kept(tag)),
                None => writes.push(Write::Put(planned)),
                Some(at) if planned.wanted.class == TagClass::Moving => {
                    let image = self.now.images.get(&at);
                    writes.push(
                        match image.and_then(|image| goes_backwards(self.plan.version.as_ref(), image)) {
                            Some(reason) => Write::Held { tag, at, reason },
                            None => Write::Put(planned),
                        },
                    );
                }
                Some(other) => conflicts.push((tag.clone(), self.conflict(planned, other))),
            }
        }
        self.refuse(conflicts).map(|()| writes)
    }

    async fn put(&self, planned: &PlannedTag, ledger: &Ledger) -> Result<(), PipelineError> {
        let tag = &planned.wanted.tag;
        let moved = self.now.tags.contains_key(tag);
        let outcome = match self
            .registry
            .put_manifest(&Reference::Tag(tag.clone()), self.manifest)
            .await
        {
            Ok(()) if moved => TagOutcome::Moved,
            Ok(()) => TagOutcome::Created,
            // Somebody else was faster, or the registry keeps the tag where it is: who has it decides.
            Err(RegistryError::TagTaken { .. }) => {
                let found = self.registry.resolve(std::slice::from_ref(tag)).await?;
                match found.get(tag).map(Manifest::digest) {
                    Some(digest) if digest == self.manifest.digest() => TagOutcome::Kept,
                    Some(other) => return self.refuse(vec![(tag.clone(), self.conflict(planned, other))]),
                    None => return Err(RegistryError::TagTaken { tag: tag.clone() }.into()),
                }
            }
            Err(error) => return Err(error.into()),
        };
        ledger.tag(tag, outcome, self.manifest.digest());
        Ok(())
    }

    /// The report is what the registry says, not what was sent.
    fn confirm(&self, found: &BTreeMap<Tag, Manifest>, ledger: &Ledger) -> Result<(), PipelineError> {
        for planned in &self.plan.tags {
            let tag = &planned.wanted.tag;
            match found.get(tag).map(Manifest::digest) {
                Some(digest) if digest == self.manifest.digest() => {}
                // A moving tag is held, or was moved on by a later version in the meantime.
                Some(digest) if planned.wanted.class == TagClass::Moving => {
                    ledger.tag(tag, TagOutcome::Held, digest);
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

    fn conflict(&self, planned: &PlannedTag, existing: Digest) -> Conflict {
        Conflict {
            existing: Some(existing),
            existing_revision: self
                .now
                .images
                .get(&existing)
                .and_then(|image| image.revision.clone()),
            ours: Some(self.manifest.digest()),
            our_revision: self.plan.revision.clone(),
            obstacle: match planned.wanted.class {
                TagClass::Moving => Obstacle::RepositoryIsImmutable,
                TagClass::Commit | TagClass::Release => Obstacle::Taken,
            },
        }
    }

    fn refuse(&self, tags: Vec<(Tag, Conflict)>) -> Result<(), PipelineError> {
        if tags.is_empty() {
            return Ok(());
        }
        Err(Conflicts {
            image: self.plan.image.clone(),
            tags,
        }
        .into())
    }
}
