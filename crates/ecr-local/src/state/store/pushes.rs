//! Images that are stored, several in one transaction.

use std::sync::Arc;

use jiff::Timestamp;
use redb::{ReadableTable, Table, WriteTransaction};

use super::schema::{
    DOCUMENTS, InRepository, LAYERS, MANIFEST_BYTES, MANIFESTS, ManifestRecord, REFERRERS, REPOSITORIES,
    Referrer, TAGS, decode, encode,
};
use super::{Registry, Store, describe};
use crate::manifest::ParsedManifest;
use crate::refusal::{ImmutableWording, Refusal};
use tagship_domain::reference::{Digest, RepositoryName, Tag};

/// A manifest to store, where, and under what.
#[derive(Debug, Clone)]
pub(crate) struct ImagePush {
    pub(crate) registry: Registry,
    pub(crate) repository: RepositoryName,
    pub(crate) manifest: ParsedManifest,
    pub(crate) tag: Option<Tag>,
    /// The digest that the caller says the manifest has.
    pub(crate) digest: Option<Digest>,
    /// What to answer where nothing would change.
    pub(crate) repeat: RepeatedPush,
    pub(crate) wording: ImmutableWording,
    /// When it came.
    pub(crate) at: Timestamp,
}

/// What to answer to a manifest that is there already, under that tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RepeatedPush {
    /// As the API does: `ImageAlreadyExistsException`.
    Refuse,
    /// As the data plane does with tags that may move, refusing only those that may not.
    RefuseProtected,
    /// It is no error.
    Accept,
}

impl Store {
    /// Stores one manifest.
    pub(crate) fn push_image(&self, push: &ImagePush) -> Result<Digest, Refusal> {
        let write = self.begin()?;
        let digest = push.store_in(&mut Tables::open(&write)?)?;
        self.commit(write)?;
        Ok(digest)
    }

    /// Stores manifests in their order, in one transaction, as if each had one of its own: one that is refused changes
    /// nothing and hinders no other. When the disk or the database fails, none is stored.
    pub(crate) fn push_images(&self, pushes: &[Arc<ImagePush>]) -> Vec<Result<Digest, Refusal>> {
        self.push_together(pushes).unwrap_or_else(|failure| {
            let failure = describe(&failure);
            pushes
                .iter()
                .map(|_| Err(Refusal::state(failure.as_str())))
                .collect()
        })
    }

    fn push_together(&self, pushes: &[Arc<ImagePush>]) -> Result<Vec<Result<Digest, Refusal>>, Refusal> {
        let write = self.begin()?;
        let mut tables = Tables::open(&write)?;
        let outcomes = pushes
            .iter()
            .map(|push| match push.store_in(&mut tables) {
                Err(failure @ Refusal::State(_)) => Err(failure),
                outcome => Ok(outcome),
            })
            .collect::<Result<Vec<_>, Refusal>>()?;
        drop(tables);
        self.commit(write)?;
        Ok(outcomes)
    }
}

/// The tables that a push reads and writes.
struct Tables<'t> {
    repositories: Table<'t, (&'static str, &'static str), &'static [u8]>,
    manifests: Table<'t, InRepository, &'static [u8]>,
    manifest_bytes: Table<'t, InRepository, &'static [u8]>,
    tags: Table<'t, InRepository, &'static str>,
    layers: Table<'t, InRepository, u64>,
    documents: Table<'t, InRepository, &'static [u8]>,
    referrers: Table<'t, Referrer, ()>,
}

impl<'t> Tables<'t> {
    fn open(write: &'t WriteTransaction) -> Result<Self, Refusal> {
        Ok(Self {
            repositories: write.open_table(REPOSITORIES)?,
            manifests: write.open_table(MANIFESTS)?,
            manifest_bytes: write.open_table(MANIFEST_BYTES)?,
            tags: write.open_table(TAGS)?,
            layers: write.open_table(LAYERS)?,
            documents: write.open_table(DOCUMENTS)?,
            referrers: write.open_table(REFERRERS)?,
        })
    }
}

impl ImagePush {
    /// Stores the manifest, and points the tag to it if there is one. First everything is checked; from then on only
    /// the database can fail.
    fn store_in(&self, tables: &mut Tables<'_>) -> Result<Digest, Refusal> {
        let registry = &self.registry;
        let repository = registry.repository_in(&tables.repositories, &self.repository)?;
        let digest = self.manifest.digest();
        if let Some(stated) = self.digest.filter(|stated| *stated != digest) {
            return Err(Refusal::ImageDigestDoesNotMatch {
                digest: stated,
                repository: self.repository.clone(),
                registry: registry.account.clone(),
            });
        }
        self.check_references(tables)?;
        let digest_text = digest.to_string();
        let key = self.key(&digest_text);
        let is_known = tables.manifests.get(key)?.is_some();
        // A push restores an archived image; then it is no mere repetition.
        let restores =
            is_known && !registry.is_active(&tables.documents, &self.repository, &digest, self.at)?;
        let repeat = if restores {
            RepeatedPush::Accept
        } else {
            self.repeat
        };
        if let Some(tag) = &self.tag {
            let holder = tables.tags.get(self.key(tag.as_str()))?;
            let is_same = holder.map(|holder| holder.value() == digest_text);
            let is_protected = repository.mutability.rule()?.protects(tag);
            self.check_tag(tag, is_same, is_protected, repeat)?;
        } else if is_known && repeat == RepeatedPush::Refuse {
            return Err(self.already_exists());
        }

        if restores {
            let (documents, referrers) = (&mut tables.documents, &tables.referrers);
            registry.reactivate(documents, referrers, &self.repository, digest, self.at)?;
        }
        if let Some(tag) = &self.tag {
            tables.tags.insert(self.key(tag.as_str()), digest_text.as_str())?;
        }
        if !is_known {
            let record = self.record(tables)?;
            tables.manifests.insert(key, encode(&record)?.as_slice())?;
            let bytes = self.manifest.bytes().as_ref();
            tables.manifest_bytes.insert(key, bytes)?;
            if let Some(subject) = self.manifest.subject() {
                let subject = subject.to_string();
                let referrer = (key.0, key.1, subject.as_str(), key.2);
                tables.referrers.insert(referrer, ())?;
            }
        }
        Ok(digest)
    }

    fn key<'k>(&'k self, name: &'k str) -> (&'k str, &'k str, &'k str) {
        (self.registry.key.as_str(), self.repository.as_str(), name)
    }

    /// The rules of tag mutability, for a tag that is taken if `is_same` says by what.
    fn check_tag(
        &self,
        tag: &Tag,
        is_same: Option<bool>,
        is_protected: bool,
        repeat: RepeatedPush,
    ) -> Result<(), Refusal> {
        let Some(is_same) = is_same else { return Ok(()) };
        match (is_same, is_protected, repeat) {
            (true, _, RepeatedPush::Refuse) => Err(self.already_exists()),
            (false, true, _) | (true, true, RepeatedPush::RefuseProtected) => {
                Err(Refusal::ImageTagAlreadyExists {
                    tag: tag.clone(),
                    repository: self.repository.clone(),
                    wording: self.wording,
                })
            }
            (true, true, RepeatedPush::Accept)
            | (true, false, RepeatedPush::RefuseProtected | RepeatedPush::Accept)
            | (false, false, _) => Ok(()),
        }
    }

    fn already_exists(&self) -> Refusal {
        Refusal::ImageAlreadyExists {
            digest: self.manifest.digest(),
            tag: self.tag.clone(),
            repository: self.repository.clone(),
            registry: self.registry.account.clone(),
        }
    }

    /// Layers and the manifests of an index must have been pushed before.
    fn check_references(&self, tables: &Tables<'_>) -> Result<(), Refusal> {
        let digests = self.missing(&tables.layers, self.manifest.blobs())?;
        if !digests.is_empty() {
            return Err(Refusal::LayersNotFound {
                digests,
                repository: self.repository.clone(),
                registry: self.registry.account.clone(),
            });
        }
        let digests = self.missing(&tables.manifests, self.manifest.children())?;
        if !digests.is_empty() {
            return Err(Refusal::ReferencedImagesNotFound {
                digests,
                repository: self.repository.clone(),
                registry: self.registry.account.clone(),
            });
        }
        Ok(())
    }

    /// Those of the repository's digests that a table lacks, each once.
    fn missing<V: redb::Value + 'static>(
        &self,
        table: &impl ReadableTable<InRepository, V>,
        wanted: &[Digest],
    ) -> Result<Vec<Digest>, Refusal> {
        let mut missing = Vec::new();
        for digest in wanted {
            if table.get(self.key(&digest.to_string()))?.is_none() && !missing.contains(digest) {
                missing.push(*digest);
            }
        }
        Ok(missing)
    }

    fn record(&self, tables: &Tables<'_>) -> Result<ManifestRecord, Refusal> {
        let manifest = &self.manifest;
        let mut size = 0_u64;
        for blob in manifest.blobs() {
            let layer = tables.layers.get(self.key(&blob.to_string()))?;
            size = size.saturating_add(layer.map_or(0, |size| size.value()));
        }
        // The size of an index is that of its largest image.
        // Source: ECR API reference, ImageDetail, `imageSizeInBytes`.
        for child in manifest.children() {
            if let Some(child) = tables.manifests.get(self.key(&child.to_string()))? {
                size = size.max(decode::<ManifestRecord>(child.value())?.size);
            }
        }
        Ok(ManifestRecord {
            media_type: manifest.media_type().to_owned(),
            pushed_at: self.at,
            size,
            artifact_type: manifest.artifact_type().map(str::to_owned),
            subject: manifest.subject(),
            blobs: manifest.blobs().to_vec(),
            children: manifest.children().to_vec(),
            annotations: manifest.annotations().clone(),
        })
    }
}

#[cfg(test)]
mod tests;
