//! The files of a release: the image for programs, findings, and what the registry holds about the image.
//!
//! A draft gets each file once: one that is there whole is left, one that broke off or is another is replaced.

use std::collections::BTreeMap;
use std::fmt;

use bytes::BytesMut;
use futures_util::TryStreamExt as _;
use oci_registry::MAX_SMALL_BLOB;
use serde_json::Value;

use crate::pipeline::Ledger;
use crate::ports::{NewAsset, ReadWhole, RegistryError, Reporter, RunEvent};
use tagship_domain::content::{Content, Descriptor, ImageManifest};
use tagship_domain::facts::{PlatformManifest, Unknown};
use tagship_domain::plan::Note;
use tagship_domain::reference::{Digest, ImageName, Tag};
use tagship_domain::release::{Document, MAX_DOCUMENT_BYTES, MAX_DOCUMENTS, MAX_DOCUMENTS_BYTES};

/// How often a large blob is read again that broke off.
const MAX_READS: usize = 3;

/// The image that is released.
#[derive(Clone, Copy)]
pub struct ReleasedImage<'a> {
    /// Where it is.
    pub name: &'a ImageName,
    /// Its digest.
    pub digest: Digest,
    /// The tags that promise to stay.
    pub tags: &'a [Tag],
    /// One manifest for each platform.
    pub platforms: &'a [PlatformManifest],
    /// What its scan found, in SARIF 2.1.0, where this run let it pass the gate.
    pub findings: Option<&'a Value>,
    /// Its repository, which has its bills of materials, provenance and signatures.
    pub repository: &'a dyn ReadWhole,
}

impl fmt::Debug for ReleasedImage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReleasedImage")
            .field("name", self.name)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

impl ReleasedImage<'_> {
    /// What the registry holds about the image, as files. A role that publishes need not be allowed to read blobs: what it may
    /// not read is left out, and said.
    pub(super) async fn documents(
        &self,
        reporter: &dyn Reporter,
        ledger: &Ledger,
    ) -> Result<Vec<NewAsset>, RegistryError> {
        let mut said = Vec::new();
        let mut say = |note: Note| {
            // The same is said once of all that may not be read.
            if !said.contains(&note) {
                reporter.event(RunEvent::Note(&note.to_string()));
                ledger.note(note.clone());
                said.push(note);
            }
        };
        let mut found = self.attached().await?;
        match self.referring().await {
            Ok(referring) => found.extend(referring),
            Err(error) => say(Note::DocumentsUnread(not_permitted(error)?)),
        }
        let (mut files, mut bytes) = (Vec::new(), 0);
        for (name, document) in Document::named(found) {
            let size = document.blob.size;
            let has_room = files.len() < MAX_DOCUMENTS && size <= MAX_DOCUMENTS_BYTES - bytes;
            if size > MAX_DOCUMENT_BYTES || !has_room {
                say(Note::DocumentLeftOut { name });
                continue;
            }
            let blob = match self.blob(&document.blob).await {
                Ok(blob) => blob,
                Err(error) => {
                    say(Note::DocumentsUnread(not_permitted(error)?));
                    continue;
                }
            };
            match document.kind.content(blob) {
                Ok(content) => {
                    bytes += size;
                    let media_type = document.kind.media_type();
                    files.push(NewAsset {
                        name,
                        media_type,
                        content,
                    });
                }
                Err(_) => say(Note::DocumentLeftOut { name }),
            }
        }
        Ok(files)
    }

    /// The bills of materials that the registry holds about the image, as files.
    pub async fn bills_of_materials(&self) -> Result<Vec<NewAsset>, RegistryError> {
        let mut bills = Vec::new();
        let mut bytes = 0;
        for (name, document) in Document::named(self.attached().await?) {
            if !document.kind.is_bill_of_materials() {
                continue;
            }
            bytes += document.blob.size;
            if document.blob.size > MAX_DOCUMENT_BYTES || bytes > MAX_DOCUMENTS_BYTES {
                return Err(RegistryError::Source(format!("`{name}` is too large")));
            }
            let content = document.kind.content(self.blob(&document.blob).await?);
            bills.push(NewAsset {
                content: content.map_err(|error| RegistryError::Source(format!("`{name}`: {error}")))?,
                media_type: document.kind.media_type(),
                name,
            });
        }
        Ok(bills)
    }

    /// Statements that the index holds about its images.
    async fn attached(&self) -> Result<Vec<Document>, RegistryError> {
        let missing = RegistryError::ContentMissing { digest: self.digest };
        let manifest = self.repository.manifest(&self.digest).await?.ok_or(missing)?;
        let Content::Index(index) = manifest.content()? else {
            return Ok(Vec::new());
        };
        let about = |entry: &Descriptor| {
            let about = entry.annotations.get("vnd.docker.reference.digest")?;
            Digest::parse(about).ok()
        };
        let entries = index.manifests.iter().filter(|entry| entry.is_about_another());
        let entries: Vec<(Digest, Digest)> = entries
            .filter_map(|entry| Some((entry.digest, about(entry)?)))
            .collect();
        let digests = entries.iter().map(|(digest, _)| *digest).collect();
        let manifests = self.images(digests).await?;
        let attached = entries.iter().filter_map(|(digest, about)| {
            let manifest = manifests.get(digest)?;
            Some(Document::attached(*about, manifest, self.platforms))
        });
        Ok(attached.flatten().collect())
    }

    /// Signatures that refer to the image.
    async fn referring(&self) -> Result<Vec<Document>, RegistryError> {
        let mut referrers = self.repository.referrers(&self.digest).await?;
        // Whoever may push may add any number.
        referrers.sort_by_key(|referrer| referrer.digest);
        referrers.truncate(MAX_DOCUMENTS);
        let digests = referrers.iter().map(|referrer| referrer.digest).collect();
        let manifests = self.images(digests).await?;
        let documents = referrers.iter().filter_map(|referrer| {
            let manifest = manifests.get(&referrer.digest)?;
            Document::referring(referrer.artifact_type.as_deref(), manifest)
        });
        Ok(documents.collect())
    }

    /// The image manifests among these.
    async fn images(&self, digests: Vec<Digest>) -> Result<BTreeMap<Digest, ImageManifest>, RegistryError> {
        if digests.is_empty() {
            return Ok(BTreeMap::new());
        }
        let found = self.repository.look_up(&digests, &[]).await?.digests;
        let images = found.into_iter().filter_map(|(digest, manifest)| {
            // One that cannot be read is no signature that a reader could use.
            match manifest.content().ok()? {
                Content::Image(image) => Some((digest, image)),
                Content::Index(_) => None,
            }
        });
        Ok(images.collect())
    }

    /// A blob, checked; a large one is read again when it breaks off.
    async fn blob(&self, blob: &Descriptor) -> Result<Vec<u8>, RegistryError> {
        if blob.size <= MAX_SMALL_BLOB {
            return Ok(self.repository.blob(blob).await?.to_vec());
        }
        let mut problem = String::new();
        for _ in 0..MAX_READS {
            let mut content = BytesMut::new();
            let mut stream = self.repository.open(blob).await?;
            problem = loop {
                match stream.try_next().await {
                    Ok(Some(chunk)) if (content.len() + chunk.len()) as u64 <= blob.size => {
                        content.extend_from_slice(&chunk);
                    }
                    Ok(None) if Digest::of(&content) == blob.digest => return Ok(content.to_vec()),
                    Ok(_) => break "other content".to_owned(),
                    Err(error) => break error.to_string(),
                }
            };
        }
        Err(RegistryError::ContentMismatch {
            expected: blob.digest,
            found: problem,
        })
    }
}

/// Which right a role lacks; any other error stays one.
fn not_permitted(error: RegistryError) -> Result<Unknown, RegistryError> {
    match error {
        RegistryError::NotPermitted { action, .. } | RegistryError::SessionNotPermitted { action, .. } => {
            Ok(Unknown::NotPermitted { action })
        }
        error => Err(error),
    }
}
