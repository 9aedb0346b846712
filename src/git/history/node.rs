//! What a walk knows of one commit.

use gix::ObjectId;

/// What is known of a commit.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) parents: Vec<ObjectId>,
    /// The committer's time in seconds since 1970.
    pub(super) time: i64,
    pub(super) marks: CommitMarks,
    /// The marks that the parents have got too.
    pub(super) passed_on: CommitMarks,
}

/// What a commit belongs to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct CommitMarks {
    pub(super) in_head: bool,
    pub(super) in_release: bool,
}

impl CommitMarks {
    pub(super) const HEAD: Self = Self {
        in_head: true,
        in_release: false,
    };
    pub(super) const RELEASE: Self = Self {
        in_head: false,
        in_release: true,
    };

    pub(super) fn and(self, other: Self) -> Self {
        Self {
            in_head: self.in_head || other.in_head,
            in_release: self.in_release || other.in_release,
        }
    }
}

impl Node {
    pub(super) fn is_only_in_head(&self) -> bool {
        self.marks == CommitMarks::HEAD
    }

    pub(super) fn is_open(&self) -> bool {
        self.is_only_in_head() && !self.passed_on.in_head
    }
}
