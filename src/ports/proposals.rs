//! Changes that a forge shows for review.

use async_trait::async_trait;

use super::ForgeError;
use tagship_domain::facts::CommitId;

/// One change of one file.
#[derive(Debug, Clone, Copy)]
pub struct FileChange<'a> {
    /// The commit that it comes after.
    pub parent: &'a CommitId,
    /// The file's path in the repository.
    pub path: &'a str,
    /// The whole file.
    pub content: &'a str,
    /// The message of the commit.
    pub message: &'a str,
}

/// A pull request that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    /// Its number.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// Its text.
    pub text: String,
    /// Its page.
    pub url: String,
}

/// Proposes changes.
///
/// What makes something new is tried once: after an error that [`ForgeError::is_unsure`], look before trying again.
#[async_trait]
pub trait ProposeChange: Send + Sync {
    /// The last commit of a branch; `None` where there is no such branch.
    async fn branch(&self, branch: &str) -> Result<Option<CommitId>, ForgeError>;

    /// Makes the commit of a change, which no branch has yet; gives `current` where that is it already.
    async fn commit_file(
        &self,
        change: &FileChange<'_>,
        current: Option<&CommitId>,
    ) -> Result<CommitId, ForgeError>;

    /// Makes a branch.
    async fn create_branch(&self, branch: &str, commit: &CommitId) -> Result<(), ForgeError>;

    /// Lets a branch end with another commit, whatever it ended with.
    async fn move_branch(&self, branch: &str, commit: &CommitId) -> Result<(), ForgeError>;

    /// The open pull request from a branch to another, if there is one.
    async fn pull_request(&self, branch: &str, base: &str) -> Result<Option<PullRequest>, ForgeError>;

    /// Opens a pull request from the first branch to the second.
    async fn open_pull_request(
        &self,
        branches: (&str, &str),
        title: &str,
        text: &str,
    ) -> Result<PullRequest, ForgeError>;

    /// Gives a pull request another title and text.
    async fn change_pull_request(&self, number: u64, title: &str, text: &str) -> Result<(), ForgeError>;
}
