//! In which order images can be deleted: ECR deletes none that an index lists.

use std::collections::HashMap;

use super::decide::Decision;
use crate::reference::Digest;
use crate::repositories::StoredImage;

/// Returns the turn of each image: one that goes comes after all indexes that list it and go. Of one that stays it is 0.
///
/// 1. Every image that goes counts the indexes that go and list it.
/// 2. Those with none have the first turn. When they are gone, others have none.
/// 3. What is left lists itself in a circle, which no honest registry has: it comes last.
pub(super) fn turns(stored: &[StoredImage], decisions: &[Decision]) -> Vec<usize> {
    let goes = |place: &usize| decisions[*place].is_err();
    let places: HashMap<Digest, usize> = stored
        .iter()
        .enumerate()
        .map(|(place, one)| (one.image.digest, place))
        .collect();
    let children = |place: usize| {
        let digests = stored[place].image.children.iter();
        digests
            .filter_map(|digest| places.get(digest).copied())
            .filter(goes)
    };
    let going: Vec<usize> = (0..stored.len()).filter(goes).collect();
    let mut waits = vec![0_usize; stored.len()];
    for child in going.iter().flat_map(|place| children(*place)) {
        waits[child] += 1;
    }
    let mut turns = vec![usize::MAX; stored.len()];
    let mut ready: Vec<usize> = going.iter().copied().filter(|place| waits[*place] == 0).collect();
    let mut turn = 0;
    while !ready.is_empty() {
        let mut next = Vec::new();
        for place in ready {
            turns[place] = turn;
            for child in children(place) {
                waits[child] -= 1;
                if waits[child] == 0 {
                    next.push(child);
                }
            }
        }
        ready = next;
        turn += 1;
    }
    let is_placed = |place: usize, known: usize| match known {
        usize::MAX if decisions[place].is_err() => turn,
        usize::MAX => 0,
        known => known,
    };
    turns
        .into_iter()
        .enumerate()
        .map(|(place, known)| is_placed(place, known))
        .collect()
}
