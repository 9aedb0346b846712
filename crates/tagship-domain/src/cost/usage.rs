//! What a repository holds, as its registry bills it, and how often it is pulled.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};

use crate::lifecycle::{Action, Image, LifecyclePolicy, Storage};
use crate::reference::Digest;
use crate::repositories::{StoredImage, subjects};

/// How long a month is, for what is pushed in one.
const MONTH: SignedDuration = SignedDuration::from_hours(30 * 24);

/// An image and what it consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredContent {
    /// The image.
    pub stored: StoredImage,
    /// Its config and layers with their bytes; `None` where its manifest was not read. Of an index, none.
    pub blobs: Option<Vec<(Digest, u64)>>,
}

/// Bytes that a repository is billed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoredBytes {
    /// At hand.
    pub standard: u64,
    /// In the archive.
    pub archive: u64,
}

/// From where images are pulled, which decides what that costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// From the registry's own region.
    Region,
    /// From another region of the same cloud.
    OtherRegion,
    /// From elsewhere.
    Internet,
}

/// How often each repository is pulled from in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pulls {
    /// From its own region.
    pub region: u64,
    /// From other regions.
    pub other_region: u64,
    /// From elsewhere.
    pub internet: u64,
}

impl Pulls {
    /// Returns the ways on which anything is pulled, each with how often.
    pub fn ways(&self) -> impl Iterator<Item = (Way, u64)> {
        let ways = [
            (Way::Region, self.region),
            (Way::OtherRegion, self.other_region),
            (Way::Internet, self.internet),
        ];
        ways.into_iter().filter(|(_, pulls)| *pulls > 0)
    }
}

/// What a repository is billed by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryUsage {
    /// The repository, or what stands for one.
    pub name: String,
    /// How many images it has.
    pub images: usize,
    /// What it holds.
    pub stored: StoredBytes,
    /// Whether layers that images share were counted for each of them, because they are not known.
    pub is_upper_bound: bool,
    /// How many images its lifecycle policy acts on in the end, and what it holds then.
    pub after_policy: Option<(usize, StoredBytes)>,
    /// How many bytes were pushed in the last month.
    pub pushed: u64,
    /// How many bytes one pull moves.
    pub pull: u64,
}

impl RepositoryUsage {
    /// Returns what so many images of this size are billed by, of which each has its own layers.
    pub fn of_numbers(size: u64, versions: u32) -> Self {
        let standard = size.saturating_mul(u64::from(versions));
        Self {
            name: format!("{versions} version{}", if versions == 1 { "" } else { "s" }),
            images: usize::try_from(versions).unwrap_or(usize::MAX),
            stored: StoredBytes { standard, archive: 0 },
            is_upper_bound: false,
            after_policy: None,
            pushed: standard,
            pull: size,
        }
    }

    /// Returns what a repository with these images is billed by, which are all that it has.
    pub fn new(
        name: String,
        contents: &[StoredContent],
        policy: Option<&LifecyclePolicy>,
        now: Timestamp,
    ) -> Self {
        let after_policy = policy.map(|policy| {
            let images: Vec<Image> = contents.iter().map(|one| one.stored.image.clone()).collect();
            let subjects = subjects(contents.iter().map(|one| &one.stored));
            let consequences = policy.consequences(images, &subjects, now);
            let actions = consequences
                .iter()
                .map(|one| (one.effect.digest, one.effect.action));
            let actions: HashMap<Digest, Action> = actions.collect();
            let left = contents
                .iter()
                .filter_map(|one| match actions.get(&one.stored.image.digest) {
                    Some(Action::Expire) => None,
                    Some(Action::Archive) => Some((one, true)),
                    None => Some((one, is_archived(&one.stored.image))),
                });
            (actions.len(), billed(left))
        });
        Self {
            images: contents.len(),
            stored: billed(contents.iter().map(|one| (one, is_archived(&one.stored.image)))),
            is_upper_bound: contents.iter().any(|one| one.blobs.is_none()),
            after_policy,
            pushed: pushed_since(contents, now),
            pull: pull(contents),
            name,
        }
    }
}

fn is_archived(image: &Image) -> bool {
    matches!(image.storage, Storage::Archive { .. })
}

/// Source: ECR user guide, "Amazon ECR pricing" and "Archiving an image": a layer is stored once in a repository. One that an image
/// at hand has is at hand.
fn billed<'a>(contents: impl Iterator<Item = (&'a StoredContent, bool)>) -> StoredBytes {
    let mut blobs: HashMap<Digest, (u64, bool)> = HashMap::new();
    let mut bytes = StoredBytes::default();
    for (one, archived) in contents {
        let Some(own) = &one.blobs else {
            let size = one.stored.size.unwrap_or(0);
            let class = if archived {
                &mut bytes.archive
            } else {
                &mut bytes.standard
            };
            *class = class.saturating_add(size);
            continue;
        };
        for (digest, size) in own {
            let known = blobs.entry(*digest).or_insert((*size, archived));
            known.1 &= archived;
        }
    }
    for (size, archived) in blobs.into_values() {
        let class = if archived {
            &mut bytes.archive
        } else {
            &mut bytes.standard
        };
        *class = class.saturating_add(size);
    }
    bytes
}

/// What only images of the last month have.
fn pushed_since(contents: &[StoredContent], now: Timestamp) -> u64 {
    let is_new = |one: &&StoredContent| now.duration_since(one.stored.image.pushed_at) <= MONTH;
    let older = contents.iter().filter(|one| !is_new(one));
    let older: HashSet<Digest> = older.flat_map(blobs_of).collect();
    let mut bytes = 0_u64;
    let mut counted = HashSet::new();
    for one in contents.iter().filter(is_new) {
        let Some(blobs) = &one.blobs else {
            bytes = bytes.saturating_add(one.stored.size.unwrap_or(0));
            continue;
        };
        for (digest, size) in blobs {
            if !older.contains(digest) && counted.insert(*digest) {
                bytes = bytes.saturating_add(*size);
            }
        }
    }
    bytes
}

fn blobs_of(one: &StoredContent) -> impl Iterator<Item = Digest> {
    one.blobs.iter().flatten().map(|(digest, _)| *digest)
}

/// The mean of the images that have tags. Of an index a machine pulls one image: the largest counts, which no attestation is.
fn pull(contents: &[StoredContent]) -> u64 {
    let sizes: HashMap<Digest, u64> = contents
        .iter()
        .map(|one| (one.stored.image.digest, size(one)))
        .collect();
    let pulled = contents.iter().filter(|one| {
        one.stored.subject.is_none()
            && one
                .stored
                .image
                .tags
                .iter()
                .any(|tag| !tag.starts_with("sha256-"))
    });
    let (mut sum, mut count) = (0_u128, 0_u128);
    for one in pulled {
        let children = one
            .stored
            .image
            .children
            .iter()
            .filter_map(|child| sizes.get(child));
        sum += u128::from(children.max().copied().unwrap_or_else(|| size(one)));
        count += 1;
    }
    u64::try_from(sum / count.max(1)).unwrap_or(u64::MAX)
}

fn size(one: &StoredContent) -> u64 {
    let blobs = one.blobs.as_ref().filter(|blobs| !blobs.is_empty());
    let sum = |blobs: &Vec<(Digest, u64)>| {
        let sizes = blobs.iter().map(|(_, size)| *size);
        sizes.fold(0_u64, u64::saturating_add)
    };
    blobs.map(sum).or(one.stored.size).unwrap_or(0)
}
