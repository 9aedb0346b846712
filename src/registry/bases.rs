//! Repositories that base images come from, each with the login that belongs to it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use oci_registry::{ReadWhole, RetryPolicy};

use crate::ports::{
    FindLogin, LoginError, OpenBase, RegistryCredential, RegistryError, RegistryLogin, Reporter,
};
use tagship_domain::reference::{ImageName, RegistryHost};

/// The longest that a question about a base image may take: its layers can be compressed anew in that time.
const QUESTION: Duration = Duration::from_secs(20);

/// Opens any repository for reading, over connections that the run shares.
pub struct BaseRegistries {
    http: reqwest::Client,
    target: RegistryHost,
    login: Arc<dyn RegistryLogin>,
    others: Arc<dyn FindLogin>,
    reporter: Arc<dyn Reporter>,
}

impl BaseRegistries {
    /// `login` is for the registry `target` that the image goes to, `others` are for all others.
    pub fn new(
        http: reqwest::Client,
        target: RegistryHost,
        login: Arc<dyn RegistryLogin>,
        others: Arc<dyn FindLogin>,
        reporter: Arc<dyn Reporter>,
    ) -> Self {
        Self {
            http,
            target,
            login,
            others,
            reporter,
        }
    }
}

impl OpenBase for BaseRegistries {
    fn open(&self, image: &ImageName) -> Result<Arc<dyn ReadWhole>, RegistryError> {
        let is_target = image.registry == self.target;
        let login: Arc<dyn RegistryLogin> = if is_target {
            Arc::clone(&self.login)
        } else {
            Arc::new(FoundLogins(Arc::clone(&self.others)))
        };
        let (http, reporter) = (self.http.clone(), Arc::clone(&self.reporter));
        let client = super::client(image.clone(), http, login, reporter)?.with_retry_policy(RetryPolicy {
            operation: QUESTION,
            ..RetryPolicy::DEFAULT
        });
        Ok(Arc::new(if is_target { client } else { client.negotiating() }))
    }
}

impl std::fmt::Debug for BaseRegistries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BaseRegistries(beside {})", self.target)
    }
}

/// Logins that are looked for; none is a login too.
pub struct FoundLogins(pub Arc<dyn FindLogin>);

impl std::fmt::Debug for FoundLogins {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FoundLogins")
    }
}

#[async_trait]
impl RegistryLogin for FoundLogins {
    async fn credential(&self, host: &RegistryHost) -> Result<RegistryCredential, LoginError> {
        let found = self.0.find(host.as_str()).await?;
        Ok(found.unwrap_or_else(RegistryCredential::anonymous))
    }

    /// What logins are found is looked for anew each time.
    async fn forget(&self, _host: &RegistryHost) {}
}
