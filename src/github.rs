//! GitHub: what a checkout does not know.

mod failure;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use backon::{ExponentialBuilder, Retryable as _};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use octocrab::Octocrab;
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use self::failure::Failure;
use crate::limits;
use crate::ports::{ForgeError, ReadForge};
use crate::settings::GithubSettings;
use tagship_domain::error::cleaned;
use tagship_domain::event::RepositoryInfo;
use tagship_domain::facts::{CommitId, Descent};

/// The repository on GitHub, read with a token.
pub struct GithubForge {
    owner: String,
    name: String,
    token: SecretString,
    api: Option<Url>,
}

impl GithubForge {
    /// `None` where the settings hold no token or no repository: GitHub is asked only on behalf of somebody.
    pub fn of(settings: &GithubSettings) -> Result<Option<Self>, ForgeError> {
        let (Some(token), Some(repository)) = (&settings.token, &settings.repository) else {
            return Ok(None);
        };
        // octocrab puts both into the path as they are.
        let legal = |part: &str| {
            !matches!(part, "" | "." | "..")
                && part
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "-._".contains(c))
        };
        match repository.split_once('/') {
            Some((owner, name)) if legal(owner) && legal(name) => Ok(Some(Self {
                owner: owner.to_owned(),
                name: name.to_owned(),
                token: token.clone(),
                api: settings.api_url.clone(),
            })),
            _ => Err(ForgeError::InvalidRepository {
                repository: cleaned(repository),
            }),
        }
    }

    /// Made when it is needed: it reads the system's certificates and needs a runtime.
    fn client(&self) -> octocrab::Result<Octocrab> {
        let mut builder = Octocrab::builder()
            .personal_token(self.token.clone())
            .set_connect_timeout(Some(limits::CONNECT))
            .set_read_timeout(Some(limits::GITHUB_TRY))
            .set_write_timeout(Some(limits::GITHUB_TRY));
        if let Some(api) = &self.api {
            builder = builder.base_uri(api.as_str())?;
        }
        builder.build()
    }

    fn backoff() -> ExponentialBuilder {
        ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(200))
            .with_max_times(2)
            .with_jitter()
    }
}

impl GithubForge {
    /// Asks one question, within bounds of time and size.
    async fn ask(&self, route: &str) -> Result<Bytes, ForgeError> {
        let failed = |failure: Failure| failure.into_error(format!("{}/{}", self.owner, self.name));
        let client = self.client().map_err(|error| failed(error.into()))?;
        let attempt = || async {
            match tokio::time::timeout(limits::GITHUB_TRY, ask_once(&client, route)).await {
                Ok(answer) => answer,
                Err(_) => Err(Failure::Late),
            }
        };
        attempt
            .retry(Self::backoff())
            .when(Failure::is_transient)
            .await
            .map_err(failed)
    }

    fn not_understood(&self, error: &dyn fmt::Display) -> ForgeError {
        let problem = format!("its answer is not understood: {}", cleaned(&error.to_string()));
        Failure::Answer(problem).into_error(format!("{}/{}", self.owner, self.name))
    }
}

#[async_trait]
impl ReadForge for GithubForge {
    /// Source: GitHub REST API, "Get a repository".
    async fn repository(&self) -> Result<RepositoryInfo, ForgeError> {
        let answer = self.ask(&format!("/repos/{}/{}", self.owner, self.name)).await?;
        let mut repository = RepositoryInfo::parse(&answer).map_err(|error| self.not_understood(&error))?;
        if repository.name.is_none() {
            return Err(self.not_understood(&"it names no repository"));
        }
        repository.license = repository
            .license
            .filter(|licence| licence.spdx_id.as_deref().is_some_and(is_spdx));
        Ok(repository)
    }

    async fn descent(&self, of: &CommitId, from: &CommitId) -> Result<Descent, ForgeError> {
        self.compare(of, from).await
    }
}

/// One answer that is a success, read only as far as an answer goes.
async fn ask_once(client: &Octocrab, route: &str) -> Result<Bytes, Failure> {
    let (head, body) = client._get(route).await?.into_parts();
    let most = usize::try_from(limits::GITHUB_BYTES).unwrap_or(usize::MAX);
    let body = Limited::new(body, most).collect().await;
    let body = body
        .map_err(|error| Failure::Answer(cleaned(&error.to_string())))?
        .to_bytes();
    if head.status.is_success() {
        Ok(body)
    } else {
        Err(Failure::of_status(head.status, &body))
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
            .field("owner", &self.owner)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

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
    async fn compare(&self, of: &CommitId, from: &CommitId) -> Result<Descent, ForgeError> {
        // The changed files stand on the first page alone, and are not needed.
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

#[cfg(test)]
mod tests;
