//! Whether a registry's own preview of a lifecycle policy says what the evaluator here says.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{LifecyclePreview, PreviewedImage};
use crate::reference::Digest;

/// How two previews of one policy differ in what happens at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PreviewComparison {
    /// Of how many images both say the same.
    pub same: usize,
    /// Those of which they say something else.
    pub differing: Vec<DifferingImage>,
}

/// An image of which two previews say something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DifferingImage {
    /// The image.
    pub digest: Digest,
    /// Its tags.
    pub tags: Vec<String>,
    /// What the registry says; absent where it leaves the image alone.
    pub by_registry: Option<PreviewedAction>,
    /// What the evaluator here says; absent where it leaves the image alone.
    pub here: Option<PreviewedAction>,
}

/// What a rule does to an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PreviewedAction {
    /// Whether it is archived, and not deleted.
    pub archived: bool,
    /// The rule's priority.
    pub rule: u32,
}

impl PreviewComparison {
    /// Compares what a registry says with what is found here.
    pub fn new(by_registry: &LifecyclePreview, here: &LifecyclePreview) -> Self {
        let (theirs, ours) = (at_once(by_registry), at_once(here));
        let digests: BTreeSet<Digest> = theirs.keys().chain(ours.keys()).copied().collect();
        let mut comparison = Self {
            same: 0,
            differing: Vec::new(),
        };
        for digest in digests {
            let (their, our) = (theirs.get(&digest).copied(), ours.get(&digest).copied());
            let (by_registry, here) = (their.map(action), our.map(action));
            if by_registry == here {
                comparison.same += 1;
            } else {
                let tags = their.or(our).map_or_else(Vec::new, |image| image.tags.clone());
                comparison.differing.push(DifferingImage {
                    digest,
                    tags,
                    by_registry,
                    here,
                });
            }
        }
        comparison
    }
}

fn at_once(preview: &LifecyclePreview) -> BTreeMap<Digest, &PreviewedImage> {
    let images = preview.images.iter().filter(|image| image.after.is_none());
    images.map(|image| (image.digest, image)).collect()
}

fn action(image: &PreviewedImage) -> PreviewedAction {
    PreviewedAction {
        archived: image.archived,
        rule: image.rule,
    }
}
