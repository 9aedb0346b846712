//! What a policy comes to: what it does to images at once, and what follows from that.
//!
//! Once an index is gone, nothing holds the images that it listed: the next evaluation acts on those that a rule is about. What is
//! about an image (its signature, say) follows it. Source: ECR user guide, "Lifecycle policy evaluation rules"; that a rule does
//! not mark the images of an index with it: containers-roadmap issue 1466.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::{Action, Effect, Image, LifecyclePolicy, Storage};
use crate::reference::Digest;

/// The most evaluations that are looked ahead. Each index that lists an index takes one more; images are nested two deep.
const EVALUATIONS: usize = 8;

/// What happens to an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consequence {
    /// What, and by which rule.
    pub effect: Effect,
    /// The index or the subject that goes before; `None` of what happens at once.
    pub after: Option<Digest>,
}

impl LifecyclePolicy {
    /// Returns what the policy comes to for `images`, which are all that the repository has, at one time: what happens at once, the
    /// oldest first, and after it what follows. `subjects` says which image each is about.
    pub fn consequences(
        &self,
        images: Vec<Image>,
        subjects: &HashMap<Digest, Digest>,
        now: Timestamp,
    ) -> Vec<Consequence> {
        let first = self.evaluate(&images, now);
        self.following(first, images, subjects, now)
    }

    /// The same, where what happens at once is known already.
    pub fn following(
        &self,
        first: Vec<Effect>,
        mut left: Vec<Image>,
        subjects: &HashMap<Digest, Digest>,
        now: Timestamp,
    ) -> Vec<Consequence> {
        let mut all = Vec::new();
        // Which index each image was a part of that is gone, or archived.
        let mut parts: HashMap<Digest, Digest> = HashMap::new();
        let mut effects = first;
        for _ in 0..EVALUATIONS {
            if effects.is_empty() {
                break;
            }
            all.extend(effects.iter().map(|effect| Consequence {
                effect: *effect,
                after: parts.get(&effect.digest).copied(),
            }));
            let followers = followers(&effects, &left, subjects);
            effects.extend(followers.iter().map(|follower| follower.effect));
            all.extend(followers);
            let actions: HashMap<Digest, Action> =
                effects.iter().map(|one| (one.digest, one.action)).collect();
            left.retain_mut(|image| {
                let Some(action) = actions.get(&image.digest) else {
                    return true;
                };
                for child in &image.children {
                    parts.entry(*child).or_insert(image.digest);
                }
                image.storage = Storage::Archive { archived_at: now };
                *action == Action::Archive
            });
            effects = self.evaluate(&left, now);
        }
        all
    }
}

/// What is about an image that is deleted, and so on; but not what an index lists that stays.
fn followers(effects: &[Effect], images: &[Image], subjects: &HashMap<Digest, Digest>) -> Vec<Consequence> {
    let mut gone: HashSet<Digest> = effects.iter().map(|effect| effect.digest).collect();
    let mut about: HashMap<Digest, Vec<Digest>> = HashMap::new();
    let held: HashSet<Digest> = (images.iter().filter(|image| !gone.contains(&image.digest)))
        .flat_map(|image| image.children.iter().copied())
        .collect();
    for image in images.iter().filter(|image| !held.contains(&image.digest)) {
        if let Some(subject) = subjects.get(&image.digest) {
            about.entry(*subject).or_default().push(image.digest);
        }
    }
    let mut followers = Vec::new();
    let is_deleted = |effect: &&Effect| effect.action == Action::Expire;
    let mut open: Vec<Effect> = effects.iter().filter(is_deleted).copied().collect();
    while let Some(effect) = open.pop() {
        for digest in about.get(&effect.digest).into_iter().flatten() {
            if !gone.insert(*digest) {
                continue;
            }
            let follower = Effect {
                digest: *digest,
                ..effect
            };
            open.push(follower);
            followers.push(Consequence {
                effect: follower,
                after: Some(effect.digest),
            });
        }
    }
    followers
}
