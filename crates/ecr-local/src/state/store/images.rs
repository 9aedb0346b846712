//! Images, as they are read.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;
use redb::ReadableTable;

use super::schema::{InRepository, MANIFEST_BYTES, MANIFESTS, ManifestRecord, TAGS, decode};
use super::storage_class::{ImageStatus, STORAGE, Storage};
use super::{Owner, Registry};
use crate::refusal::Refusal;
use tagship_domain::reference::{Digest, Reference, RepositoryName};

/// The name of the document with the time of an image's last recorded pull: this and the digest.
pub(crate) const PULLED: &str = "pulled/";

/// A manifest as it is stored, with what is known of it.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    pub(crate) digest: Digest,
    pub(crate) media_type: String,
    pub(crate) bytes: Bytes,
}

/// A manifest's details, without its bytes.
#[derive(Debug, Clone)]
pub(crate) struct ImageDetail {
    pub(crate) digest: Digest,
    pub(crate) tags: Vec<String>,
    pub(crate) media_type: String,
    pub(crate) artifact_type: Option<String>,
    pub(crate) subject: Option<Digest>,
    /// The manifests of an index.
    pub(crate) children: Vec<Digest>,
    pub(crate) pushed_at: Timestamp,
    /// The last pull that was recorded.
    pub(crate) pulled_at: Option<Timestamp>,
    pub(crate) storage: Storage,
    pub(crate) size: u64,
    pub(crate) manifest_size: u64,
    pub(crate) annotations: BTreeMap<String, String>,
}

impl ImageDetail {
    /// When the image came to the registry; restoring it counts like a push.
    /// Source: ECR user guide, "Restoring an image".
    pub(crate) fn restored_or_pushed_at(&self) -> Timestamp {
        self.storage.active_from(self.pushed_at)
    }
}

impl Registry {
    /// The manifest that a tag or digest names; `None` if the repository has none such.
    pub(crate) fn image(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<Option<Image>, Refusal> {
        self.repository(repository)?;
        let read = self.store.read()?;
        let in_repository = (self.key.as_str(), repository.as_str());
        let digest = match reference {
            Reference::Digest(digest) => *digest,
            Reference::Tag(tag) => {
                let tags = read.open_table(TAGS)?;
                match tags.get((in_repository.0, in_repository.1, tag.as_str()))? {
                    Some(digest) => Digest::parse_any(digest.value()).map_err(Refusal::state)?,
                    None => return Ok(None),
                }
            }
        };
        let text = digest.to_string();
        let key = (in_repository.0, in_repository.1, text.as_str());
        let Some(record) = read.open_table(MANIFESTS)?.get(key)? else {
            return Ok(None);
        };
        let record: ManifestRecord = decode(record.value())?;
        let bytes = read
            .open_table(MANIFEST_BYTES)?
            .get(key)?
            .map(|bytes| Bytes::copy_from_slice(bytes.value()))
            .ok_or_else(|| Refusal::state("a manifest without bytes"))?;
        Ok(Some(Image {
            digest,
            media_type: record.media_type,
            bytes,
        }))
    }

    /// The same, unless it is archived or just being restored: such cannot be pulled.
    /// Source: ECR user guide, "Archiving an image".
    pub(crate) fn active_image(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
        now: Timestamp,
    ) -> Result<Option<Image>, Refusal> {
        let Some(image) = self.image(repository, reference)? else {
            return Ok(None);
        };
        let storage = self.storage(repository, &image.digest)?;
        Ok(Some(image).filter(|_| storage.status(now) == ImageStatus::Active))
    }

    /// The records of a repository's manifests in a table that is open, by digest.
    pub(super) fn manifests_in(
        &self,
        manifests: &impl ReadableTable<InRepository, &'static [u8]>,
        repository: &RepositoryName,
    ) -> Result<impl Iterator<Item = Result<(Digest, ManifestRecord), Refusal>>, Refusal> {
        let first = (self.key.as_str(), repository.as_str(), "");
        let entries = manifests.range(first..)?.take_while(|entry| {
            entry.as_ref().map_or(true, |(key, _)| {
                let (registry, name, _) = key.value();
                registry == self.key && name == repository.as_str()
            })
        });
        Ok(entries.map(|entry| {
            let (key, record) = entry?;
            let digest = Digest::parse_any(key.value().2).map_err(Refusal::state)?;
            Ok((digest, decode(record.value())?))
        }))
    }

    /// Every manifest of a repository, by digest.
    pub(crate) fn images(&self, repository: &RepositoryName) -> Result<Vec<ImageDetail>, Refusal> {
        self.repository(repository)?;
        let mut tags: BTreeMap<Digest, Vec<String>> = BTreeMap::new();
        for (tag, digest) in self.tags(repository)? {
            tags.entry(digest).or_default().push(tag);
        }
        let owner = Owner::Repository(repository);
        let mut pulls: BTreeMap<String, Timestamp> = self.documents(owner, PULLED)?.into_iter().collect();
        let mut stored: BTreeMap<String, Storage> = self.documents(owner, STORAGE)?.into_iter().collect();
        let read = self.store.read()?;
        let bytes = read.open_table(MANIFEST_BYTES)?;
        let manifests = read.open_table(MANIFESTS)?;
        let mut all = Vec::new();
        for manifest in self.manifests_in(&manifests, repository)? {
            let (digest, record) = manifest?;
            let text = digest.to_string();
            let key = (self.key.as_str(), repository.as_str(), text.as_str());
            all.push(ImageDetail {
                digest,
                tags: tags.remove(&digest).unwrap_or_default(),
                media_type: record.media_type,
                artifact_type: record.artifact_type,
                subject: record.subject,
                children: record.children,
                pushed_at: record.pushed_at,
                pulled_at: pulls.remove(&text),
                storage: stored.remove(&text).unwrap_or_default(),
                size: record.size,
                manifest_size: bytes.get(key)?.map_or(0, |bytes| bytes.value().len() as u64),
                annotations: record.annotations,
            });
        }
        Ok(all)
    }

    /// Every tag of a repository, in order, with what it points to.
    pub(crate) fn tags(&self, repository: &RepositoryName) -> Result<Vec<(String, Digest)>, Refusal> {
        self.repository(repository)?;
        let read = self.store.read()?;
        let tags = read.open_table(TAGS)?;
        let mut all = Vec::new();
        for entry in tags.range((self.key.as_str(), repository.as_str(), "")..)? {
            let (key, digest) = entry?;
            let key = key.value();
            if key.0 != self.key || key.1 != repository.as_str() {
                break;
            }
            let digest = Digest::parse_any(digest.value()).map_err(Refusal::state)?;
            all.push((key.2.to_owned(), digest));
        }
        Ok(all)
    }
}
