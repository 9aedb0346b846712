use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::client::Client;
use crate::ports::{BlobStream, ControlPlane, ReadRegistry, RegistryError, WriteRegistry};
use tagship_domain::content::{Descriptor, Manifest};
use tagship_domain::immutability::Mutability;
use tagship_domain::reference::{Digest, Reference, Tag};

/// The most requests to one registry at a time.
pub(super) const MAX_PARALLEL: usize = 6;

/// One repository: content over the data plane, settings and tags over the control plane where there is one.
pub struct Repository {
    client: Client,
    control_plane: Option<Arc<dyn ControlPlane>>,
}

impl fmt::Debug for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Repository({})", self.client.image)
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
            Some(control_plane) => control_plane.mutability(&self.client.image.repository).await,
            // The distribution specification knows no protected tags.
            None => Ok(Mutability::Mutable),
        }
    }

    async fn resolve(&self, tags: &[Tag]) -> Result<BTreeMap<Tag, Manifest>, RegistryError> {
        if let Some(control_plane) = &self.control_plane {
            return control_plane.resolve(&self.client.image.repository, tags).await;
        }
        stream::iter(tags.to_vec())
            .map(|tag| async move {
                let reference = Reference::Tag(tag.clone());
                let manifest = self.client.get_manifest(&reference).await?;
                Ok(manifest.map(|manifest| (tag, manifest)))
            })
            .buffer_unordered(MAX_PARALLEL)
            .try_filter_map(|found| async move { Ok(found) })
            .try_collect()
            .await
    }

    async fn list_tags(&self) -> Result<Vec<Tag>, RegistryError> {
        self.client.list_tags().await
    }

    async fn manifest(&self, digest: &Digest) -> Result<Option<Manifest>, RegistryError> {
        self.client.get_manifest(&Reference::Digest(*digest)).await
    }

    async fn blob_size(&self, digest: &Digest) -> Result<Option<u64>, RegistryError> {
        self.client.find_blob(digest).await
    }

    async fn blob(&self, descriptor: &Descriptor) -> Result<Bytes, RegistryError> {
        self.client.get_blob(descriptor).await
    }
}

#[async_trait]
impl WriteRegistry for Repository {
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
