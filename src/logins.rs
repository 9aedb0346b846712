//! Credentials of the registries that base images and caches come from.
//!
//! The first that knows a registry counts: lines of `registry-auth`, the docker command's configuration, and for ECR's own
//! hosts and those of ECR Public the run's identity. The registry that the image goes to is always the run's own matter.

mod config;
mod helper;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::timeout;

use self::config::{DockerConfig, Found};
use crate::ports::{FindLogin, LoginError, RegistryCredential, RegistryLogin, Reporter};
use crate::settings::LoginSettings;
use tagship_domain::build::login_host;
use tagship_domain::error::with_causes;
use tagship_domain::reference::RegistryHost;

/// How long a login at ECR Public may take, which can be done without.
const PUBLIC_LOGIN: Duration = Duration::from_secs(10);

/// The credentials of one run.
pub struct Logins {
    settings: LoginSettings,
    ecr: Option<Arc<dyn RegistryLogin>>,
    reporter: Arc<dyn Reporter>,
    /// Whether the identity was refused a login at ECR Public, which everybody may read without.
    is_public_refused: AtomicBool,
}

impl Logins {
    /// Takes what the settings say, and the run's identity if it has one.
    pub fn new(
        settings: LoginSettings,
        ecr: Option<Arc<dyn RegistryLogin>>,
        reporter: Arc<dyn Reporter>,
    ) -> Self {
        Self {
            settings,
            ecr,
            reporter,
            is_public_refused: AtomicBool::new(false),
        }
    }

    /// A login lifts ECR Public's limits on who pulls without one; an identity that gets none pulls without.
    async fn of_public(&self, host: &RegistryHost, ecr: &dyn RegistryLogin) -> Option<RegistryCredential> {
        if self.is_public_refused.load(Ordering::Relaxed) {
            return None;
        }
        let problem = match timeout(PUBLIC_LOGIN, ecr.credential(host)).await {
            Ok(Ok(credential)) => return Some(credential),
            Ok(Err(error)) => with_causes(&error),
            Err(late) => late.to_string(),
        };
        tracing::info!("`{host}` is used without a login: {problem}");
        self.is_public_refused.store(true, Ordering::Relaxed);
        None
    }

    /// The docker command's configuration is read each time: it is small, and a step may have logged in meanwhile.
    async fn of_docker(&self, host: &str) -> Result<Option<RegistryCredential>, LoginError> {
        let Some(folder) = &self.settings.docker_config else {
            return Ok(None);
        };
        let Some(config) = DockerConfig::read(folder).map_err(LoginError::new)? else {
            return Ok(None);
        };
        match config.find(host).map_err(LoginError::new)? {
            Found::Nothing => Ok(None),
            Found::Credential(credential) => Ok(Some(credential)),
            Found::Helper { name, server } if self.settings.may_run_helpers => {
                helper::ask(&name, &server).await.map_err(LoginError::new)
            }
            Found::Helper { name, .. } => Err(LoginError::new(config::ConfigError::NoHelperHere { name })),
        }
    }
}

#[async_trait]
impl FindLogin for Logins {
    async fn find(&self, host: &str) -> Result<Option<RegistryCredential>, LoginError> {
        let asked = login_host(host);
        if let Some(line) = self.settings.lines.iter().find(|line| line.host == asked) {
            return Ok(Some(RegistryCredential {
                username: line.username.clone(),
                password: line.password.clone(),
            }));
        }
        if let Some(credential) = self.of_docker(&asked).await? {
            self.reporter.mask(&credential.password);
            return Ok(Some(credential));
        }
        match (RegistryHost::parse_destination(host), &self.ecr) {
            (Ok(host), Some(ecr)) if host.is_public_ecr() => Ok(self.of_public(&host, &**ecr).await),
            (Ok(host), Some(ecr)) if host.region().is_some() => ecr.credential(&host).await.map(Some),
            _ => Ok(None),
        }
    }
}

impl std::fmt::Debug for Logins {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Logins").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
