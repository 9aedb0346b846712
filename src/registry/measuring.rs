//! A repository that keeps of an image only what it is made of: for one that is built and not published.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::TryStreamExt as _;

use crate::ports::{BlobStream, ReadRepository, RegistryError, WriteRepository};
use tagship_domain::content::{Descriptor, Manifest};
use tagship_domain::reference::{Digest, Reference, RepositoryName, Tag};

/// Takes an image as a repository does, and sends none of it anywhere. What `real` has need not be made anew.
pub struct MeasuringRepository<'a> {
    real: &'a dyn ReadRepository,
    kept: Mutex<Kept>,
}

/// What is known of the image.
#[derive(Default)]
struct Kept {
    sizes: BTreeMap<Digest, u64>,
    small: BTreeMap<Digest, Bytes>,
    manifests: BTreeMap<Digest, Manifest>,
}

impl<'a> MeasuringRepository<'a> {
    /// Stands in for a repository, which is read and never written to.
    pub fn of(real: &'a dyn ReadRepository) -> Self {
        Self {
            real,
            kept: Mutex::default(),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for MeasuringRepository<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MeasuringRepository").finish_non_exhaustive()
    }
}

#[async_trait]
impl ReadRepository for MeasuringRepository<'_> {
    async fn resolve(&self, _: &[Tag]) -> Result<BTreeMap<Tag, Manifest>, RegistryError> {
        Ok(BTreeMap::new())
    }

    async fn list_tags(&self) -> Result<Vec<Tag>, RegistryError> {
        Ok(Vec::new())
    }

    async fn manifest(&self, digest: &Digest) -> Result<Option<Manifest>, RegistryError> {
        Ok(self.kept().manifests.get(digest).cloned())
    }

    async fn blob_size(&self, digest: &Digest) -> Result<Option<u64>, RegistryError> {
        Ok(self.kept().sizes.get(digest).copied())
    }

    /// What `real` does not say is made here.
    async fn blob_sizes(&self, digests: &[Digest]) -> Result<BTreeMap<Digest, u64>, RegistryError> {
        let mut sizes = self.real.blob_sizes(digests).await.unwrap_or_default();
        let kept = self.kept();
        let own = digests
            .iter()
            .filter_map(|digest| Some((*digest, *kept.sizes.get(digest)?)));
        sizes.extend(own);
        Ok(sizes)
    }

    fn held(&self, digest: &Digest) -> Option<Bytes> {
        self.kept().small.get(digest).cloned()
    }

    async fn blob(&self, descriptor: &Descriptor) -> Result<Bytes, RegistryError> {
        let digest = descriptor.digest;
        self.held(&digest).ok_or(RegistryError::ContentMissing { digest })
    }
}

#[async_trait]
impl WriteRepository for MeasuringRepository<'_> {
    async fn upload(&self, digest: &Digest, size: u64, mut content: BlobStream) -> Result<(), RegistryError> {
        let broken = |error: std::io::Error| RegistryError::Source(error.to_string());
        // To its end: what makes the content says there whether it is whole.
        while content.try_next().await.map_err(broken)?.is_some() {}
        self.kept().sizes.insert(*digest, size);
        Ok(())
    }

    async fn put_blob(&self, content: Bytes) -> Result<Digest, RegistryError> {
        let digest = Digest::of(&content);
        let mut kept = self.kept();
        kept.sizes.insert(digest, content.len() as u64);
        kept.small.insert(digest, content);
        Ok(digest)
    }

    async fn put_manifest(&self, _: &Reference, manifest: &Manifest) -> Result<(), RegistryError> {
        self.kept().manifests.insert(manifest.digest(), manifest.clone());
        Ok(())
    }

    /// Every blob that is elsewhere already: none is looked at.
    async fn mount(&self, _: &Digest, _: &RepositoryName) -> Result<bool, RegistryError> {
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt as _, stream};
    use oci_registry::InMemoryRegistry;
    use tagship_domain::content::OCI_MANIFEST;

    use super::*;

    #[tokio::test]
    async fn an_image_is_taken_and_the_real_repository_only_read() {
        let real = InMemoryRegistry::default();
        let there = real.add_blob("", "there");
        let measuring = MeasuringRepository::of(&real);
        let (new, whole) = (Digest::of(b"new"), Bytes::from_static(b"new"));
        let content = stream::iter([Ok(whole)]).boxed();
        measuring.upload(&new, 3, content).await.unwrap();
        let config = measuring.put_blob(Bytes::from_static(b"{}")).await.unwrap();
        let sizes = measuring
            .blob_sizes(&[there.digest, new, config, Digest::of(b"?")])
            .await;
        let expected = BTreeMap::from([(there.digest, 5), (new, 3), (config, 2)]);
        assert_eq!(sizes.unwrap(), expected);
        assert_eq!(measuring.held(&config).as_deref(), Some(&b"{}"[..]));
        let manifest = Manifest::new(OCI_MANIFEST, "{}");
        let reference = Reference::Digest(manifest.digest());
        measuring.put_manifest(&reference, &manifest).await.unwrap();
        assert_eq!(
            measuring.manifest(&manifest.digest()).await.unwrap(),
            Some(manifest)
        );
        assert_eq!(real.state().blobs.len(), 1);
        assert!(real.state().manifests.is_empty());
    }

    #[tokio::test]
    async fn content_that_breaks_off_is_no_part_of_the_image() {
        let real = InMemoryRegistry::default();
        let measuring = MeasuringRepository::of(&real);
        let digest = Digest::of(b"whole");
        let broken = stream::iter([Ok(Bytes::from_static(b"who")), Err(std::io::Error::other("gone"))]);
        measuring.upload(&digest, 5, broken.boxed()).await.unwrap_err();
        assert_eq!(measuring.blob_size(&digest).await.unwrap(), None);
    }
}
