//! A registry in memory that refuses what a registry refuses, for tests of what is above the protocol.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};

use super::error::RegistryError;
use super::repository::{BlobStream, ReadRepository, ReadWhole, WriteRepository};
use tagship_domain::content::{Content, Descriptor, Manifest};
use tagship_domain::reference::{Digest, Reference, RegistryHost, RepositoryName, Tag};

/// A repository in memory. It refuses an image whose blobs it lacks.
#[derive(Debug, Default)]
pub struct InMemoryRegistry(Mutex<InMemoryState>);

/// What the repository holds and was asked.
#[derive(Debug, Default)]
pub struct InMemoryState {
    /// The blobs.
    pub blobs: BTreeMap<Digest, Bytes>,
    /// The blobs of other repositories of the same registry, which can be mounted.
    pub mountable: BTreeMap<Digest, Bytes>,
    /// The manifests.
    pub manifests: BTreeMap<Digest, Manifest>,
    /// The tags, and where they point.
    pub tags: BTreeMap<Tag, Digest>,
    /// What was asked, such as `upload` or `blob sha256:…`.
    pub journal: Vec<String>,
    /// How many of the next uploads break off.
    pub broken_uploads: u32,
}

impl InMemoryRegistry {
    /// Returns what it holds, to be looked at or changed.
    pub fn state(&self) -> MutexGuard<'_, InMemoryState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what was asked since the last time.
    pub fn journal(&self) -> Vec<String> {
        std::mem::take(&mut self.state().journal)
    }

    /// Adds a blob; returns its descriptor.
    pub fn add_blob(&self, media_type: &str, content: impl Into<Bytes>) -> Descriptor {
        let content = content.into();
        let digest = Digest::of(&content);
        let size = content.len() as u64;
        self.state().blobs.insert(digest, content);
        Descriptor::new(media_type, digest, size)
    }

    /// Adds a manifest; returns its descriptor.
    pub fn add_manifest(&self, media_type: &str, content: &serde_json::Value) -> Descriptor {
        let manifest = Manifest::new(media_type, content.to_string());
        let descriptor = Descriptor::new(media_type, manifest.digest(), manifest.bytes().len() as u64);
        self.state().manifests.insert(manifest.digest(), manifest);
        descriptor
    }
}

#[async_trait]
impl ReadRepository for InMemoryRegistry {
    async fn resolve(&self, tags: &[Tag]) -> Result<BTreeMap<Tag, Manifest>, RegistryError> {
        let state = self.state();
        let found = tags.iter().filter_map(|tag| {
            let manifest = state.manifests.get(state.tags.get(tag)?)?;
            Some((tag.clone(), manifest.clone()))
        });
        Ok(found.collect())
    }

    async fn list_tags(&self) -> Result<Vec<Tag>, RegistryError> {
        Ok(self.state().tags.keys().cloned().collect())
    }

    async fn manifest(&self, digest: &Digest) -> Result<Option<Manifest>, RegistryError> {
        let mut state = self.state();
        state.journal.push(format!("manifest {digest}"));
        Ok(state.manifests.get(digest).cloned())
    }

    async fn blob_size(&self, digest: &Digest) -> Result<Option<u64>, RegistryError> {
        let mut state = self.state();
        state.journal.push(format!("size {digest}"));
        Ok(state.blobs.get(digest).map(|blob| blob.len() as u64))
    }

    async fn blob(&self, descriptor: &Descriptor) -> Result<Bytes, RegistryError> {
        let digest = descriptor.digest;
        let mut state = self.state();
        state.journal.push(format!("blob {digest}"));
        let content = state.blobs.get(&digest).cloned();
        content.ok_or(RegistryError::ContentMissing { digest })
    }
}

#[async_trait]
impl ReadWhole for InMemoryRegistry {
    async fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>, RegistryError> {
        let state = self.state();
        let mut found = Vec::new();
        for manifest in state.manifests.values() {
            let content = manifest.content()?;
            if content.subject().is_some_and(|about| about.digest == *subject) {
                let size = manifest.bytes().len() as u64;
                found.push(Descriptor {
                    artifact_type: content.artifact_type().map(str::to_owned),
                    ..Descriptor::new(manifest.media_type(), manifest.digest(), size)
                });
            }
        }
        Ok(found)
    }

    async fn open(&self, blob: &Descriptor) -> Result<BlobStream, RegistryError> {
        let content = self.blob(blob).await?;
        // In pieces, as they come from a network.
        let pieces: Vec<_> = content
            .chunks(1000)
            .map(|piece| Ok(Bytes::copy_from_slice(piece)))
            .collect();
        Ok(stream::iter(pieces).boxed())
    }
}

#[async_trait]
impl WriteRepository for InMemoryRegistry {
    async fn upload(&self, digest: &Digest, size: u64, mut content: BlobStream) -> Result<(), RegistryError> {
        let breaks = {
            let mut state = self.state();
            state.journal.push("upload".to_owned());
            let breaks = state.broken_uploads > 0;
            state.broken_uploads = state.broken_uploads.saturating_sub(1);
            breaks
        };
        let mut blob = BytesMut::new();
        while let Some(chunk) = content.next().await {
            if breaks {
                return Err(RegistryError::Unavailable {
                    host: RegistryHost::parse("127.0.0.1:1")
                        .map_err(|error| RegistryError::Source(error.to_string()))?,
                    operation: "uploading a blob".into(),
                    message: "connection reset".to_owned(),
                    was_repeated: false,
                });
            }
            let chunk = chunk.map_err(|error| RegistryError::Source(error.to_string()))?;
            blob.extend_from_slice(&chunk);
            if blob.len() as u64 > size {
                break;
            }
        }
        let found = Digest::of(&blob);
        if (found, blob.len() as u64) != (*digest, size) {
            return Err(RegistryError::ContentMismatch {
                expected: *digest,
                found: format!("{found} of {} bytes", blob.len()),
            });
        }
        self.state().blobs.insert(found, blob.freeze());
        Ok(())
    }

    async fn put_blob(&self, content: Bytes) -> Result<Digest, RegistryError> {
        Ok(self.add_blob("", content).digest)
    }

    async fn put_manifest(&self, reference: &Reference, manifest: &Manifest) -> Result<(), RegistryError> {
        if let Content::Image(image) = manifest.content()? {
            for descriptor in std::iter::once(&image.config).chain(&image.layers) {
                let digest = descriptor.digest;
                if self.blob_size(&digest).await? != Some(descriptor.size) {
                    return Err(RegistryError::ContentMissing { digest });
                }
            }
        }
        let mut state = self.state();
        match reference {
            Reference::Tag(tag) => {
                state.tags.insert(tag.clone(), manifest.digest());
            }
            Reference::Digest(digest) if *digest != manifest.digest() => {
                return Err(RegistryError::ContentMismatch {
                    expected: *digest,
                    found: manifest.digest().to_string(),
                });
            }
            Reference::Digest(_) => {}
        }
        state.manifests.insert(manifest.digest(), manifest.clone());
        Ok(())
    }

    async fn mount(&self, digest: &Digest, _from: &RepositoryName) -> Result<bool, RegistryError> {
        let mut state = self.state();
        let found = state.mountable.get(digest).cloned();
        Ok(found.is_some_and(|content| state.blobs.insert(*digest, content).is_none()))
    }
}
