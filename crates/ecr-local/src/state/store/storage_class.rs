//! The storage class of images: archived, active, or on the way.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use redb::{ReadableTable, Table, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::schema::{DOCUMENTS, InRepository, MANIFESTS, REFERRERS, REPOSITORIES, Referrer};
use super::{Owner, Registry};
use crate::refusal::Refusal;
use tagship_domain::reference::{Digest, RepositoryName};

/// The name of the document with an image's storage class: this and the digest. Without one it is the standard class.
pub(super) const STORAGE: &str = "storage/";

/// How long it takes to restore an archived image; AWS promises at most this.
/// Source: ECR user guide, "Restoring an image".
const RESTORATION: SignedDuration = SignedDuration::from_mins(20);

/// Source: ECR API reference, `UpdateImageStorageClass`, `targetStorageClass`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum StorageClass {
    #[default]
    Standard,
    Archive,
}

/// Source: ECR API reference, `ImageDetail`, `imageStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum ImageStatus {
    Active,
    Archived,
    /// It is being restored.
    Activating,
}

/// Where an image is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Storage {
    pub(crate) class: StorageClass,
    /// When it was last archived.
    pub(crate) archived_at: Option<Timestamp>,
    /// When it was last restored; in the future while it is being restored.
    activated_at: Option<Timestamp>,
}

impl Storage {
    pub(crate) fn status(&self, now: Timestamp) -> ImageStatus {
        match (self.class, self.activated_at) {
            (StorageClass::Archive, _) => ImageStatus::Archived,
            (StorageClass::Standard, Some(at)) if now < at => ImageStatus::Activating,
            (StorageClass::Standard, _) => ImageStatus::Active,
        }
    }

    /// When it was last restored, if that has come to its end.
    pub(crate) fn activated_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.activated_at.filter(|at| *at <= now)
    }

    /// When it can be pulled, if it is in the standard class.
    pub(crate) fn active_from(&self, now: Timestamp) -> Timestamp {
        self.activated_at.map_or(now, |at| at.max(now))
    }

    fn moved(self, class: StorageClass, now: Timestamp) -> Self {
        match class {
            StorageClass::Archive => Self {
                class,
                archived_at: Some(now),
                ..self
            },
            StorageClass::Standard => Self {
                class,
                activated_at: Some(now.saturating_add(RESTORATION).unwrap_or(Timestamp::MAX)),
                ..self
            },
        }
    }
}

impl Registry {
    /// Where an image is stored.
    pub(crate) fn storage(&self, repository: &RepositoryName, digest: &Digest) -> Result<Storage, Refusal> {
        let name = format!("{STORAGE}{digest}");
        Ok(self
            .document(Owner::Repository(repository), &name)?
            .unwrap_or_default())
    }

    /// The images of a repository that are archived or just being restored.
    pub(crate) fn inactive_images(
        &self,
        repository: &RepositoryName,
        now: Timestamp,
    ) -> Result<Vec<Digest>, Refusal> {
        let all: Vec<(String, Storage)> = self.documents(Owner::Repository(repository), STORAGE)?;
        all.into_iter()
            .filter(|(_, storage)| storage.status(now) != ImageStatus::Active)
            .map(|(digest, _)| Digest::parse_any(&digest).map_err(Refusal::state))
            .collect()
    }

    /// The layers that only such images have.
    pub(crate) fn archived_layers(
        &self,
        repository: &RepositoryName,
        now: Timestamp,
    ) -> Result<HashSet<Digest>, Refusal> {
        let inactive = self.inactive_images(repository, now)?;
        let (mut archived, mut active) = (HashSet::new(), HashSet::new());
        if inactive.is_empty() {
            return Ok(archived);
        }
        let read = self.store.read()?;
        let manifests = read.open_table(MANIFESTS)?;
        for manifest in self.manifests_in(&manifests, repository)? {
            let (digest, record) = manifest?;
            let of_status = if inactive.contains(&digest) {
                &mut archived
            } else {
                &mut active
            };
            of_status.extend(record.blobs);
        }
        Ok(&archived - &active)
    }

    /// Archives an image, or begins to restore it; what refers to it goes with it.
    ///
    /// An image that an index has is archived only after the index.
    /// Source: ECR user guide, "Lifecycle policy evaluation rules".
    pub(crate) fn move_image(
        &self,
        repository: &RepositoryName,
        digest: Digest,
        class: StorageClass,
        now: Timestamp,
    ) -> Result<Storage, Refusal> {
        let write = self.store.begin()?;
        self.repository_in(&write.open_table(REPOSITORIES)?, repository)?;
        let mut documents = write.open_table(DOCUMENTS)?;
        let before = self.storage_in(&documents, repository, &digest)?;
        let (from, to) = match class {
            StorageClass::Archive => (ImageStatus::Active, "archived"),
            StorageClass::Standard => (ImageStatus::Archived, "restored"),
        };
        let unsupported = |reason: &str| {
            Err(Refusal::modelled(
                "ImageStorageClassUpdateNotSupportedException",
                format!("The image with digest '{digest}' cannot be {to} because {reason}"),
            ))
        };
        match before.status(now) {
            status if status == from => {}
            ImageStatus::Active => return unsupported("it is active"),
            ImageStatus::Archived => return unsupported("it is archived"),
            ImageStatus::Activating => return unsupported("it is being restored"),
        }
        if class == StorageClass::Archive {
            for index in self.indexes_of(&write, repository, digest)? {
                if self.storage_in(&documents, repository, &index)?.class == StorageClass::Standard {
                    return unsupported("it is referenced by a manifest list that is not archived");
                }
            }
        }
        let referrers = write.open_table(REFERRERS)?;
        self.change_storage(&mut documents, &referrers, repository, digest, |storage| {
            (storage.class != class).then(|| storage.moved(class, now))
        })?;
        drop((documents, referrers));
        self.store.commit(write)?;
        Ok(before.moved(class, now))
    }

    /// Whether an image is neither archived nor just being restored.
    pub(super) fn is_active(
        &self,
        documents: &impl ReadableTable<InRepository, &'static [u8]>,
        repository: &RepositoryName,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<bool, Refusal> {
        let storage = self.storage_in(documents, repository, digest)?;
        Ok(storage.status(now) == ImageStatus::Active)
    }

    /// Makes an archived image active at once, as a push of it does.
    /// Source: ECR user guide, "Restoring an image".
    pub(super) fn reactivate(
        &self,
        documents: &mut Table<'_, InRepository, &'static [u8]>,
        referrers: &impl ReadableTable<Referrer, ()>,
        repository: &RepositoryName,
        digest: Digest,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        self.change_storage(documents, referrers, repository, digest, |storage| {
            (storage.status(now) != ImageStatus::Active).then_some(Storage {
                class: StorageClass::Standard,
                activated_at: Some(now),
                ..storage
            })
        })
    }

    fn storage_in(
        &self,
        documents: &impl ReadableTable<InRepository, &'static [u8]>,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Storage, Refusal> {
        let name = format!("{STORAGE}{digest}");
        let found = self.document_in(documents, Owner::Repository(repository), &name)?;
        Ok(found.unwrap_or_default())
    }

    /// Changes where an image and what refers to it are stored, as far as `change` has something else for them.
    fn change_storage(
        &self,
        documents: &mut Table<'_, InRepository, &'static [u8]>,
        referrers: &impl ReadableTable<Referrer, ()>,
        repository: &RepositoryName,
        digest: Digest,
        change: impl Fn(Storage) -> Option<Storage>,
    ) -> Result<(), Refusal> {
        let referrers = self.referrers_in(referrers, repository, &digest)?;
        for image in std::iter::once(digest).chain(referrers) {
            if let Some(storage) = change(self.storage_in(documents, repository, &image)?) {
                let name = format!("{STORAGE}{image}");
                self.put_document_in(documents, Owner::Repository(repository), &name, &storage)?;
            }
        }
        Ok(())
    }

    /// The indexes that have an image.
    fn indexes_of(
        &self,
        write: &WriteTransaction,
        repository: &RepositoryName,
        digest: Digest,
    ) -> Result<Vec<Digest>, Refusal> {
        let manifests = write.open_table(MANIFESTS)?;
        let mut indexes = Vec::new();
        for manifest in self.manifests_in(&manifests, repository)? {
            let (index, record) = manifest?;
            if record.children.contains(&digest) {
                indexes.push(index);
            }
        }
        Ok(indexes)
    }
}
