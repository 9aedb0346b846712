//! ECR's API: authorization tokens, repository settings, and many tags in one request.

mod answer;
mod client;
mod images;
mod inventory;
mod layers;
mod login;
mod probes;
mod public;
mod push_rights;
mod replication;
mod repositories;
mod scans;
mod settings;
mod signing;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use aws_credential_types::provider::ProvideCredentials as _;
use secrecy::SecretString;
use tokio::sync::Mutex;

use crate::aws::IdentityError;
use crate::aws::connection::Connection;
use crate::aws::ecr::client::RegionClient;
use crate::aws::ecr::login::TokenHolder;
use crate::aws::ecr::public::PublicApi;
use crate::aws::failure::identity_cause;
use crate::ports::{
    Clock, ControlPlane, FoundManifests, LoginError, RegistryCredential, RegistryError, RegistryLogin,
    Reporter,
};
use crate::settings::{AccessKey, IdentitySettings};
use tagship_domain::doctor::Probed;
use tagship_domain::immutability::Mutability;
use tagship_domain::inventory::ListedImage;
use tagship_domain::reference::{Digest, Region, RegistryHost, RepositoryName, Tag};

pub use public::PublicRepositories;
pub use replication::Replication;
pub use repositories::RegistryRepositories;
pub use scans::RepositoryScans;
pub use signing::ManagedSigning;

/// ECR as one run uses it: the registry that the image goes to, and logins to other ECR registries for base images.
pub struct Ecr {
    registry: RegistryHost,
    connection: Connection,
    /// What is specific to a region: authorization tokens are. Source: ECR user guide, "Registry authentication".
    regions: Mutex<BTreeMap<Region, Arc<InRegion>>>,
    /// ECR Public, where the image goes there.
    public: Option<Arc<PublicApi>>,
    clock: Arc<dyn Clock>,
    reporter: Arc<dyn Reporter>,
}

struct InRegion {
    client: RegionClient,
    token: TokenHolder,
}

impl Ecr {
    /// Decides how to come to credentials. Fails where that cannot work, but contacts no server.
    ///
    /// `registry` is where the image goes. The API calls go to its region, or to the region of the settings if it is
    /// an emulator.
    pub async fn connect(
        identity: &IdentitySettings,
        registry: &RegistryHost,
        clock: Arc<dyn Clock>,
        reporter: Arc<dyn Reporter>,
    ) -> Result<Self, IdentityError> {
        let connection =
            Connection::open(identity, registry, Arc::clone(&clock), Arc::clone(&reporter)).await?;
        // There is none in other partitions, and what an emulator gives out is no login for AWS's own.
        let is_of_aws = registry.account().is_some() && connection.region.partition() == "aws";
        let has_public = is_of_aws || registry.is_public_ecr();
        let public = has_public.then(|| Arc::new(PublicApi::new(&connection.sdk)));
        Ok(Self {
            public,
            registry: registry.clone(),
            connection,
            regions: Mutex::new(BTreeMap::new()),
            clock,
            reporter,
        })
    }

    /// ECR Public, if `host` is one of its hosts.
    fn public_of(&self, host: &RegistryHost) -> Option<&PublicApi> {
        self.public.as_deref().filter(|_| host.is_public_ecr())
    }

    /// The region of `host`; `None` if it is neither ECR nor the registry that the image goes to.
    ///
    /// Another host in plain HTTP must never be given the password that opens the account's registry.
    fn region_of(&self, host: &RegistryHost) -> Option<Region> {
        match host.region() {
            Some(region) => Some(region.clone()),
            None if *host == self.registry => Some(self.connection.region.clone()),
            None => None,
        }
    }

    async fn in_region(&self, region: Region) -> Arc<InRegion> {
        let mut regions = self.regions.lock().await;
        let in_region = regions.entry(region).or_insert_with_key(|region| {
            Arc::new(InRegion {
                client: RegionClient::new(&self.connection.sdk, region),
                token: TokenHolder::default(),
            })
        });
        Arc::clone(in_region)
    }

    /// Finds out, without an effect, whether the role may do `action` on a repository.
    pub async fn probe(&self, repository: &RepositoryName, action: &str) -> Probed {
        probes::of_repository(&self.home().await.client, &self.registry, repository, action).await
    }

    /// Returns the AWS credentials themselves, for other programs, and the region that they are used in.
    pub async fn credentials(&self) -> Result<(AccessKey, Region), IdentityError> {
        let provider = self.connection.sdk.credentials_provider();
        let provider = provider.ok_or(IdentityError::None)?;
        let given = provider.provide_credentials().await;
        let given = given.map_err(|error| identity_cause(&error).unwrap_or(IdentityError::None))?;
        let key = AccessKey {
            id: given.access_key_id().to_owned(),
            secret: given.secret_access_key().into(),
            session_token: given.session_token().map(SecretString::from),
        };
        Ok((key, self.connection.region.clone()))
    }

    async fn home(&self) -> Arc<InRegion> {
        let region = self.registry.region().unwrap_or(&self.connection.region);
        self.in_region(region.clone()).await
    }
}

#[async_trait]
impl RegistryLogin for Ecr {
    async fn credential(&self, host: &RegistryHost) -> Result<RegistryCredential, LoginError> {
        if let Some(public) = self.public_of(host) {
            let credential = public.credential(&*self.clock, &*self.reporter);
            return credential.await.map_err(LoginError::new);
        }
        let foreign = || LoginError::new(IdentityError::ForeignRegistry);
        let region = self.region_of(host).ok_or_else(foreign)?;
        let in_region = self.in_region(region).await;
        let fetched = login::fetch(&in_region.client, &*self.reporter);
        let credential = in_region.token.credential(fetched, &*self.clock);
        credential.await.map_err(LoginError::new)
    }

    async fn forget(&self, host: &RegistryHost) {
        if let Some(public) = self.public_of(host) {
            public.forget().await;
        } else if let Some(region) = self.region_of(host) {
            self.in_region(region).await.token.forget().await;
        }
    }
}

#[async_trait]
impl ControlPlane for Ecr {
    async fn mutability(&self, repository: &RepositoryName) -> Result<Mutability, RegistryError> {
        settings::mutability(&self.home().await.client, &self.registry, repository).await
    }

    async fn look_up(
        &self,
        repository: &RepositoryName,
        digests: &[Digest],
        tags: &[Tag],
    ) -> Result<FoundManifests, RegistryError> {
        images::look_up(
            &self.home().await.client,
            &self.registry,
            repository,
            digests,
            tags,
        )
        .await
    }

    async fn blob_sizes(
        &self,
        repository: &RepositoryName,
        digests: &[Digest],
    ) -> Result<BTreeMap<Digest, u64>, RegistryError> {
        layers::sizes(&self.home().await.client, &self.registry, repository, digests).await
    }

    async fn images(&self, repository: &RepositoryName) -> Result<Vec<ListedImage>, RegistryError> {
        inventory::images(&self.home().await.client, &self.registry, repository).await
    }

    async fn image(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<ListedImage>, RegistryError> {
        inventory::image(&self.home().await.client, &self.registry, repository, digest).await
    }

    async fn missing_push_rights(
        &self,
        repository: &RepositoryName,
    ) -> Result<Vec<&'static str>, RegistryError> {
        Box::pin(push_rights::missing(
            &self.home().await.client,
            &self.registry,
            repository,
        ))
        .await
    }
}

impl fmt::Debug for Ecr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ecr")
            .field("registry", &self.registry)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
