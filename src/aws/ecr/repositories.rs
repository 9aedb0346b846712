//! The repositories of a registry: their settings, read and changed.

mod cached;
mod deletion;
mod findings;
mod images;
mod preview;
mod reading;
mod removal;
mod settings;
mod writing;

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_ecr::Client;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

pub(super) use self::reading::document;
pub(super) use self::writing::keys_gone;
use super::client::{ApiClient, RegionClient};
use super::{Ecr, InRegion};
use crate::aws::failure::ApiFailure;
use crate::aws::retry_policy::{RetryClass, RetryPolicy};
use crate::ports::{
    Clock, Creation, DeleteImages, DoomedImage, PreviewLifecycle, ReadRepositories, RegistryError, Removal,
    Reporter, RunEvent, WriteRepositories,
};
use tagship_domain::cost::StoredContent;
use tagship_domain::inventory::ScanSummary;
use tagship_domain::lifecycle::Effect;
use tagship_domain::reference::{Digest, Region, RegistryHost, RepositoryName};
use tagship_domain::repositories::{
    ActualRepository, Change, DeclaredRepository, Document, LifecycleDocument, ResourceTags, StoredImage,
};

/// The repositories of one registry.
pub struct RegistryRepositories {
    ecr: Arc<Ecr>,
    in_region: Arc<InRegion>,
}

/// Calls that are repeated for longer than the SDK does when there are too many of them.
pub(super) struct Paced<'a, C = Client> {
    pub(super) registry: &'a RegistryHost,
    pub(super) client: &'a RegionClient<C>,
    pub(super) clock: &'a dyn Clock,
    pub(super) reporter: &'a dyn Reporter,
}

impl RegistryRepositories {
    /// Returns the repositories of the registry that a run is about; contacts no server.
    pub async fn of(ecr: Arc<Ecr>) -> Self {
        let in_region = ecr.home().await;
        Self { ecr, in_region }
    }

    fn region(&self) -> Region {
        let own = self.ecr.registry.region();
        own.unwrap_or(&self.ecr.connection.region).clone()
    }

    fn paced(&self) -> Paced<'_> {
        Paced {
            registry: &self.ecr.registry,
            client: &self.in_region.client,
            clock: &*self.ecr.clock,
            reporter: &*self.ecr.reporter,
        }
    }
}

impl Paced<'_> {
    /// The registry's account, as the API takes it.
    pub(super) fn account(&self) -> Option<String> {
        self.registry.account().map(ToString::to_string)
    }
}

impl<C: ApiClient> Paced<'_, C> {
    /// One call. Source: ECR user guide, "Service quotas": the rates are those of an account in a region, which others use too.
    pub(super) async fn call<T, E, F>(&self, action: &str, call: impl Fn(C) -> F) -> Result<T, ApiFailure>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let mut policy = RetryPolicy::begin(self.clock);
        loop {
            let failure = match self.client.call(&call).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let wait = failure
                .is_throttled()
                .then(|| policy.wait(RetryClass::Later, self.clock));
            let Some(delay) = wait.flatten() else {
                return Err(failure);
            };
            self.reporter.event(RunEvent::Retry {
                what: action,
                reason: &failure.message,
                delay,
            });
            self.clock.sleep(delay).await;
        }
    }
}

#[async_trait]
impl ReadRepositories for RegistryRepositories {
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

    async fn lifecycle(&self, repository: &RepositoryName) -> Result<Document<String>, RegistryError> {
        reading::lifecycle(&self.paced(), repository).await
    }

    async fn stored_images(&self, repository: &RepositoryName) -> Result<Vec<StoredImage>, RegistryError> {
        images::stored(&self.paced(), repository).await
    }

    async fn stored_contents(
        &self,
        repository: &RepositoryName,
        with_layers: bool,
    ) -> Result<Vec<StoredContent>, RegistryError> {
        images::contents(&self.paced(), repository, with_layers).await
    }

    async fn holds_images(&self, repository: &RepositoryName) -> Result<bool, RegistryError> {
        images::are_any(&self.paced(), repository).await
    }

    async fn scan_summary(
        &self,
        repository: &RepositoryName,
        image: &Digest,
    ) -> Result<Option<ScanSummary>, RegistryError> {
        findings::summary(&self.paced(), repository, image).await
    }
}

#[async_trait]
impl PreviewLifecycle for RegistryRepositories {
    async fn preview_lifecycle(
        &self,
        repository: &RepositoryName,
        policy: &LifecycleDocument,
    ) -> Result<Vec<Effect>, RegistryError> {
        preview::preview(&self.paced(), repository, policy).await
    }
}

#[async_trait]
impl WriteRepositories for RegistryRepositories {
    async fn create(&self, declared: &DeclaredRepository) -> Result<Creation, RegistryError> {
        writing::create(&self.paced(), declared).await
    }

    async fn change(&self, repository: &ActualRepository, change: &Change) -> Result<(), RegistryError> {
        writing::change(&self.paced(), repository, change).await
    }

    async fn remove(&self, repository: &RepositoryName, with_images: bool) -> Result<Removal, RegistryError> {
        removal::remove(&self.paced(), repository, with_images).await
    }
}

#[async_trait]
impl DeleteImages for RegistryRepositories {
    async fn delete_images(
        &self,
        repository: &RepositoryName,
        images: &[DoomedImage],
    ) -> Result<Vec<(Digest, String)>, RegistryError> {
        deletion::delete(&self.paced(), repository, images).await
    }
}

impl std::fmt::Debug for RegistryRepositories {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("RegistryRepositories").field(&self.ecr).finish()
    }
}
