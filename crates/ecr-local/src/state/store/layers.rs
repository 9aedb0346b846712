//! Layers of a repository.

use redb::ReadableTable;

use super::schema::{InRepository, LAYERS, MANIFESTS, REFERRERS, REPOSITORIES, Referrer};
use super::{PartialBlob, Registry};
use crate::refusal::Refusal;
use tagship_domain::reference::{Digest, RepositoryName};

impl Registry {
    /// The size in bytes of a blob that was uploaded to this repository; `None` if it was not.
    pub(crate) fn layer(&self, repository: &RepositoryName, digest: &Digest) -> Result<Option<u64>, Refusal> {
        self.repository(repository)?;
        let read = self.store.read()?;
        let layers = read.open_table(LAYERS)?;
        let size = layers.get((self.key.as_str(), repository.as_str(), &*digest.to_string()))?;
        Ok(size.map(|size| size.value()))
    }

    /// Makes a received blob part of the repository, durably.
    pub(crate) fn add_layer(
        &self,
        repository: &RepositoryName,
        blob: PartialBlob,
        digest: &Digest,
    ) -> Result<(), Refusal> {
        let size = blob.length();
        self.store.blobs.finish(blob, digest)?;
        let write = self.store.begin()?;
        self.repository_in(&write.open_table(REPOSITORIES)?, repository)?;
        write.open_table(LAYERS)?.insert(
            (self.key.as_str(), repository.as_str(), &*digest.to_string()),
            size,
        )?;
        self.store.commit(write)?;
        Ok(())
    }

    /// Removes a blob from the repository; whether it was there. Its file goes at the next start, if no other
    /// repository has it.
    pub(crate) fn remove_layer(&self, repository: &RepositoryName, digest: &Digest) -> Result<bool, Refusal> {
        let write = self.store.begin()?;
        self.repository_in(&write.open_table(REPOSITORIES)?, repository)?;
        let key = (self.key.as_str(), repository.as_str(), &*digest.to_string());
        let was_there = write.open_table(LAYERS)?.remove(key)?.is_some();
        self.store.commit(write)?;
        Ok(was_there)
    }

    /// Whether an image of the repository has this blob.
    pub(crate) fn layer_has_image(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<bool, Refusal> {
        self.repository(repository)?;
        let read = self.store.read()?;
        self.has_image_with(&read.open_table(MANIFESTS)?, repository, digest)
    }

    fn has_image_with(
        &self,
        manifests: &impl ReadableTable<InRepository, &'static [u8]>,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<bool, Refusal> {
        for manifest in self.manifests_in(manifests, repository)? {
            let (_, record) = manifest?;
            if record.blobs.contains(digest) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Makes a blob of one repository part of another; whether that could be.
    ///
    /// An image must have the blob, both repositories must be encrypted alike, and neither may be of a pull
    /// through cache. Source: ECR user guide, "Blob mounting in Amazon ECR".
    pub(crate) fn mount_layer(
        &self,
        from: &RepositoryName,
        to: &RepositoryName,
        digest: &Digest,
    ) -> Result<bool, Refusal> {
        let write = self.store.begin()?;
        let target = self.repository_in(&write.open_table(REPOSITORIES)?, to)?;
        let source = match self.repository_in(&write.open_table(REPOSITORIES)?, from) {
            Err(Refusal::RepositoryNotFound { .. }) => return Ok(false),
            source => source?,
        };
        if source.encryption != target.encryption || source.is_cache || target.is_cache {
            return Ok(false);
        }
        {
            let mut layers = write.open_table(LAYERS)?;
            let digest_text = digest.to_string();
            let size = layers
                .get((self.key.as_str(), from.as_str(), digest_text.as_str()))?
                .map(|size| size.value());
            let Some(size) = size else { return Ok(false) };
            if !self.has_image_with(&write.open_table(MANIFESTS)?, from, digest)? {
                return Ok(false);
            }
            layers.insert((self.key.as_str(), to.as_str(), digest_text.as_str()), size)?;
        }
        self.store.commit(write)?;
        Ok(true)
    }

    /// The digests of the manifests whose subject is `digest`, in order.
    pub(crate) fn referrers(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Vec<Digest>, Refusal> {
        self.repository(repository)?;
        let read = self.store.read()?;
        self.referrers_in(&read.open_table(REFERRERS)?, repository, digest)
    }

    /// The same in a table that is open.
    pub(super) fn referrers_in(
        &self,
        referrers: &impl ReadableTable<Referrer, ()>,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Vec<Digest>, Refusal> {
        let subject = digest.to_string();
        let mut found = Vec::new();
        for entry in referrers.range((self.key.as_str(), repository.as_str(), subject.as_str(), "")..)? {
            let (key, ()) = entry.map(|(key, value)| (key, value.value()))?;
            let key = key.value();
            if key.0 != self.key || key.1 != repository.as_str() || key.2 != subject {
                break;
            }
            found.push(Digest::parse_any(key.3).map_err(Refusal::state)?);
        }
        Ok(found)
    }
}
