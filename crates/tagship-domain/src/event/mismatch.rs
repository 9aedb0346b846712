//! An event that is about another commit than the one that is checked out.

use std::borrow::Cow;
use std::fmt;

use super::{Event, GitRef};
use crate::error::{Diagnose, FailureKind, cleaned};
use crate::facts::CommitId;

/// What the checkout knows of the commit that an event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedOut {
    /// The commit at HEAD.
    pub head: CommitId,
    /// The event's commit, reached through tag objects where the clone holds them.
    pub event_commit: Option<CommitId>,
    /// The commit of the clone's own git tag of the name that the event gives, if the clone has that tag.
    pub tag_commit: Option<CommitId>,
}

/// The event is about another commit than the one that is checked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// What the event names: a git tag, or a reference.
    subject: EventSubject,
    /// The other commit; absent when the event names none.
    claimed: Option<CommitId>,
    /// Whether the clone's own git tag says so, and not the event.
    is_of_clone: bool,
    /// The commit at HEAD.
    head: CommitId,
    /// Whether it is the context's, which was fetched from an address.
    is_of_address: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum EventSubject {
    Tag(String),
    Reference(GitRef),
}

impl Event {
    /// Returns the git tag that the event names: that of its reference, else that of its release.
    pub fn named_tag(&self) -> Option<&str> {
        self.git_ref.tag().or(self.release_tag.as_deref())
    }

    /// Returns how the event and the checkout disagree, if they do.
    ///
    /// 1. A pull request is about a merge that was never published: its commit says nothing.
    /// 2. The event's commit has to be the one at HEAD.
    /// 3. So has the commit of the clone's own git tag, when the event names one: it may have been moved since.
    /// 4. A reference without any commit proves nothing.
    pub fn mismatch(&self, checked_out: CheckedOut) -> Option<Mismatch> {
        let CheckedOut {
            head,
            event_commit,
            tag_commit,
        } = checked_out;
        if self.git_ref.is_pull_request() || self.name.contains("pull_request") {
            return None;
        }
        let event_commit = event_commit.or_else(|| self.is_of_head.then(|| head.clone()));
        let tag = self.named_tag();
        let tag_commit = tag_commit.filter(|_| tag.is_some());
        let (claimed, is_of_clone) = match (event_commit, tag_commit) {
            (Some(commit), _) if commit != head => (Some(commit), false),
            (_, Some(commit)) if commit != head => (Some(commit), true),
            (None, None) if !self.git_ref.as_str().is_empty() => (None, false),
            _ => return None,
        };
        let subject = tag.map_or_else(
            || EventSubject::Reference(self.git_ref.clone()),
            |tag| EventSubject::Tag(tag.to_owned()),
        );
        Some(Mismatch {
            subject,
            claimed,
            is_of_clone,
            head,
            is_of_address: false,
        })
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subject = match &self.subject {
            EventSubject::Tag(tag) => format!("git tag `{}`", cleaned(tag)),
            EventSubject::Reference(reference) if reference.as_str().is_empty() => {
                "another commit".to_owned()
            }
            EventSubject::Reference(reference) => format!("`{}`", cleaned(reference.as_str())),
        };
        let head = self.head.short();
        let is_here = if self.is_of_address {
            "is the context's"
        } else {
            "is checked out"
        };
        match &self.claimed {
            None => write!(
                f,
                "the event names {subject} without its commit, and commit {head} {is_here}"
            ),
            Some(claimed) if self.is_of_clone => write!(
                f,
                "{subject} of this clone is at commit {}, and commit {head} {is_here}",
                claimed.short()
            ),
            Some(claimed) => write!(
                f,
                "the event is about {subject} at commit {}, and commit {head} {is_here}",
                claimed.short()
            ),
        }
    }
}

impl std::error::Error for Mismatch {}

impl Mismatch {
    /// Returns the same of a context that was fetched from an address.
    #[must_use]
    pub fn of_address(self) -> Self {
        Self {
            is_of_address: true,
            ..self
        }
    }

    /// Returns what lets the checkout and the event agree.
    pub const fn cure(&self) -> &'static str {
        if self.is_of_address {
            "name the commit that the event is about behind the address of `context`, in GitHub Actions as `#${{ github.sha }}`"
        } else {
            "check out the commit that the event is about; in GitHub Actions leave `ref` out at `actions/checkout`, or set it to `${{ github.sha }}`"
        }
    }
}

impl Diagnose for Mismatch {
    fn kind(&self) -> FailureKind {
        FailureKind::TagConflict
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        Some(match &self.subject {
            EventSubject::Tag(_) if self.is_of_address => {
                "name the tag behind the address of `context`, in GitHub Actions as `#${{ github.ref }}`; another commit on purpose is named with `version`".into()
            }
            EventSubject::Tag(_) => {
                "check the tag out, in GitHub Actions with `ref: ${{ github.ref }}` at `actions/checkout`; a commit that is checked out on purpose is named with `version`".into()
            }
            EventSubject::Reference(_) => self.cure().into(),
        })
    }
}
