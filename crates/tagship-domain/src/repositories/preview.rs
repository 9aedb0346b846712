//! What a lifecycle policy would do to the images that a repository has.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde::Serialize;

use super::protection::{Objection, Protection};
use crate::lifecycle::{Action, Consequence, Effect, Image, LifecyclePolicy};
use crate::reference::{Digest, RepositoryName};

/// An image of a repository, and how large it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredImage {
    /// What policies look at.
    pub image: Image,
    /// Bytes, compressed, where the registry says so. Images of a repository share layers, which are stored once.
    pub size: Option<u64>,
    /// What it is about, if it is a signature or the like.
    pub subject: Option<Digest>,
    /// Whether it is an index; one that could not be read lists nothing.
    pub is_index: bool,
}

/// What a policy would do to a repository's images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LifecyclePreview {
    /// How many images the repository has.
    pub total: usize,
    /// Those that the policy acts on at once, the oldest first, and then those that follow.
    pub images: Vec<PreviewedImage>,
}

/// What a policy would do to an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PreviewedImage {
    /// The image.
    pub digest: Digest,
    /// Its tags.
    pub tags: Vec<String>,
    /// When it was pushed.
    pub pushed_at: Timestamp,
    /// Bytes, compressed, where the registry says so.
    pub size: Option<u64>,
    /// Whether it is archived, and not deleted.
    pub archived: bool,
    /// The priority of the rule that says so.
    pub rule: u32,
    /// The index or the subject that goes before; absent of what happens at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Digest>,
    /// Why it must not go.
    pub objection: Option<Objection>,
}

/// What an image is about, of those that are about one.
pub(crate) fn subjects<'a>(stored: impl IntoIterator<Item = &'a StoredImage>) -> HashMap<Digest, Digest> {
    let stored = stored.into_iter();
    stored
        .filter_map(|one| Some((one.image.digest, one.subject?)))
        .collect()
}

impl LifecyclePreview {
    /// Returns what a policy would do to images, which are all that the repository has, and what follows from that.
    pub fn new(
        policy: &LifecyclePolicy,
        stored: &[StoredImage],
        repository: &RepositoryName,
        protection: &Protection,
        now: Timestamp,
    ) -> Self {
        let consequences = policy.consequences(images(stored), &subjects(stored), now);
        Self::of(&consequences, stored, repository, protection)
    }

    /// The same, where the registry itself says what happens at once.
    pub fn by_registry(
        effects: &[Effect],
        policy: &LifecyclePolicy,
        stored: &[StoredImage],
        repository: &RepositoryName,
        protection: &Protection,
        now: Timestamp,
    ) -> Self {
        let consequences = policy.following(effects.to_vec(), images(stored), &subjects(stored), now);
        Self::of(&consequences, stored, repository, protection)
    }

    fn of(
        consequences: &[Consequence],
        stored: &[StoredImage],
        repository: &RepositoryName,
        protection: &Protection,
    ) -> Self {
        let objections = protection.objections(repository, &images(stored));
        let by_digest: HashMap<Digest, &StoredImage> =
            stored.iter().map(|one| (one.image.digest, one)).collect();
        let previewed = consequences.iter().filter_map(|one| {
            let effect = one.effect;
            let stored = by_digest.get(&effect.digest)?;
            let own = objections.get(&effect.digest).cloned();
            Some(PreviewedImage {
                digest: effect.digest,
                tags: stored.image.tags.clone(),
                pushed_at: stored.image.pushed_at,
                size: stored.size,
                archived: effect.action == Action::Archive,
                rule: effect.priority,
                after: one.after,
                objection: own.or_else(|| about_protected(stored, &objections)),
            })
        });
        Self {
            total: stored.len(),
            images: previewed.collect(),
        }
    }

    /// Returns those that must not go.
    pub fn objected(&self) -> impl Iterator<Item = (&PreviewedImage, &Objection)> {
        let images = self.images.iter();
        images.filter_map(|image| Some((image, image.objection.as_ref()?)))
    }

    /// Returns how many bytes the images have that go; what they share with others stays.
    pub fn bytes(&self) -> u64 {
        let sizes = self.images.iter().filter_map(|image| image.size);
        sizes.fold(0, u64::saturating_add)
    }
}

fn images(stored: &[StoredImage]) -> Vec<Image> {
    stored.iter().map(|one| one.image.clone()).collect()
}

/// Why what is about an image must not go: that one is in use, and is worth less without its signature.
fn about_protected(stored: &StoredImage, objections: &BTreeMap<Digest, Objection>) -> Option<Objection> {
    let subject = stored.subject?;
    match objections.get(&subject)? {
        Objection::Protected { by } => Some(Objection::About {
            subject,
            by: by.clone(),
        }),
        Objection::About { .. } | Objection::LastRelease { .. } => None,
    }
}
