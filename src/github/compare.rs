use serde::Deserialize;

use super::GithubForge;
use crate::ports::ForgeError;
use tagship_domain::facts::{CommitId, Descent};

/// What GitHub says of two commits. Source: GitHub REST API, "Compare two commits".
#[derive(Deserialize)]
struct Comparison {
    status: Status,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ahead,
    Behind,
    Diverged,
    Identical,
}

impl GithubForge {
    /// Where the commit `of` stands to the commit `from`; GitHub knows commits, too, that no branch reaches any more.
    pub(super) async fn compare(&self, of: &CommitId, from: &CommitId) -> Result<Descent, ForgeError> {
        // The changed files stand on the first page alone, and nobody needs them.
        let route = format!(
            "/repos/{}/{}/compare/{from}...{of}?per_page=1&page=2",
            self.owner, self.name
        );
        let answer = self.ask(&route).await?;
        let comparison: Comparison =
            serde_json::from_slice(&answer).map_err(|error| self.not_understood(&error))?;
        Ok(match comparison.status {
            Status::Ahead | Status::Identical => Descent::After,
            Status::Behind => Descent::Before,
            Status::Diverged => Descent::Apart,
        })
    }
}
