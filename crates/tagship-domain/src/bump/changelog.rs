//! What conventional commits change, in groups.

use serde::Serialize;

use super::{Change, Commit};
use crate::facts::CommitId;

/// What conventional commits change, in groups; the newest first in each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Changelog {
    /// The groups that are not empty.
    pub groups: Vec<Group>,
}

/// Changes of one sort.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// What they are called.
    pub title: &'static str,
    /// The first of them, at most [`Changelog::MAX_ENTRIES`].
    pub entries: Vec<ChangelogEntry>,
    /// How many more there are.
    #[serde(skip_serializing_if = "is_zero")]
    pub more: usize,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangelogEntry {
    /// The commit.
    pub commit: CommitId,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Its title without type and scope.
    pub description: String,
    /// What it breaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breaking: Option<String>,
}

/// Whether a group takes a change.
type Takes = fn(&Change) -> bool;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Changelog {
    /// The most entries of a group.
    pub const MAX_ENTRIES: usize = 1000;

    /// The groups in their order. Each change is in one: the first that takes it.
    const GROUPS: [(&'static str, Takes); 6] = [
        ("Breaking changes", |change| change.breaking.is_some()),
        ("Features", |change| change.kind == "feat"),
        ("Fixes", |change| change.kind == "fix"),
        ("Performance", |change| change.kind == "perf"),
        ("Reverts", |change| change.kind == "revert"),
        ("Other changes", |_| true),
    ];

    /// Sorts the changes of `commits`.
    pub(crate) fn of(commits: &[Commit]) -> Self {
        let mut groups = Self::GROUPS.map(|(title, _)| Group {
            title,
            entries: Vec::new(),
            more: 0,
        });
        for commit in commits {
            let Some(change) = &commit.change else { continue };
            let of_change = Self::GROUPS.iter().position(|(_, takes)| takes(change));
            let Some(group) = of_change.and_then(|index| groups.get_mut(index)) else {
                continue;
            };
            if group.entries.len() == Self::MAX_ENTRIES {
                group.more += 1;
                continue;
            }
            group.entries.push(ChangelogEntry {
                commit: commit.id.clone(),
                kind: change.kind.clone(),
                scope: change.scope.clone(),
                description: change.description.clone(),
                breaking: change.breaking.clone(),
            });
        }
        Self {
            groups: groups
                .into_iter()
                .filter(|group| !group.entries.is_empty())
                .collect(),
        }
    }
}
