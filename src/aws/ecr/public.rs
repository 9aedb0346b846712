//! ECR Public: its login, and the repositories of an account there. The API is in one region, whatever the run's.

mod reading;
mod writing;

use std::sync::Arc;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_ecrpublic::Client;

use super::Ecr;
use super::client::RegionClient;
use super::login::{TokenHolder, fetch_public};
use super::repositories::Paced;
use crate::aws::IdentityError;
use crate::ports::{
    Clock, Creation, ReadRepositories, RegistryCredential, RegistryError, Removal, Reporter,
    WriteRepositories,
};
use tagship_domain::cost::StoredContent;
use tagship_domain::inventory::ScanSummary;
use tagship_domain::reference::{Digest, Region, RegistryHost, RepositoryName};
use tagship_domain::repositories::{
    ActualRepository, CatalogData, Change, DeclaredRepository, Document, RegistryKind, ResourceTags,
    StoredImage,
};

/// ECR Public's API, and the login that it gives.
pub(super) struct PublicApi {
    client: RegionClient<Client>,
    token: TokenHolder,
}

impl PublicApi {
    pub(super) fn new(sdk: &SdkConfig) -> Self {
        Self {
            client: RegionClient::new(sdk, &Region::of_public_ecr()),
            token: TokenHolder::default(),
        }
    }

    pub(super) async fn credential(
        &self,
        clock: &dyn Clock,
        reporter: &dyn Reporter,
    ) -> Result<RegistryCredential, IdentityError> {
        let fetched = fetch_public(&self.client, reporter);
        self.token.credential(fetched, clock).await
    }

    pub(super) async fn forget(&self) {
        self.token.forget().await;
    }
}

/// The repositories of the account's public registry.
pub struct PublicRepositories {
    registry: RegistryHost,
    api: Arc<PublicApi>,
    clock: Arc<dyn Clock>,
    reporter: Arc<dyn Reporter>,
}

impl PublicRepositories {
    /// Returns the repositories, where the run is about ECR Public; contacts no server.
    pub fn of(ecr: &Ecr) -> Option<Self> {
        if !ecr.registry.is_public_ecr() {
            return None;
        }
        Some(Self {
            registry: ecr.registry.clone(),
            api: Arc::clone(ecr.public.as_ref()?),
            clock: Arc::clone(&ecr.clock),
            reporter: Arc::clone(&ecr.reporter),
        })
    }

    /// Returns the aliases of the registry, the one that AWS shows first; none before the account's first repository.
    pub async fn aliases(&self) -> Result<Vec<String>, RegistryError> {
        reading::aliases(&self.paced()).await
    }

    /// Refuses an alias that is another account's: the API would make the repository in this one, where nothing is pushed to.
    pub async fn check_alias(&self, alias: &str) -> Result<(), RegistryError> {
        let aliases = self.aliases().await?;
        if aliases.iter().any(|own| own == alias) {
            return Ok(());
        }
        let message = if aliases.is_empty() {
            "the account has no alias before its first repository, which `tagship repo apply` makes"
                .to_owned()
        } else {
            format!(
                "`{alias}` is no alias of the account's registry, which has `{}`",
                aliases.join("`, `")
            )
        };
        Err(RegistryError::Refused {
            host: self.registry.clone(),
            operation: "making the repository".into(),
            message,
        })
    }

    fn paced(&self) -> Paced<'_, Client> {
        Paced {
            registry: &self.registry,
            client: &self.api.client,
            clock: &*self.clock,
            reporter: &*self.reporter,
        }
    }
}

#[async_trait]
impl ReadRepositories for PublicRepositories {
    fn kind(&self) -> RegistryKind {
        RegistryKind::Public
    }

    async fn describe(&self, names: &[RepositoryName]) -> Result<Vec<ActualRepository>, RegistryError> {
        reading::describe(&self.paced(), names).await
    }

    async fn describe_all(&self) -> Result<Vec<ActualRepository>, RegistryError> {
        reading::describe_all(&self.paced()).await
    }

    async fn resource_tags(&self, repository: &ActualRepository) -> Result<ResourceTags, RegistryError> {
        reading::resource_tags(&self.paced(), repository).await
    }

    async fn policy(&self, repository: &RepositoryName) -> Result<Document<String>, RegistryError> {
        reading::policy(&self.paced(), repository).await
    }

    /// There is none.
    async fn lifecycle(&self, _: &RepositoryName) -> Result<Document<String>, RegistryError> {
        Ok(Document::Absent)
    }

    async fn catalog(&self, repository: &RepositoryName) -> Result<Document<CatalogData>, RegistryError> {
        reading::catalog(&self.paced(), repository).await
    }

    async fn stored_images(&self, repository: &RepositoryName) -> Result<Vec<StoredImage>, RegistryError> {
        reading::images(&self.paced(), repository).await
    }

    /// Without layers, which the API does not name.
    async fn stored_contents(
        &self,
        repository: &RepositoryName,
        _: bool,
    ) -> Result<Vec<StoredContent>, RegistryError> {
        let images = self.stored_images(repository).await?.into_iter();
        let content = |stored| StoredContent { stored, blobs: None };
        Ok(images.map(content).collect())
    }

    async fn holds_images(&self, repository: &RepositoryName) -> Result<bool, RegistryError> {
        Ok(!self.stored_images(repository).await?.is_empty())
    }

    /// There is none.
    async fn scan_summary(
        &self,
        _: &RepositoryName,
        _: &Digest,
    ) -> Result<Option<ScanSummary>, RegistryError> {
        Ok(None)
    }
}

#[async_trait]
impl WriteRepositories for PublicRepositories {
    async fn create(&self, declared: &DeclaredRepository) -> Result<Creation, RegistryError> {
        writing::create(&self.paced(), declared).await
    }

    async fn change(&self, repository: &ActualRepository, change: &Change) -> Result<(), RegistryError> {
        writing::change(&self.paced(), repository, change).await
    }

    async fn remove(&self, repository: &RepositoryName, with_images: bool) -> Result<Removal, RegistryError> {
        writing::remove(&self.paced(), repository, with_images).await
    }
}

impl std::fmt::Debug for PublicRepositories {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PublicRepositories").field(&self.registry).finish()
    }
}
