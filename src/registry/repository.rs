use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use oci_registry::{BlobStream, Client, ReadRepository, WriteRepository};

use crate::ports::{ControlPlane, ReadRegistry, RegistryError};
use tagship_domain::content::{Descriptor, Manifest};
use tagship_domain::immutability::Mutability;
use tagship_domain::reference::{Digest, Reference, Tag};

/// One repository: content over the data plane, settings and tags over the control plane where there is one.
pub struct Repository {
    client: Client,
    control_plane: Option<Arc<dyn ControlPlane>>,
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
            Some(control_plane) => control_plane.resolve(&self.client.image().repository, tags).await,
            None => self.client.resolve(tags).await,
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

    async fn blob(&self, descriptor: &Descriptor) -> Result<Bytes, RegistryError> {
        self.client.blob(descriptor).await
    }
}

#[async_trait]
impl WriteRepository for Repository {
    async fn upload(&self, content: BlobStream) -> Result<(Digest, u64), RegistryError> {
        self.client.upload(content).await
    }

    async fn put_blob(&self, content: Bytes) -> Result<Digest, RegistryError> {
        self.client.put_blob(content).await
    }

    async fn put_manifest(&self, reference: &Reference, manifest: &Manifest) -> Result<(), RegistryError> {
        self.client.put_manifest(reference, manifest).await
    }
}
