//! What can be read from and written to one repository.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};

use super::client::Client;
use super::error::RegistryError;
use super::http::MAX_PARALLEL;
use tagship_domain::content::{Descriptor, Manifest};
use tagship_domain::reference::{Digest, Reference, RepositoryName, Tag};

/// A blob's bytes, as they come.
pub type BlobStream = BoxStream<'static, std::io::Result<Bytes>>;

/// Manifests that exist, by what they were asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FoundManifests {
    /// Those of tags.
    pub tags: BTreeMap<Tag, Manifest>,
    /// Those of digests.
    pub digests: BTreeMap<Digest, Manifest>,
}

/// Reads one repository.
#[async_trait]
pub trait ReadRepository: Send + Sync {
    /// Returns the manifests of those of `tags` that exist, in as few requests as the registry allows.
    async fn resolve(&self, tags: &[Tag]) -> Result<BTreeMap<Tag, Manifest>, RegistryError>;

    /// Returns all tags, in no order. `RegistryError::NotPermitted` where the credential may not list them.
    async fn list_tags(&self) -> Result<Vec<Tag>, RegistryError>;

    /// Returns a manifest by digest; `None` if there is none.
    async fn manifest(&self, digest: &Digest) -> Result<Option<Manifest>, RegistryError>;

    /// Returns the manifests of those of `digests` and `tags` that exist, in as few requests as the registry allows.
    async fn look_up(&self, digests: &[Digest], tags: &[Tag]) -> Result<FoundManifests, RegistryError> {
        let digests = stream::iter(digests.to_vec())
            .map(|digest| async move {
                let manifest = self.manifest(&digest).await?;
                Ok::<_, RegistryError>(manifest.map(|manifest| (digest, manifest)))
            })
            .buffer_unordered(MAX_PARALLEL)
            .try_filter_map(|found| async move { Ok(found) })
            .try_collect()
            .await?;
        Ok(FoundManifests {
            digests,
            tags: if tags.is_empty() {
                BTreeMap::new()
            } else {
                self.resolve(tags).await?
            },
        })
    }

    /// Returns the size in bytes of a blob; `None` if there is none.
    async fn blob_size(&self, digest: &Digest) -> Result<Option<u64>, RegistryError>;

    /// Returns the sizes in bytes of those of `digests` that exist, in as few requests as the registry allows.
    async fn blob_sizes(&self, digests: &[Digest]) -> Result<BTreeMap<Digest, u64>, RegistryError> {
        stream::iter(digests.to_vec())
            .map(|digest| async move {
                let size = self.blob_size(&digest).await?;
                Ok(size.map(|size| (digest, size)))
            })
            .buffer_unordered(MAX_PARALLEL)
            .try_filter_map(|found| async move { Ok(found) })
            .try_collect()
            .await
    }

    /// Returns the content of a small blob that was put through this value, and so is known without a request.
    fn held(&self, _digest: &Digest) -> Option<Bytes> {
        None
    }

    /// Returns the content of a small blob, such as a config; checked against the descriptor's digest and size.
    async fn blob(&self, descriptor: &Descriptor) -> Result<Bytes, RegistryError>;
}

/// Reads whole images: their large blobs, and what refers to them.
#[async_trait]
pub trait ReadWhole: ReadRepository {
    /// Returns the manifests whose subject is `subject`. None where the registry knows of none.
    async fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>, RegistryError>;

    /// Opens a blob of any size. Its bytes are not checked: whoever takes them knows when they end.
    async fn open(&self, blob: &Descriptor) -> Result<BlobStream, RegistryError>;
}

/// Writes to one repository.
#[async_trait]
pub trait WriteRepository: ReadRepository {
    /// Finds out whether what a push needs is permitted, as far as that can be done without an effect.
    ///
    /// `RegistryError::PushNotPermitted` names all that is missing. A registry that cannot say so permits all.
    async fn check_push(&self) -> Result<(), RegistryError> {
        Ok(())
    }

    /// Begins an upload and goes no further: a registry that makes repositories when they are pushed to makes this one then.
    /// Retried.
    async fn begin_push(&self) -> Result<(), RegistryError> {
        Ok(())
    }

    /// Uploads a blob of `size` bytes as they come.
    ///
    /// Not retried: the stream is gone after a failure. `RegistryError::is_transient` says whether
    /// the caller should produce it again. Nothing is kept of a stream with another digest or size.
    async fn upload(&self, digest: &Digest, size: u64, content: BlobStream) -> Result<(), RegistryError>;

    /// Puts a blob that is held in memory. Retried.
    async fn put_blob(&self, content: Bytes) -> Result<Digest, RegistryError>;

    /// Puts a manifest under a tag or its own digest, byte for byte. Retried.
    ///
    /// `RegistryError::TagTaken` if the registry refuses to move the tag: the caller looks up who has it.
    async fn put_manifest(&self, reference: &Reference, manifest: &Manifest) -> Result<(), RegistryError>;

    /// Takes a blob from another repository of the same registry; `false` if the registry does not.
    async fn mount(&self, _digest: &Digest, _from: &RepositoryName) -> Result<bool, RegistryError> {
        Ok(false)
    }
}

#[async_trait]
impl ReadRepository for Client {
    async fn resolve(&self, tags: &[Tag]) -> Result<BTreeMap<Tag, Manifest>, RegistryError> {
        stream::iter(tags.to_vec())
            .map(|tag| async move {
                let reference = Reference::Tag(tag.clone());
                let manifest = self.get_manifest(&reference).await?;
                Ok(manifest.map(|manifest| (tag, manifest)))
            })
            .buffer_unordered(MAX_PARALLEL)
            .try_filter_map(|found| async move { Ok(found) })
            .try_collect()
            .await
    }

    async fn list_tags(&self) -> Result<Vec<Tag>, RegistryError> {
        self.read_tags().await
    }

    async fn manifest(&self, digest: &Digest) -> Result<Option<Manifest>, RegistryError> {
        self.get_manifest(&Reference::Digest(*digest)).await
    }

    async fn blob_size(&self, digest: &Digest) -> Result<Option<u64>, RegistryError> {
        self.find_blob(digest).await
    }

    async fn blob(&self, descriptor: &Descriptor) -> Result<Bytes, RegistryError> {
        self.get_blob(descriptor).await
    }
}

#[async_trait]
impl ReadWhole for Client {
    async fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>, RegistryError> {
        self.list_referrers(subject).await
    }

    async fn open(&self, blob: &Descriptor) -> Result<BlobStream, RegistryError> {
        self.open_blob(blob).await
    }
}

#[async_trait]
impl WriteRepository for Client {
    async fn begin_push(&self) -> Result<(), RegistryError> {
        self.begin_upload().await
    }

    async fn upload(&self, digest: &Digest, size: u64, content: BlobStream) -> Result<(), RegistryError> {
        self.upload_stream(digest, size, content).await
    }

    async fn put_blob(&self, content: Bytes) -> Result<Digest, RegistryError> {
        self.upload_bytes(content).await
    }

    async fn put_manifest(&self, reference: &Reference, manifest: &Manifest) -> Result<(), RegistryError> {
        self.write_manifest(reference, manifest).await
    }

    async fn mount(&self, digest: &Digest, from: &RepositoryName) -> Result<bool, RegistryError> {
        self.mount_blob(digest, from).await
    }
}
