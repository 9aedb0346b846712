//! What started a run, at which commit: plain data, wherever it comes from.

use jiff::Timestamp;

use crate::facts::CommitId;
use crate::untrusted::Untrusted;

mod job;
mod mismatch;
mod payload;
mod repository;

pub use job::{CiJob, CiSystem};
pub use mismatch::{CheckedOut, Mismatch};
pub use payload::{Payload, PayloadError};
pub use repository::{License, RepositoryInfo};

/// What started a run. Empty texts stand for what is unknown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// The event's name in GitHub's words, such as `push`; empty outside of a job.
    pub name: String,
    /// The git reference.
    pub git_ref: GitRef,
    /// The commit.
    pub commit: Option<CommitId>,
    /// The time of that commit, when the event has it.
    pub committed_at: Option<Timestamp>,
    /// The pull request's own last commit, of which the merge may be built.
    pub pull_request_head: Option<CommitId>,
    /// The branch that a pushed tag or a pull request starts from or goes to.
    pub base_ref: Option<String>,
    /// The repository's default branch, when the event has it.
    pub default_branch: Option<String>,
    /// The git tag of the release that was published.
    pub release_tag: Option<String>,
    /// What the commit is compared with, when the event has it.
    pub base: Option<Base>,
    /// Whether the job is of a branch's newest commit, whichever that is: the one that is checked out.
    pub is_of_head: bool,
}

/// A full git reference, such as `refs/heads/main`; hostile text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GitRef(String);

/// What a GitHub Actions job's variables say. Source: GitHub docs, "Variables reference".
#[derive(Debug, Clone, Copy, Default)]
pub struct JobVariables<'a> {
    /// `GITHUB_EVENT_NAME`.
    pub event_name: &'a str,
    /// `GITHUB_REF`.
    pub git_ref: &'a str,
    /// `GITHUB_SHA`.
    pub sha: &'a str,
    /// Whether a pull request is named by its own last commit, not by the merge that is tested.
    pub head_of_pull_request: bool,
}

impl Event {
    /// The most bytes of a reference that are kept. Git itself is bounded by the length of a path.
    const MAX_REF: usize = 4096;

    /// What a job's variables and the event's payload say.
    ///
    /// `pull_request_target` runs at the base branch, but is about the pull request.
    /// Source: GitHub docs, "Events that trigger workflows".
    pub fn of_job(variables: JobVariables<'_>, payload: &Payload) -> Self {
        let git_ref = match payload.number {
            Some(number) if variables.event_name.contains("pull_request_target") => {
                GitRef::new(&format!("refs/pull/{number}/merge"))
            }
            _ => GitRef::new(variables.git_ref),
        };
        let head = payload
            .pull_request_head
            .as_deref()
            .filter(|_| variables.head_of_pull_request && variables.event_name.contains("pull_request"));
        let sha = head.unwrap_or(variables.sha);
        let base_ref = if git_ref.tag().is_some() {
            payload
                .base_ref
                .as_deref()
                .map(|base| base.strip_prefix("refs/heads/").unwrap_or(base))
        } else if git_ref.is_pull_request() {
            payload.pull_request_base.as_deref()
        } else {
            None
        };
        Self {
            name: variables.event_name.to_owned(),
            commit: CommitId::parse(sha),
            committed_at: payload.commit_time(sha),
            pull_request_head: payload
                .pull_request_head
                .as_deref()
                .filter(|_| variables.event_name.contains("pull_request"))
                .and_then(CommitId::parse),
            base_ref: base_ref.map(str::to_owned),
            default_branch: payload.default_branch.clone(),
            release_tag: payload.release_tag.clone(),
            base: payload.base(),
            git_ref,
            is_of_head: false,
        }
    }

    /// What a local checkout says: the git tag at HEAD wins over the branch.
    pub fn of_checkout(branch: Option<&str>, tag: Option<&str>, commit: CommitId) -> Self {
        let git_ref = match (tag, branch) {
            (Some(tag), _) => GitRef::new(&format!("refs/tags/{tag}")),
            (None, Some(branch)) => GitRef::new(&format!("refs/heads/{branch}")),
            (None, None) => GitRef::default(),
        };
        Self {
            git_ref,
            commit: Some(commit),
            ..Self::default()
        }
    }

    /// Whether a schedule started the run.
    pub fn is_schedule(&self) -> bool {
        self.name.contains("schedule")
    }

    /// Whether the run is at the default branch.
    ///
    /// Schedules, issues, discussions and created references run at its last commit.
    /// Source: GitHub docs, "Events that trigger workflows".
    pub fn is_default_branch(&self, default_branch: Option<&str>) -> bool {
        const AT_DEFAULT: [&str; 4] = ["create", "discussion", "issues", "schedule"];
        let git_ref = self.git_ref.as_str();
        let branch = git_ref.strip_prefix("refs/heads/").unwrap_or(git_ref);
        !branch.is_empty()
            && (default_branch == Some(branch) || AT_DEFAULT.iter().any(|name| self.name.contains(name)))
    }
}

impl GitRef {
    /// Takes a reference; what is longer than any git takes is cut.
    pub fn new(text: &str) -> Self {
        Self(text.chars().take(Event::MAX_REF).collect())
    }

    /// The reference as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The branch, without `refs/heads/`.
    pub fn branch(&self) -> Option<&str> {
        self.0.strip_prefix("refs/heads/")
    }

    /// The git tag, without `refs/tags/`.
    pub fn tag(&self) -> Option<&str> {
        self.0.strip_prefix("refs/tags/")
    }

    /// What names the pull request: its number.
    pub fn pull_request(&self) -> Option<&str> {
        let rest = self.0.strip_prefix("refs/pull/")?;
        Some(rest.strip_suffix("/merge").unwrap_or(rest))
    }

    /// Whether the reference is of a pull request.
    pub fn is_pull_request(&self) -> bool {
        self.pull_request().is_some()
    }
}

/// What a commit is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// The commit before a push or a merge.
    Commit(CommitId),
    /// What HEAD and a pull request's base have in common.
    MergeBase(CommitId),
    /// The commit's first parent.
    Parent,
    /// A commit, branch or tag that the user names.
    Named(String),
    /// Nothing, for a reason.
    Unknown(String),
}

impl Base {
    /// What the user names, else what the event says; without an event the commit before.
    pub fn of(since: Option<String>, event: Option<&Event>) -> Self {
        match (since, event) {
            (Some(name), _) => Self::Named(name),
            (None, None) => Self::Parent,
            (None, Some(event)) => event.base.clone().unwrap_or_else(|| {
                let name = Untrusted::new(&event.name);
                Self::Unknown(format!("the event `{name}` names no commit to compare with"))
            }),
        }
    }
}

#[cfg(test)]
mod tests;
