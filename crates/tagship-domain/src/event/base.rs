use super::Event;
use crate::facts::CommitId;
use crate::untrusted::Untrusted;

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
    /// What the user names, else what the event tells; without an event the commit before.
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
