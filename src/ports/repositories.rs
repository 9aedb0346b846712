//! The repositories of a registry and their settings, and the registry's own.

use async_trait::async_trait;

use super::RegistryError;
use tagship_domain::cost::StoredContent;
use tagship_domain::inventory::ScanSummary;
use tagship_domain::lifecycle::Effect;
use tagship_domain::reference::{Digest, Reference, RepositoryName};
use tagship_domain::registry_settings::{ActualRegistry, RegistryPut, TemplatePrefix, WantedSettings};
use tagship_domain::repositories::{
    ActualRepository, CatalogData, Change, DeclaredRepository, Document, LifecycleDocument, RegistryKind,
    ResourceTags, StoredImage,
};

/// Reads the repositories of a registry and their settings.
#[async_trait]
pub trait ReadRepositories: Send + Sync {
    /// Returns whose registry it is.
    fn kind(&self) -> RegistryKind {
        RegistryKind::Private
    }

    /// Returns those of these repositories that are there, in no order; without tags and policies.
    async fn describe(&self, names: &[RepositoryName]) -> Result<Vec<ActualRepository>, RegistryError>;

    /// Returns all repositories, in no order; without tags and policies.
    async fn describe_all(&self) -> Result<Vec<ActualRepository>, RegistryError>;

    /// Returns the tags of a repository itself.
    async fn resource_tags(&self, repository: &ActualRepository) -> Result<ResourceTags, RegistryError>;

    /// Returns a repository's policy.
    async fn policy(&self, repository: &RepositoryName) -> Result<Document<String>, RegistryError>;

    /// Returns a repository's lifecycle policy.
    async fn lifecycle(&self, repository: &RepositoryName) -> Result<Document<String>, RegistryError>;

    /// Returns what the gallery shows of a repository; nothing of a private one.
    async fn catalog(&self, _: &RepositoryName) -> Result<Document<CatalogData>, RegistryError> {
        Ok(Document::Absent)
    }

    /// Returns all images of a repository, also archived ones, in no order.
    async fn stored_images(&self, repository: &RepositoryName) -> Result<Vec<StoredImage>, RegistryError>;

    /// Returns the same, and with `with_layers` what those consist of that are at hand. A registry may take that for pulls.
    async fn stored_contents(
        &self,
        repository: &RepositoryName,
        with_layers: bool,
    ) -> Result<Vec<StoredContent>, RegistryError>;

    /// Whether a repository holds any image, also an archived one.
    async fn holds_images(&self, repository: &RepositoryName) -> Result<bool, RegistryError>;

    /// Returns what the scan of an image came to; `None` where there is none.
    async fn scan_summary(
        &self,
        repository: &RepositoryName,
        image: &Digest,
    ) -> Result<Option<ScanSummary>, RegistryError>;
}

/// Has a registry say what a lifecycle policy would do. No image is changed; the last preview of the repository is replaced, so that
/// this is no reading.
#[async_trait]
pub trait PreviewLifecycle: Send + Sync {
    /// Returns what the policy would do at once to the images of a repository. Waits until the registry has found it out.
    async fn preview_lifecycle(
        &self,
        repository: &RepositoryName,
        policy: &LifecycleDocument,
    ) -> Result<Vec<Effect>, RegistryError>;
}

/// Changes the repositories of a registry.
#[async_trait]
pub trait WriteRepositories: ReadRepositories {
    /// Makes a repository with all that is declared of it but its policies.
    async fn create(&self, declared: &DeclaredRepository) -> Result<Creation, RegistryError>;

    /// Changes one setting of a repository. What is that way already is no error.
    async fn change(&self, repository: &ActualRepository, change: &Change) -> Result<(), RegistryError>;

    /// Removes a repository; one that holds images only if they are to go with it.
    async fn remove(&self, repository: &RepositoryName, with_images: bool) -> Result<Removal, RegistryError>;
}

/// Reads the settings of a registry.
#[async_trait]
pub trait ReadRegistrySettings: Send + Sync {
    /// Returns what is wanted of the settings, and asks for nothing else.
    async fn settings(&self, wanted: &WantedSettings) -> Result<ActualRegistry, RegistryError>;

    /// Returns why the upstream registry of a rule of the pull-through cache cannot be used, as the registry says it; `None` where
    /// it can.
    async fn upstream_problem(&self, prefix: &TemplatePrefix) -> Result<Option<String>, RegistryError>;
}

/// Reads what a pull-through cache has, and imports nothing.
#[async_trait]
pub trait ReadBaseCache: ReadRegistrySettings {
    /// Returns the digest of a copy that is there now; `None` where there is none.
    async fn cached_digest(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<Option<Digest>, RegistryError>;
}

/// Changes the settings of a registry.
#[async_trait]
pub trait WriteRegistrySettings: ReadRegistrySettings {
    /// Changes one setting. What is that way already is no error.
    async fn put(&self, put: &RegistryPut) -> Result<(), RegistryError>;
}

/// What became of a repository that was to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Creation {
    /// It was made.
    Made(Box<ActualRepository>),
    /// It was there: another run was faster.
    Found,
}

/// What became of a repository that was to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// It is gone.
    Done,
    /// It was not there.
    Missing,
    /// It holds images, and is left as it is.
    HoldsImages,
}

/// Deletes images of a repository.
#[async_trait]
pub trait DeleteImages: Send + Sync {
    /// Deletes images, at most 100; returns those that are left, with the registry's reason. What is gone is no failure.
    async fn delete_images(
        &self,
        repository: &RepositoryName,
        images: &[DoomedImage],
    ) -> Result<Vec<(Digest, String)>, RegistryError>;
}

/// By what an image is deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoomedImage {
    /// The image.
    pub digest: Digest,
    /// One of its tags, which goes alone while it has others.
    pub tag: Option<String>,
    /// Whether no other of its tags comes after it.
    pub is_last: bool,
}
