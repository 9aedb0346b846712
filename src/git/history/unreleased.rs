//! The commits since the last release.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use gix::ObjectId;

use super::node::Node;

/// The commits that HEAD contains and the last release does not.
pub(super) struct UnreleasedCommits {
    commits: HashMap<ObjectId, Node>,
}

impl UnreleasedCommits {
    pub(super) fn new(commits: HashMap<ObjectId, Node>) -> Self {
        Self { commits }
    }

    /// Those among them that one of `tips` contains.
    pub(super) fn contained_in(&self, tips: impl Iterator<Item = ObjectId>) -> HashSet<ObjectId> {
        let mut contained = HashSet::new();
        let mut open: Vec<ObjectId> = tips.collect();
        while let Some(id) = open.pop() {
            if let Some(commit) = self.commits.get(&id)
                && contained.insert(id)
            {
                open.extend(&commit.parents);
            }
        }
        contained
    }

    /// No parent before its children, and otherwise the newest first.
    pub(super) fn newest_first(&self) -> Vec<ObjectId> {
        let mut children: HashMap<ObjectId, usize> = HashMap::new();
        for parent in self.commits.values().flat_map(|commit| &commit.parents) {
            *children.entry(*parent).or_default() += 1;
        }
        let mut sorted = Vec::with_capacity(self.commits.len());
        // Among equals the one that was found first, so that a first parent comes before a second.
        let mut ready = BinaryHeap::new();
        let mut found = 0_usize;
        let heads = self.commits.keys().filter(|id| !children.contains_key(*id));
        for id in heads {
            ready.push((self.time(id), Reverse(found), *id));
        }
        while let Some((_, _, id)) = ready.pop() {
            sorted.push(id);
            for parent in self
                .commits
                .get(&id)
                .into_iter()
                .flat_map(|commit| &commit.parents)
            {
                let Some(left) = children.get_mut(parent) else {
                    continue;
                };
                *left -= 1;
                if *left == 0 && self.commits.contains_key(parent) {
                    found += 1;
                    ready.push((self.time(parent), Reverse(found), *parent));
                }
            }
        }
        sorted
    }

    fn time(&self, id: &ObjectId) -> i64 {
        self.commits.get(id).map_or(0, |commit| commit.time)
    }
}
