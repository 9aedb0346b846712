//! Layer uploads: of the API and of the data plane alike, so that one may go on what the other began.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::refusal::Refusal;
use crate::state::quirks::DigestRule;
use crate::state::store::{PartialBlob, Registry, RepeatedPush};
use tagship_domain::reference::{Digest, RepositoryName};

/// The least bytes of a part that is not the last. Source: ECR API reference, `UploadLayerPart`.
const MIN_PART_BYTES: u64 = 5 * 1024 * 1024;

/// The most parts of a layer. Source: ECR user guide, "Service quotas", "Layer parts".
const MAX_PARTS: usize = 4_200;

/// The most bytes of a layer. Source: ECR user guide, "Service quotas", "Maximum layer size".
const MAX_LAYER_BYTES: u64 = 52_000 * 1024 * 1024;

/// How long an upload may rest.
const LIFE: SignedDuration = SignedDuration::from_hours(24);

/// The uploads that are under way. They end with the server: clients then begin anew.
///
/// A request takes its upload out while it works on it. So no other request can write to it, and an upload whose
/// request breaks off is gone.
#[derive(Debug, Default)]
pub(crate) struct Uploads(Mutex<HashMap<String, Upload>>);

impl Uploads {
    /// Keeps an upload for its next request.
    pub(crate) fn put(&self, upload: Upload) {
        let mut uploads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = upload.touched;
        uploads.retain(|_, other| now.duration_since(other.touched) < LIFE);
        uploads.insert(upload.id.clone(), upload);
    }

    /// Gives all of them up.
    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Takes an upload of a repository out.
    pub(crate) fn take(
        &self,
        registry: &Registry,
        repository: &RepositoryName,
        id: &str,
    ) -> Result<Upload, Refusal> {
        let mut uploads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = uploads
            .get(id)
            .is_some_and(|upload| upload.is_in(registry, repository));
        mine.then(|| uploads.remove(id))
            .flatten()
            .ok_or_else(|| unknown(registry, repository, id))
    }

    /// How many bytes of an upload are there.
    pub(crate) fn length(
        &self,
        registry: &Registry,
        repository: &RepositoryName,
        id: &str,
    ) -> Result<u64, Refusal> {
        let uploads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        uploads
            .get(id)
            .filter(|upload| upload.is_in(registry, repository))
            .map(|upload| upload.blob.length())
            .ok_or_else(|| unknown(registry, repository, id))
    }
}

fn unknown(registry: &Registry, repository: &RepositoryName, id: &str) -> Refusal {
    let upload = id
        .chars()
        .filter(|character| !character.is_control())
        .take(64)
        .collect();
    Refusal::UploadNotFound {
        upload,
        repository: repository.clone(),
        registry: registry.account().clone(),
    }
}

/// What an upload's parts may be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parts {
    /// Every part but the last has a least size, and there is something in them.
    AsEcr,
    /// Anything. Source: OCI distribution spec, "Pushing a blob in chunks".
    Any,
}

impl Parts {
    /// The digests that a layer may be named by.
    fn digests(self) -> DigestRule {
        match self {
            Self::AsEcr => DigestRule::AsEcr,
            Self::Any => DigestRule::Any,
        }
    }
}

/// A layer that is being uploaded in parts.
#[derive(Debug)]
pub(crate) struct Upload {
    pub(crate) id: String,
    registry: Registry,
    repository: RepositoryName,
    pub(crate) blob: PartialBlob,
    rules: Parts,
    parts: usize,
    /// Where the second part ends, or the first while there is no second.
    pub(crate) second_part_end: u64,
    /// Bytes.
    last_part: Option<u64>,
    /// Whether a part that is too small was followed by another one.
    has_small_part: bool,
    touched: Timestamp,
}

impl Upload {
    /// Begins an upload to a repository. Blocks.
    pub(crate) fn begin(
        registry: &Registry,
        repository: &RepositoryName,
        rules: Parts,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        registry.repository(repository)?;
        Ok(Self {
            id: crate::random::uuid()?,
            registry: registry.clone(),
            repository: repository.clone(),
            blob: registry.blobs().begin(rules.digests())?,
            rules,
            parts: 0,
            second_part_end: 0,
            last_part: None,
            has_small_part: false,
            touched: now,
        })
    }

    fn is_in(&self, registry: &Registry, repository: &RepositoryName) -> bool {
        self.registry == *registry && self.repository == *repository
    }

    /// Whether more may follow: every part but the last has a least size.
    pub(crate) fn takes_more(&self) -> bool {
        self.rules == Parts::Any || self.last_part.is_none_or(|bytes| bytes >= MIN_PART_BYTES)
    }

    /// Checks that a part of `bytes` from position `first` on may come next.
    pub(crate) fn check_part(&self, first: u64, bytes: u64) -> Result<(), Refusal> {
        if first != self.blob.length() {
            return Err(self.invalid_part("the first byte is not consecutive to the last byte received"));
        }
        if self.parts >= MAX_PARTS || first.saturating_add(bytes) > MAX_LAYER_BYTES {
            return Err(Refusal::modelled(
                "LimitExceededException",
                format!("A layer has at most {MAX_PARTS} parts and {MAX_LAYER_BYTES} bytes"),
            ));
        }
        Ok(())
    }

    /// A part that is refused for a reason of its own.
    pub(crate) fn invalid_part(&self, problem: &'static str) -> Refusal {
        Refusal::InvalidLayerPart {
            problem,
            next: self.blob.length(),
            upload: self.id.clone(),
            repository: self.repository.clone(),
            registry: self.registry.account().clone(),
        }
    }

    /// Takes note of a part that the blob has now: all from `first` on.
    pub(crate) fn part_added(&mut self, first: u64, now: Timestamp) {
        self.touched = now;
        let bytes = self.blob.length().saturating_sub(first);
        if bytes > 0 {
            self.has_small_part |= !self.takes_more();
            self.last_part = Some(bytes);
            self.parts += 1;
            if self.parts <= 2 {
                self.second_part_end = self.blob.length();
            }
        }
    }

    /// Makes the layer part of its repository, if one of the `stated` digests is its own, and gives that digest.
    ///
    /// `repeat` says what to answer where the repository has the layer already. Blocks.
    pub(crate) fn complete(self, stated: &[Digest], repeat: RepeatedPush) -> Result<Digest, Refusal> {
        if self.blob.length() == 0 && self.rules == Parts::AsEcr {
            return Err(Refusal::EmptyUpload);
        }
        if self.has_small_part {
            return Err(Refusal::LayerPartTooSmall);
        }
        let own = stated.iter().copied().find(|stated| self.blob.has(stated));
        let digest = own.ok_or(Refusal::InvalidLayer)?;
        let (registry, repository) = (self.registry, self.repository);
        if repeat == RepeatedPush::Refuse && registry.layer(&repository, &digest)?.is_some() {
            return Err(Refusal::modelled(
                "LayerAlreadyExistsException",
                format!(
                    "The layer with digest '{digest}' already exists in the repository with name '{repository}' in the registry with id '{}'",
                    registry.account()
                ),
            ));
        }
        registry.add_layer(&repository, self.blob, &digest)?;
        Ok(digest)
    }
}

#[cfg(test)]
mod tests;
