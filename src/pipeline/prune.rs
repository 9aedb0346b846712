//! Deletes images that a plan names.

use std::collections::{BTreeMap, BTreeSet};

use crate::ports::{DeleteImages, DoomedImage, RegistryError, Reporter, RunEvent};
use tagship_domain::prune::{PrunePlan, RemoveReason, RemovedImage};
use tagship_domain::reference::{Digest, RepositoryName};

/// The most images that one request deletes. Source: ECR API reference, `BatchDeleteImage`, `imageIds`.
const MOST_IMAGES: usize = 100;

/// What became of the images that were to go.
#[derive(Debug, Default)]
pub struct Pruned {
    /// Those that are gone.
    pub deleted: Vec<Digest>,
    /// Those that the registry left, with its reason.
    pub left: BTreeMap<Digest, String>,
    /// What broke it off, before the others.
    pub failure: Option<RegistryError>,
}

/// Deletes the images of a plan in their turns, so that none loses what it lists.
///
/// An image with tags goes by its tags: one that got another meanwhile stays. What goes with an image that is left is left too.
pub async fn delete_planned(
    repository: &RepositoryName,
    plan: &PrunePlan,
    writer: &dyn DeleteImages,
    reporter: &dyn Reporter,
) -> Pruned {
    let mut done = Pruned::default();
    let turns: BTreeSet<usize> = plan.removed.iter().map(|image| image.turn).collect();
    for turn in turns {
        for follows in [false, true] {
            let is_due = |image: &&RemovedImage| image.turn == turn && is_follower(image) == follows;
            let mut due = Vec::new();
            for image in plan.removed.iter().filter(is_due) {
                match image.reason {
                    RemoveReason::With { with } if done.left.contains_key(&with) => {
                        let reason = format!("{} is left, with which it goes", with.short());
                        done.left.insert(image.digest, reason);
                    }
                    _ => due.push(image),
                }
            }
            if let Err(error) = delete(repository, &due, writer, &mut done).await {
                done.failure = Some(error);
                return done;
            }
            let count = done.deleted.len();
            if !due.is_empty() {
                let total = plan.removed.len();
                reporter.event(RunEvent::Note(&format!(
                    "deleted {count} of {total} images of `{repository}`"
                )));
            }
        }
    }
    done
}

const fn is_follower(image: &RemovedImage) -> bool {
    matches!(image.reason, RemoveReason::With { .. })
}

async fn delete(
    repository: &RepositoryName,
    due: &[&RemovedImage],
    writer: &dyn DeleteImages,
    done: &mut Pruned,
) -> Result<(), RegistryError> {
    let doomed: Vec<DoomedImage> = due.iter().flat_map(|image| names(image)).collect();
    for some in doomed.chunks(MOST_IMAGES) {
        let left = writer.delete_images(repository, some).await?;
        done.left.extend(left);
        let last_of: BTreeSet<Digest> = some
            .iter()
            .filter(|one| one.is_last)
            .map(|one| one.digest)
            .collect();
        let gone = last_of
            .into_iter()
            .filter(|digest| !done.left.contains_key(digest));
        done.deleted.extend(gone);
    }
    Ok(())
}

/// By what an image is deleted.
fn names(image: &RemovedImage) -> Vec<DoomedImage> {
    let named = |tag: Option<&String>| DoomedImage {
        digest: image.digest,
        tag: tag.cloned(),
        is_last: tag == image.tags.last(),
    };
    if image.tags.is_empty() {
        return vec![named(None)];
    }
    image.tags.iter().map(|tag| named(Some(tag))).collect()
}
