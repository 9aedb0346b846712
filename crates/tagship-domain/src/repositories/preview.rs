//! What a lifecycle policy would do to the images that a repository has.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Serialize;

use super::protection::{Objection, Protection};
use crate::lifecycle::{Action, Image, LifecyclePolicy};
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
    /// Those that the policy acts on, the oldest first.
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
    /// Why it must not go.
    pub objection: Option<Objection>,
}

impl LifecyclePreview {
    /// Returns what a policy would do to images, which are all that the repository has.
    pub fn new(
        policy: &LifecyclePolicy,
        stored: &[StoredImage],
        repository: &RepositoryName,
        protection: &Protection,
        now: Timestamp,
    ) -> Self {
        let images: Vec<Image> = stored.iter().map(|one| one.image.clone()).collect();
        let mut objections = protection.objections(repository, &images);
        let by_digest: HashMap<Digest, &StoredImage> =
            stored.iter().map(|one| (one.image.digest, one)).collect();
        let effects = policy.evaluate(&images, now).into_iter();
        let previewed = effects.filter_map(|effect| {
            let stored = by_digest.get(&effect.digest)?;
            Some(PreviewedImage {
                digest: effect.digest,
                tags: stored.image.tags.clone(),
                pushed_at: stored.image.pushed_at,
                size: stored.size,
                archived: effect.action == Action::Archive,
                rule: effect.priority,
                objection: objections.remove(&effect.digest),
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
        self.images.iter().filter_map(|image| image.size).sum()
    }
}
