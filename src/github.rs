//! GitHub: what a checkout does not know.

mod api;
mod comments;
mod deployments;
mod failure;
mod findings;
mod proposals;
mod releases;
mod statuses;

use std::fmt;
use std::sync::atomic::AtomicBool;

use async_trait::async_trait;
use serde::Deserialize;
use tokio::sync::OnceCell;

use self::api::{Api, Call};
use self::failure::Purpose;
use crate::limits;
use crate::ports::{ForgeError, ReadForge};
use crate::settings::GithubSettings;
use tagship_domain::bump::Commit;
use tagship_domain::error::cleaned;
use tagship_domain::event::RepositoryInfo;
use tagship_domain::facts::{CommitId, Descent};

/// The repository on GitHub, reached with a token.
pub struct GithubForge {
    api: Api,
    /// Whether GitHub said that the job's own account made something.
    is_the_jobs: AtomicBool,
}

impl GithubForge {
    /// `None` where the settings hold no token or no repository: GitHub is asked only with a token.
    pub fn of(settings: &GithubSettings) -> Result<Option<Self>, ForgeError> {
        let (Some(token), Some(repository)) = (&settings.token, &settings.repository) else {
            return Ok(None);
        };
        // Both come into the path as they are.
        let legal = |part: &str| {
            !matches!(part, "" | "." | "..")
                && part
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "-._".contains(c))
        };
        match repository.split_once('/') {
            Some((owner, name)) if legal(owner) && legal(name) => Ok(Some(Self {
                api: Api {
                    repository: repository.clone(),
                    token: token.clone(),
                    address: settings.api_url.clone(),
                    client: OnceCell::new(),
                },
                is_the_jobs: AtomicBool::new(false),
            })),
            _ => Err(ForgeError::InvalidRepository {
                repository: cleaned(repository),
            }),
        }
    }
}

#[async_trait]
impl ReadForge for GithubForge {
    /// Source: GitHub REST API, "Get a repository".
    async fn repository(&self) -> Result<RepositoryInfo, ForgeError> {
        let answer = self.api.send(&Call::get(""), Purpose::Read).await?;
        let mut repository =
            RepositoryInfo::parse(&answer.body).map_err(|error| self.api.not_understood(&error))?;
        if repository.name.is_none() {
            return Err(self.api.not_understood(&"it names no repository"));
        }
        repository.license = repository
            .license
            .filter(|licence| licence.spdx_id.as_deref().is_some_and(is_spdx));
        Ok(repository)
    }

    async fn descent(&self, of: &CommitId, from: &CommitId) -> Result<Descent, ForgeError> {
        self.compare(of, from).await
    }

    async fn commits_since(
        &self,
        base: &CommitId,
        tip: &CommitId,
    ) -> Result<Option<Vec<Commit>>, ForgeError> {
        let mut commits = Vec::new();
        for page in 1..=limits::GITHUB_COMMIT_PAGES {
            let route = format!("/compare/{base}...{tip}?per_page=100&page={page}");
            let answer = self.api.send(&Call::get(route), Purpose::Read).await?;
            let comparison: Comparison = self.api.read(&answer)?;
            if !matches!(comparison.status, Status::Ahead | Status::Identical) {
                return Ok(None);
            }
            for ComparedCommit { sha, commit } in comparison.commits {
                let id =
                    CommitId::parse(&sha).ok_or_else(|| self.api.not_understood(&"a commit has no id"))?;
                commits.push(Commit::read(id, commit.message.as_bytes(), false));
            }
            if !answer.has_more {
                commits.reverse();
                return Ok(Some(commits));
            }
        }
        Err(self
            .api
            .not_understood(&"there are too many commits since the last release"))
    }
}

/// Source: SPDX specification, annex "SPDX license expressions", `idstring`.
fn is_spdx(id: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || "-.+".contains(c);
    (1..=64).contains(&id.len()) && id.chars().all(legal)
}

impl fmt::Debug for GithubForge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GithubForge")
            .field("repository", &self.api.repository)
            .finish_non_exhaustive()
    }
}

/// What GitHub says of two commits. Source: GitHub REST API, "Compare two commits".
#[derive(Deserialize)]
struct Comparison {
    status: Status,
    /// The oldest first.
    #[serde(default)]
    commits: Vec<ComparedCommit>,
}

#[derive(Deserialize)]
struct ComparedCommit {
    sha: String,
    commit: CommitText,
}

#[derive(Deserialize)]
struct CommitText {
    message: String,
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
    async fn compare(&self, of: &CommitId, from: &CommitId) -> Result<Descent, ForgeError> {
        // The changed files stand on the first page alone, and are not needed.
        let route = format!("/compare/{from}...{of}?per_page=1&page=2");
        let answer = self.api.send(&Call::get(route), Purpose::Read).await?;
        let comparison: Comparison = self.api.read(&answer)?;
        Ok(match comparison.status {
            Status::Ahead | Status::Identical => Descent::After,
            Status::Behind => Descent::Before,
            Status::Diverged => Descent::Apart,
        })
    }
}

#[cfg(test)]
mod tests;
