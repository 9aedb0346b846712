use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;
use redb::{ReadableDatabase as _, ReadableTable, WriteTransaction};

use super::schema::{
    InRepository, LAYERS, MANIFEST_BYTES, MANIFESTS, ManifestRecord, REFERRERS, TAGS, decode, encode,
};
use super::storage_class::{ImageStatus, STORAGE, Storage};
use super::{Owner, Registry};
use crate::domain::reference::{Digest, Reference, RepositoryName, Tag};
use crate::local::follow_up::PULLED;
use crate::local::manifest::ParsedManifest;
use crate::local::refusal::{ImmutableWording, Refusal};

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

/// A manifest to store, and under what.
#[derive(Debug)]
pub(crate) struct PutImage<'a> {
    pub(crate) repository: &'a RepositoryName,
    pub(crate) manifest: &'a ParsedManifest,
    pub(crate) tag: Option<&'a Tag>,
    /// The digest that the caller says the manifest has.
    pub(crate) digest: Option<Digest>,
    /// What to answer where nothing would change.
    pub(crate) repeat: Repeat,
    pub(crate) wording: ImmutableWording,
}

/// What to answer to a manifest that is there already, under that tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// As the API does: `ImageAlreadyExistsException`.
    Refuse,
    /// As the data plane does with tags that may move, refusing only those that may not.
    RefuseProtected,
    /// It is no error.
    Accept,
}

impl Registry {
    /// Stores a manifest, and points a tag to it if one is given.
    ///
    /// Everything that it refers to must be in the same repository.
    pub(crate) fn put_image(&self, put: &PutImage<'_>, now: Timestamp) -> Result<Digest, Refusal> {
        let write = self.store.begin()?;
        let repository = self.repository_in(&write, put.repository)?;
        let manifest = put.manifest;
        let digest = manifest.digest();
        if let Some(stated) = put.digest.filter(|stated| *stated != digest) {
            return Err(Refusal::ImageDigestDoesNotMatch {
                digest: stated,
                repository: put.repository.clone(),
                registry: self.account.clone(),
            });
        }
        self.check_references(&write, put)?;
        let digest_text = digest.to_string();
        let key = (self.key.as_str(), put.repository.as_str(), digest_text.as_str());
        {
            let mut tags = write.open_table(TAGS)?;
            let mut manifests = write.open_table(MANIFESTS)?;
            let known = manifests.get(key)?.is_some();
            let restored = known && self.reactivate(&write, put.repository, &digest, now)?;
            let put = &PutImage {
                // A push restores an archived image; then it is no mere repetition.
                repeat: if restored { Repeat::Accept } else { put.repeat },
                ..*put
            };
            if let Some(tag) = put.tag {
                let tag_key = (self.key.as_str(), put.repository.as_str(), tag.as_str());
                let holder = tags.get(tag_key)?.map(|holder| holder.value().to_owned());
                let protected = repository.mutability.rule()?.protects(tag);
                self.check_tag(put, tag, holder.as_deref(), protected)?;
                tags.insert(tag_key, digest_text.as_str())?;
            } else if known && put.repeat == Repeat::Refuse {
                return Err(self.already_exists(put));
            }
            if !known {
                let record = self.record(&write, put, now)?;
                manifests.insert(key, encode(&record)?.as_slice())?;
                write
                    .open_table(MANIFEST_BYTES)?
                    .insert(key, manifest.bytes().as_ref())?;
                if let Some(subject) = manifest.subject() {
                    let subject = subject.to_string();
                    write
                        .open_table(REFERRERS)?
                        .insert((key.0, key.1, subject.as_str(), digest_text.as_str()), ())?;
                }
            }
        }
        self.store.commit(write)?;
        Ok(digest)
    }

    /// The rules of tag mutability, for a tag that may be taken.
    fn check_tag(
        &self,
        put: &PutImage<'_>,
        tag: &Tag,
        holder: Option<&str>,
        protected: bool,
    ) -> Result<(), Refusal> {
        let Some(holder) = holder else { return Ok(()) };
        let same = holder == put.manifest.digest().to_string();
        match (same, protected, put.repeat) {
            (true, _, Repeat::Refuse) => Err(self.already_exists(put)),
            (false, true, _) | (true, true, Repeat::RefuseProtected) => Err(Refusal::ImageTagAlreadyExists {
                tag: tag.clone(),
                repository: put.repository.clone(),
                wording: put.wording,
            }),
            (true, true, Repeat::Accept)
            | (true, false, Repeat::RefuseProtected | Repeat::Accept)
            | (false, false, _) => Ok(()),
        }
    }

    fn already_exists(&self, put: &PutImage<'_>) -> Refusal {
        Refusal::ImageAlreadyExists {
            digest: put.manifest.digest(),
            tag: put.tag.cloned(),
            repository: put.repository.clone(),
            registry: self.account.clone(),
        }
    }

    /// Layers and the manifests of an index must have been pushed before.
    fn check_references(&self, write: &WriteTransaction, put: &PutImage<'_>) -> Result<(), Refusal> {
        let missing = |found: &dyn Fn(&str) -> Result<bool, Refusal>, wanted: &[Digest]| {
            let mut missing = Vec::new();
            for digest in wanted {
                if !found(&digest.to_string())? && !missing.contains(digest) {
                    missing.push(*digest);
                }
            }
            Ok::<_, Refusal>(missing)
        };
        let (registry, repository) = (self.key.as_str(), put.repository.as_str());
        let layers = write.open_table(LAYERS)?;
        let digests = missing(
            &|digest| Ok(layers.get((registry, repository, digest))?.is_some()),
            put.manifest.blobs(),
        )?;
        if !digests.is_empty() {
            return Err(Refusal::LayersNotFound {
                digests,
                repository: put.repository.clone(),
                registry: self.account.clone(),
            });
        }
        let manifests = write.open_table(MANIFESTS)?;
        let digests = missing(
            &|digest| Ok(manifests.get((registry, repository, digest))?.is_some()),
            put.manifest.children(),
        )?;
        if !digests.is_empty() {
            return Err(Refusal::ReferencedImagesNotFound {
                digests,
                repository: put.repository.clone(),
                registry: self.account.clone(),
            });
        }
        Ok(())
    }

    fn record(
        &self,
        write: &WriteTransaction,
        put: &PutImage<'_>,
        now: Timestamp,
    ) -> Result<ManifestRecord, Refusal> {
        let manifest = put.manifest;
        let mut size = 0_u64;
        let layers = write.open_table(LAYERS)?;
        for blob in manifest.blobs() {
            let key = (self.key.as_str(), put.repository.as_str(), &*blob.to_string());
            let layer = layers.get(key)?.map_or(0, |size| size.value());
            size = size.saturating_add(layer);
        }
        drop(layers);
        // The size of an index is that of its largest image.
        // Source: ECR API reference, ImageDetail, `imageSizeInBytes`.
        if !manifest.children().is_empty() {
            let read = self.store.database.begin_read()?;
            let manifests = read.open_table(MANIFESTS)?;
            for child in manifest.children() {
                let key = (self.key.as_str(), put.repository.as_str(), &*child.to_string());
                if let Some(child) = manifests.get(key)? {
                    size = size.max(decode::<ManifestRecord>(child.value())?.size);
                }
            }
        }
        Ok(ManifestRecord {
            media_type: manifest.media_type().to_owned(),
            pushed_at: now,
            size,
            artifact_type: manifest.artifact_type().map(str::to_owned),
            subject: manifest.subject(),
            blobs: manifest.blobs().to_vec(),
            children: manifest.children().to_vec(),
            annotations: manifest.annotations().clone(),
        })
    }

    /// The manifest that a tag or digest names; `None` if the repository has none such.
    pub(crate) fn image(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<Option<Image>, Refusal> {
        self.repository(repository)?;
        let read = self.store.database.begin_read()?;
        let in_repository = (self.key.as_str(), repository.as_str());
        let digest = match reference {
            Reference::Digest(digest) => *digest,
            Reference::Tag(tag) => {
                let tags = read.open_table(TAGS)?;
                match tags.get((in_repository.0, in_repository.1, tag.as_str()))? {
                    Some(digest) => Digest::parse(digest.value()).map_err(Refusal::state)?,
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
            let digest = Digest::parse(key.value().2).map_err(Refusal::state)?;
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
        let read = self.store.database.begin_read()?;
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
        let read = self.store.database.begin_read()?;
        let tags = read.open_table(TAGS)?;
        let mut all = Vec::new();
        for entry in tags.range((self.key.as_str(), repository.as_str(), "")..)? {
            let (key, digest) = entry?;
            let key = key.value();
            if key.0 != self.key || key.1 != repository.as_str() {
                break;
            }
            let digest = Digest::parse(digest.value()).map_err(Refusal::state)?;
            all.push((key.2.to_owned(), digest));
        }
        Ok(all)
    }
}
