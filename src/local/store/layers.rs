use redb::ReadableDatabase as _;

use super::schema::{LAYERS, REFERRERS};
use super::{PartialBlob, Registry};
use crate::domain::reference::{Digest, RepositoryName};
use crate::local::refusal::Refusal;

impl Registry {
    /// The size in bytes of a blob that was uploaded to this repository; `None` if it was not.
    pub(crate) fn layer(&self, repository: &RepositoryName, digest: &Digest) -> Result<Option<u64>, Refusal> {
        self.repository(repository)?;
        let read = self.store.database.begin_read()?;
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
        self.repository_in(&write, repository)?;
        write.open_table(LAYERS)?.insert(
            (self.key.as_str(), repository.as_str(), &*digest.to_string()),
            size,
        )?;
        self.store.commit(write)?;
        Ok(())
    }

    /// The digests of the manifests whose subject is `digest`, in order.
    pub(crate) fn referrers(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Vec<Digest>, Refusal> {
        self.repository(repository)?;
        let read = self.store.database.begin_read()?;
        let referrers = read.open_table(REFERRERS)?;
        let subject = digest.to_string();
        let mut found = Vec::new();
        for entry in referrers.range((self.key.as_str(), repository.as_str(), subject.as_str(), "")..)? {
            let (key, ()) = entry.map(|(key, value)| (key, value.value()))?;
            let key = key.value();
            if key.0 != self.key || key.1 != repository.as_str() || key.2 != subject {
                break;
            }
            found.push(Digest::parse(key.3).map_err(Refusal::state)?);
        }
        Ok(found)
    }
}
