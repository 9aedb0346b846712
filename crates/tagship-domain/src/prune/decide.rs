//! What becomes of each image.
//!
//! 1. Each image is judged by itself: by what protects it, by its tags, by its age.
//! 2. What stays keeps what it lists, and what is about it, whatever the rules say of these.
//! 3. What goes takes along what it lists and what is about it, where that has no tag of its own and nothing else needs it.
//! 4. What is reached by neither stays.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use super::tags::{Ranks, TagKinds};
use super::{KeepReason, PruneRules, RemoveReason};
use crate::immutability::matches_wildcard;
use crate::lifecycle::{Image, Storage};
use crate::reference::{Digest, RepositoryName};
use crate::repositories::{Objection, Protection, StoredImage};

/// Why an image stays, or why it goes.
pub(super) type Decision = Result<KeepReason, RemoveReason>;

/// Returns what becomes of each image, in their order.
pub(super) fn decide(
    rules: &PruneRules,
    stored: &[StoredImage],
    repository: &RepositoryName,
    protection: &Protection,
    now: Timestamp,
) -> Vec<Decision> {
    let kinds: Vec<TagKinds> = stored.iter().map(|one| TagKinds::of(one, rules)).collect();
    let ranks = Ranks::of(stored, &kinds, rules);
    let images: Vec<Image> = stored.iter().map(|one| one.image.clone()).collect();
    let objections = protection.objections(repository, &images);
    let relations = Relations::of(stored, &kinds);
    let is_any_unread = stored
        .iter()
        .any(|one| one.is_index && one.image.children.is_empty());
    let judge = |(place, one): (usize, &StoredImage)| -> Option<Decision> {
        let digest = &one.image.digest;
        if let Some(objection) = objections.get(digest) {
            return Some(Ok(match objection.clone() {
                Objection::Protected { by } => KeepReason::Protected { by },
                Objection::About { subject, .. } => KeepReason::About { subject },
                Objection::LastRelease { version, line } => KeepReason::LastRelease { version, line },
            }));
        }
        let is_kept = |tag: &&String| rules.keep.iter().any(|pattern| matches_wildcard(pattern, tag));
        if let Some(tag) = one.image.tags.iter().find(is_kept) {
            return Some(Ok(KeepReason::Tag { tag: tag.clone() }));
        }
        let decision = if kinds[place].is_tagged() {
            kinds[place].decision(rules, &ranks, digest)
        } else if relations.is_dependent(place) {
            return None;
        } else {
            untagged(rules, &one.image, now, is_any_unread)
        };
        Some(match decision {
            Err(_)
                if rules
                    .keep_days
                    .is_some_and(|days| is_recent(&one.image, days, now)) =>
            {
                Ok(KeepReason::Recent)
            }
            decision => decision,
        })
    };
    let own: Vec<Option<Decision>> = stored.iter().enumerate().map(judge).collect();
    relations.settle(stored, &own)
}

fn untagged(rules: &PruneRules, image: &Image, now: Timestamp, is_any_unread: bool) -> Decision {
    match rules.untagged_days {
        None => Ok(KeepReason::NoRule),
        Some(_) if is_any_unread => Ok(KeepReason::UnreadIndex),
        Some(days) if is_older(image.pushed_at, days, now) => Err(RemoveReason::Untagged),
        Some(_) => Ok(KeepReason::Recent),
    }
}

fn is_recent(image: &Image, days: u32, now: Timestamp) -> bool {
    let restored = match image.storage {
        Storage::Standard { restored_at } => restored_at,
        Storage::Archive { .. } => None,
    };
    let mut times = [Some(image.pushed_at), image.pulled_at, restored]
        .into_iter()
        .flatten();
    times.any(|time| !is_older(time, days, now))
}

fn is_older(time: Timestamp, days: u32, now: Timestamp) -> bool {
    now.duration_since(time) > SignedDuration::from_hours(i64::from(days) * 24)
}

/// What images list, and what is about them, by their places.
struct Relations {
    /// What each lists, and what is about it.
    needs: Vec<Vec<(usize, bool)>>,
    /// Whether any image lists it, or it is about one.
    dependent: Vec<bool>,
}

impl Relations {
    fn of(stored: &[StoredImage], kinds: &[TagKinds]) -> Self {
        let places: HashMap<Digest, usize> = stored
            .iter()
            .enumerate()
            .map(|(place, one)| (one.image.digest, place))
            .collect();
        let mut needs = vec![Vec::new(); stored.len()];
        let mut dependent = vec![false; stored.len()];
        for (place, one) in stored.iter().enumerate() {
            for child in one.image.children.iter().filter_map(|child| places.get(child)) {
                needs[place].push((*child, true));
                dependent[*child] = true;
            }
            let subject = one.subject.or(kinds[place].attached);
            if let Some(subject) = subject.and_then(|subject| places.get(&subject)) {
                needs[*subject].push((place, false));
                dependent[place] = true;
            }
        }
        Self { needs, dependent }
    }

    fn is_dependent(&self, place: usize) -> bool {
        self.dependent[place]
    }

    /// Steps 2 to 4. What stays only grows, so it ends.
    fn settle(&self, stored: &[StoredImage], own: &[Option<Decision>]) -> Vec<Decision> {
        let mut kept: Vec<Option<KeepReason>> = vec![None; own.len()];
        for (place, decision) in own.iter().enumerate() {
            if let Some(Ok(reason)) = decision {
                self.keep(stored, &mut kept, place, reason.clone());
            }
        }
        loop {
            let gone = self.gone(stored, own, &kept);
            let unreached = (0..own.len()).find(|place| kept[*place].is_none() && gone[*place].is_none());
            let Some(unreached) = unreached else {
                let decisions = kept.into_iter().zip(gone);
                return decisions
                    .map(|(kept, gone)| match (kept, gone) {
                        (None, Some(reason)) => Err(reason),
                        (Some(reason), _) => Ok(reason),
                        (None, None) => Ok(KeepReason::NoRule),
                    })
                    .collect();
            };
            self.keep(stored, &mut kept, unreached, KeepReason::NoRule);
        }
    }

    fn keep(
        &self,
        stored: &[StoredImage],
        kept: &mut [Option<KeepReason>],
        place: usize,
        reason: KeepReason,
    ) {
        let mut open = vec![(place, reason)];
        while let Some((place, reason)) = open.pop() {
            if kept[place].is_some() {
                continue;
            }
            kept[place] = Some(reason);
            let digest = stored[place].image.digest;
            open.extend(self.needs[place].iter().map(|(other, is_child)| {
                let reason = if *is_child {
                    KeepReason::PartOf { index: digest }
                } else {
                    KeepReason::About { subject: digest }
                };
                (*other, reason)
            }));
        }
    }

    /// Why each goes that does not stay: by itself, or with another.
    fn gone(
        &self,
        stored: &[StoredImage],
        own: &[Option<Decision>],
        kept: &[Option<KeepReason>],
    ) -> Vec<Option<RemoveReason>> {
        let mut gone: Vec<Option<RemoveReason>> = vec![None; own.len()];
        let mut open = Vec::new();
        for (place, decision) in own.iter().enumerate() {
            if let (Some(Err(reason)), None) = (decision, &kept[place]) {
                gone[place] = Some(reason.clone());
                open.push(place);
            }
        }
        while let Some(place) = open.pop() {
            for (other, _) in &self.needs[place] {
                if kept[*other].is_none() && gone[*other].is_none() {
                    let with = stored[place].image.digest;
                    gone[*other] = Some(RemoveReason::With { with });
                    open.push(*other);
                }
            }
        }
        gone
    }
}
