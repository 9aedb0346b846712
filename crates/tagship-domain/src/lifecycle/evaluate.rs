//! Which images a policy acts on.

use std::cmp::Reverse;
use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};

use super::{Action, AgeStart, Class, Count, LifecyclePolicy, Rule};
use crate::reference::Digest;

/// What a policy looks at of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The digest of its manifest.
    pub digest: Digest,
    /// Its tags.
    pub tags: Vec<String>,
    /// When it was pushed.
    pub pushed_at: Timestamp,
    /// When it was pulled last, if ever.
    pub pulled_at: Option<Timestamp>,
    /// Where it is.
    pub storage: Storage,
    /// The images that it lists, if it is an index.
    pub children: Vec<Digest>,
}

/// Where an image is, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// In the standard class.
    Standard {
        /// When it was last restored from the archive, if ever.
        restored_at: Option<Timestamp>,
    },
    /// In the archive.
    Archive {
        /// When it was last archived.
        archived_at: Timestamp,
    },
}

/// What a policy does to an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effect {
    /// The image.
    pub digest: Digest,
    /// What happens to it.
    pub action: Action,
    /// The priority of the rule that says so.
    pub priority: u32,
}

impl Image {
    fn class(&self) -> Class {
        match self.storage {
            Storage::Standard { .. } => Class::Standard,
            Storage::Archive { .. } => Class::Archive,
        }
    }

    fn restored_at(&self) -> Option<Timestamp> {
        match self.storage {
            Storage::Standard { restored_at } => restored_at,
            Storage::Archive { .. } => None,
        }
    }

    /// What decides which image is the older one; the digest, where the times are the same.
    fn age(&self) -> (Timestamp, Digest) {
        (self.restored_at().unwrap_or(self.pushed_at), self.digest)
    }

    fn since(&self, since: AgeStart) -> Timestamp {
        match (since, self.storage) {
            (AgeStart::Pulled, _) => {
                let used = self.restored_at().unwrap_or(self.pushed_at);
                self.pulled_at.map_or(used, |pulled| match self.restored_at() {
                    Some(restored) => pulled.max(restored),
                    None => pulled,
                })
            }
            (AgeStart::Archived, Storage::Archive { archived_at }) => archived_at,
            (AgeStart::Pushed | AgeStart::Archived, _) => self.pushed_at,
        }
    }
}

impl LifecyclePolicy {
    /// What the policy does to `images`, which are all that the repository has; the oldest first.
    ///
    /// Every rule marks images as if no other rule touched any. An image then belongs to the first rule
    /// that is about it, also when this one keeps it. What an index lists is never touched before the index.
    /// Source: ECR user guide, "Lifecycle policy evaluation rules".
    pub fn evaluate(&self, images: &[Image], now: Timestamp) -> Vec<Effect> {
        let held = IndexedImages::by_indexes(images);
        let mut taken: HashSet<Digest> = HashSet::new();
        let mut touched: Vec<(&Image, Effect)> = Vec::new();
        for rule in &self.rules {
            let mut selected: Vec<&Image> = images.iter().filter(|image| rule.selects(image)).collect();
            selected.sort_by_key(|image| Reverse(image.age()));
            for (newer, image) in selected.into_iter().enumerate() {
                let is_first = taken.insert(image.digest);
                if is_first && rule.marks(image, newer, now) && !held.keep(image, rule.action) {
                    let effect = Effect {
                        digest: image.digest,
                        action: rule.action,
                        priority: rule.priority,
                    };
                    touched.push((image, effect));
                }
            }
        }
        touched.sort_by_key(|(image, _)| image.age());
        touched.into_iter().map(|(_, effect)| effect).collect()
    }
}

impl Rule {
    fn selects(&self, image: &Image) -> bool {
        image.class() == self.class() && self.tags.includes(&image.tags)
    }

    /// Whether the rule is for touching an image that `newer` selected ones are newer than.
    fn marks(&self, image: &Image, newer: usize, now: Timestamp) -> bool {
        match self.count {
            Count::MoreThan(kept) => newer >= usize::try_from(kept).unwrap_or(usize::MAX),
            Count::OlderThan { since, days } => {
                now.duration_since(image.since(since)) > SignedDuration::from_hours(i64::from(days) * 24)
            }
        }
    }
}

/// The images that indexes list.
struct IndexedImages {
    by_any: HashSet<Digest>,
    /// By one that is not archived.
    by_active: HashSet<Digest>,
}

impl IndexedImages {
    fn by_indexes(images: &[Image]) -> Self {
        let children = |class: Option<Class>| {
            images
                .iter()
                .filter(|image| class.is_none_or(|class| image.class() == class))
                .flat_map(|image| image.children.iter().copied())
                .collect()
        };
        Self {
            by_any: children(None),
            by_active: children(Some(Class::Standard)),
        }
    }

    /// An image is deleted only after its index is, and archived only after its index was.
    fn keep(&self, image: &Image, action: Action) -> bool {
        match action {
            Action::Expire => self.by_any.contains(&image.digest),
            Action::Archive => self.by_active.contains(&image.digest),
        }
    }
}
