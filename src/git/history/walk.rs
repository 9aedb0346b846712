//! A walk from HEAD towards the roots.

use std::collections::{BinaryHeap, HashMap};

use gix::ObjectId;
use gix::revwalk::Graph;

use super::node::{CommitMarks, Node};
use super::unreleased::UnreleasedCommits;
use tagship_domain::bump::VersionTag;

/// How far a parent's clock may be ahead of its child's, in seconds.
const CLOCK_SKEW: i64 = 24 * 60 * 60;
/// How many commits beyond the one where times say that all is known are looked at, to find times that are wrong.
const LOOKED_AT_BEYOND: usize = 4096;

/// A walk from HEAD towards the roots, the newest commit first.
///
/// git's own walk and gix's end when all that is left is known to be in both. That is right only where no commit is
/// older than its parent; even with equal times, as scripts make them, gix takes commits of the release for
/// new ones. This walk goes on until what is left is a day older than the oldest commit of the result, and for some
/// thousand commits more. Once it has met a commit that is more than a day older than its parent, as a rebase that
/// keeps authors' dates leaves them, times say nothing, and it goes on to the roots.
pub(super) struct Walk<'a> {
    graph: Graph<'a, 'a, ()>,
    commits: HashMap<ObjectId, Node>,
    queue: BinaryHeap<(i64, ObjectId)>,
    /// How many commits there are because of which more may belong to the result.
    open: usize,
    /// Whether no commit was met that is older than its parent by more than clocks differ.
    are_times_sane: bool,
    beyond: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn from(
        repository: &'a gix::Repository,
        cache: Option<&'a gix::commitgraph::Graph>,
        head: ObjectId,
    ) -> gix::Result<Self> {
        let mut walk = Self {
            graph: repository.revision_graph(cache),
            commits: HashMap::new(),
            queue: BinaryHeap::new(),
            open: 0,
            are_times_sane: true,
            beyond: 0,
        };
        walk.mark(head, CommitMarks::HEAD)?;
        Ok(walk)
    }

    /// The tag with the greatest version that HEAD contains. Walks only as far as a greater one may lie.
    pub(super) fn greatest<'t>(
        &mut self,
        tags: impl Iterator<Item = (&'t VersionTag, ObjectId)>,
    ) -> gix::Result<Option<(&'t VersionTag, ObjectId)>> {
        let mut tags: Vec<_> = tags.collect();
        tags.sort_by(|(a, _), (b, _)| b.version.cmp(&a.version));
        // Where each commit stands first, and the oldest time among the tags up to each.
        let mut ranks = HashMap::new();
        let mut oldest: Vec<i64> = Vec::with_capacity(tags.len());
        for (rank, (_, id)) in tags.iter().enumerate() {
            ranks.entry(*id).or_insert(rank);
            // What is no commit is contained in none.
            let commit = self.graph.try_lookup(id)?;
            let time = commit.map_or(Ok(i64::MAX), |commit| commit.committer_timestamp())?;
            oldest.push(oldest.last().map_or(time, |oldest| time.min(*oldest)));
        }
        let mut best = tags.len();
        while let Some(limit) = best.checked_sub(1).and_then(|last| oldest.get(last)) {
            if !self.may_find_one_as_old_as(*limit) && !self.looks_beyond() {
                break;
            }
            if let Some(rank) = self.step()?.and_then(|id| ranks.get(&id)) {
                best = best.min(*rank);
            }
        }
        Ok(tags.get(best).copied())
    }

    /// What HEAD contains and `release` does not.
    pub(super) fn since(mut self, release: Option<ObjectId>) -> gix::Result<UnreleasedCommits> {
        if let Some(release) = release {
            self.mark(release, CommitMarks::RELEASE)?;
        }
        while self.open > 0 {
            self.step()?;
        }
        let new = self.commits.values().filter(|commit| commit.is_only_in_head());
        if let Some(oldest) = new.map(|commit| commit.time).min() {
            while self.may_find_one_as_old_as(oldest) || self.looks_beyond() {
                self.step()?;
            }
        }
        self.commits.retain(|_, commit| commit.is_only_in_head());
        Ok(UnreleasedCommits::new(self.commits))
    }

    fn may_find_one_as_old_as(&self, time: i64) -> bool {
        self.queue
            .peek()
            .is_some_and(|(newest, _)| newest.saturating_add(CLOCK_SKEW) >= time)
    }

    /// Whether to go on although times say that all is known.
    fn looks_beyond(&mut self) -> bool {
        if self.queue.is_empty() {
            return false;
        }
        if self.are_times_sane {
            self.beyond += 1;
        }
        !self.are_times_sane || self.beyond <= LOOKED_AT_BEYOND
    }

    /// Passes the marks of the newest commit in the queue on to its parents; gives the commit.
    fn step(&mut self) -> gix::Result<Option<ObjectId>> {
        let Some((_, id)) = self.queue.pop() else {
            return Ok(None);
        };
        if let Some(commit) = self.commits.get_mut(&id)
            && commit.passed_on != commit.marks
        {
            self.open -= usize::from(commit.is_open());
            commit.passed_on = commit.marks;
            let (marks, time) = (commit.marks, commit.time);
            for parent in commit.parents.clone() {
                let parent_time = self.mark(parent, marks)?;
                self.are_times_sane &= parent_time <= time.saturating_add(CLOCK_SKEW);
            }
        }
        Ok(Some(id))
    }

    /// Adds marks to a commit; gives its time.
    fn mark(&mut self, id: ObjectId, marks: CommitMarks) -> gix::Result<i64> {
        let commit = match self.commits.entry(id) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                let commit = self.graph.lookup(&id)?;
                entry.insert(Node {
                    parents: commit.iter_parents().collect::<Result<_, _>>()?,
                    time: commit.committer_timestamp()?,
                    marks: CommitMarks::default(),
                    passed_on: CommitMarks::default(),
                })
            }
        };
        let marks = commit.marks.and(marks);
        if marks != commit.marks {
            self.open -= usize::from(commit.is_open());
            commit.marks = marks;
            self.open += usize::from(commit.is_open());
            self.queue.push((commit.time, id));
        }
        Ok(commit.time)
    }
}
