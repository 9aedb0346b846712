//! GitHub: what a checkout does not know.

mod compare;
mod failure;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use backon::{ExponentialBuilder, Retryable as _};
use octocrab::Octocrab;
use secrecy::SecretString;
use url::Url;

use crate::ports::{ForgeError, ReadForge};
use crate::settings::GithubSettings;
use tagship_domain::error::cleaned;
use tagship_domain::event::{License, RepositoryInfo};
use tagship_domain::facts::{CommitId, Descent};

/// The repository on GitHub, read with a token.
pub struct GithubForge {
    owner: String,
    name: String,
    token: SecretString,
    api: Option<Url>,
}

impl GithubForge {
    const TIMEOUT: Duration = Duration::from_secs(10);

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
            .set_connect_timeout(Some(Self::TIMEOUT))
            .set_read_timeout(Some(Self::TIMEOUT))
            .set_write_timeout(Some(Self::TIMEOUT));
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

    fn failed(&self, error: &octocrab::Error) -> ForgeError {
        failure::failed(format!("{}/{}", self.owner, self.name), error)
    }
}

impl GithubForge {
    /// Source: GitHub REST API, "Get a repository".
    async fn get(&self) -> Result<octocrab::models::Repository, ForgeError> {
        let client = self.client().map_err(|error| self.failed(&error))?;
        let repositories = client.repos(&self.owner, &self.name);
        (|| repositories.get())
            .retry(Self::backoff())
            .when(failure::is_transient)
            .await
            .map_err(|error| self.failed(&error))
    }
}

#[async_trait]
impl ReadForge for GithubForge {
    async fn repository(&self) -> Result<RepositoryInfo, ForgeError> {
        let repository = self.get().await?;
        let licence = repository.license.map(|licence| licence.spdx_id);
        Ok(RepositoryInfo {
            name: Some(repository.name),
            description: repository.description,
            html_url: repository.html_url.map(|url| url.to_string()),
            default_branch: repository.default_branch,
            license: licence
                .filter(|id| is_spdx(id))
                .map(|id| License { spdx_id: Some(id) }),
        })
    }

    async fn descent(&self, of: &CommitId, from: &CommitId) -> Result<Descent, ForgeError> {
        self.compare(of, from).await
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

#[cfg(test)]
mod tests;
