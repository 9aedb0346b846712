//! One repository, over the data plane and the control plane.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use oci_registry::{BlobStream, Client, FoundManifests, ReadRepository, ReadWhole, WriteRepository};

use crate::ports::{ControlPlane, ReadInventory, ReadRegistry, RegistryError};
use tagship_domain::content::{Descriptor, Manifest};
use tagship_domain::immutability::Mutability;
use tagship_domain::inventory::ListedImage;
use tagship_domain::reference::{Digest, Reference, RepositoryName, Tag};

/// One repository: content over the data plane, settings and tags over the control plane where there is one.
pub struct Repository {
    client: Client,
    control_plane: Option<Arc<dyn ControlPlane>>,
    /// The small blobs that were put, of which a run has one or two: configs.
    held: Mutex<BTreeMap<Digest, Bytes>>,
}

impl fmt::Debug for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Repository({})", self.client.image())
    }
}

impl Repository {
    /// A repository in ECR, or in a plain registry when there is no control plane.
    pub fn new(client: Client, control_plane: Option<Arc<dyn ControlPlane>>) -> Self {
        Self {
            client,
            control_plane,
            held: Mutex::default(),
        }
    }
}

#[async_trait]
impl ReadRegistry for Repository {
    async fn mutability(&self) -> Result<Mutability, RegistryError> {
        match &self.control_plane {
            Some(control_plane) => control_plane.mutability(&self.client.image().repository).await,
            // The distribution specification knows no protected tags.
            None => Ok(Mutability::Mutable),
        }
    }
}

#[async_trait]
impl ReadRepository for Repository {
    async fn resolve(&self, tags: &[Tag]) -> Result<BTreeMap<Tag, Manifest>, RegistryError> {
        match &self.control_plane {
            Some(_) => Ok(self.look_up(&[], tags).await?.tags),
            None => self.client.resolve(tags).await,
        }
    }

    async fn look_up(&self, digests: &[Digest], tags: &[Tag]) -> Result<FoundManifests, RegistryError> {
        match &self.control_plane {
            Some(control_plane) => {
                let repository = &self.client.image().repository;
                control_plane.look_up(repository, digests, tags).await
            }
            None => self.client.look_up(digests, tags).await,
        }
    }

    async fn list_tags(&self) -> Result<Vec<Tag>, RegistryError> {
        self.client.list_tags().await
    }

    async fn manifest(&self, digest: &Digest) -> Result<Option<Manifest>, RegistryError> {
        self.client.manifest(digest).await
    }

    async fn blob_size(&self, digest: &Digest) -> Result<Option<u64>, RegistryError> {
        self.client.blob_size(digest).await
    }

    async fn blob_sizes(&self, digests: &[Digest]) -> Result<BTreeMap<Digest, u64>, RegistryError> {
        if let Some(control_plane) = &self.control_plane {
            let repository = &self.client.image().repository;
            match control_plane.blob_sizes(repository, digests).await {
                // The data plane asks for another permission.
                Err(RegistryError::NotPermitted { .. }) => {}
                sizes => return sizes,
            }
        }
        self.client.blob_sizes(digests).await
    }

    fn held(&self, digest: &Digest) -> Option<Bytes> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.get(digest).cloned()
    }

    async fn blob(&self, descriptor: &Descriptor) -> Result<Bytes, RegistryError> {
        self.client.blob(descriptor).await
    }
}

#[async_trait]
impl ReadWhole for Repository {
    async fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>, RegistryError> {
        self.client.referrers(subject).await
    }

    async fn open(&self, blob: &Descriptor) -> Result<BlobStream, RegistryError> {
        self.client.open(blob).await
    }
}

#[async_trait]
impl ReadInventory for Repository {
    async fn images(&self) -> Result<Vec<ListedImage>, RegistryError> {
        if let Some(control_plane) = &self.control_plane {
            return control_plane.images(&self.client.image().repository).await;
        }
        // The distribution specification lists names alone.
        let tags = self.client.list_tags().await?;
        let mut images = BTreeMap::new();
        for (tag, manifest) in self.client.resolve(&tags).await? {
            let digest = manifest.digest();
            let image = images.entry(digest).or_insert_with(|| ListedImage {
                digest,
                tags: Vec::new(),
                size: None,
                pushed_at: None,
                artifact_type: None,
                subject: None,
                scan: None,
            });
            image.tags.push(tag);
        }
        Ok(images.into_values().collect())
    }

    async fn image(&self, digest: &Digest) -> Result<Option<ListedImage>, RegistryError> {
        match &self.control_plane {
            Some(control_plane) => {
                let repository = &self.client.image().repository;
                control_plane.image(repository, digest).await
            }
            None => Ok(None),
        }
    }
}

#[async_trait]
impl WriteRepository for Repository {
    async fn check_push(&self) -> Result<(), RegistryError> {
        let Some(control_plane) = &self.control_plane else {
            return Ok(());
        };
        let repository = &self.client.image().repository;
        let missing = control_plane.missing_push_rights(repository).await?;
        if missing.is_empty() {
            return Ok(());
        }
        let repository = repository.clone();
        Err(RegistryError::PushNotPermitted { missing, repository })
    }

    async fn begin_push(&self) -> Result<(), RegistryError> {
        self.client.begin_push().await
    }

    async fn upload(&self, digest: &Digest, size: u64, content: BlobStream) -> Result<(), RegistryError> {
        self.client.upload(digest, size, content).await
    }

    async fn put_blob(&self, content: Bytes) -> Result<Digest, RegistryError> {
        let digest = self.client.put_blob(content.clone()).await?;
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.insert(digest, content);
        Ok(digest)
    }

    async fn put_manifest(&self, reference: &Reference, manifest: &Manifest) -> Result<(), RegistryError> {
        self.client.put_manifest(reference, manifest).await
    }

    async fn mount(&self, digest: &Digest, from: &RepositoryName) -> Result<bool, RegistryError> {
        self.client.mount(digest, from).await
    }
}
