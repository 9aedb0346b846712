//! Images and tags that are deleted.

use redb::{ReadableTable as _, WriteTransaction};

use super::Registry;
use super::schema::{MANIFEST_BYTES, MANIFESTS, ManifestRecord, REFERRERS, REPOSITORIES, TAGS, decode};
use crate::refusal::Refusal;
use tagship_domain::reference::{Digest, Reference, RepositoryName, Tag};

/// What a deletion came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Deletion {
    /// These tags are gone; of the image too if its last one was among them, or it was named by digest.
    Done { digest: Digest, tags: Vec<String> },
    /// There is no such image.
    NotFound,
    /// An index has the image.
    Referenced,
}

impl Registry {
    /// Removes a tag, with its image if that was the last one; or an image by digest, with all its tags.
    ///
    /// An image that an index has is kept. Source: ECR API reference, `BatchDeleteImage`.
    pub(crate) fn delete_image(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<Deletion, Refusal> {
        let write = self.store.begin()?;
        self.repository_in(&write.open_table(REPOSITORIES)?, repository)?;
        let deletion = match reference {
            Reference::Tag(tag) => self.delete_tag(&write, repository, tag)?,
            Reference::Digest(digest) => self.delete_manifest(&write, repository, *digest)?,
        };
        if matches!(deletion, Deletion::Done { .. }) {
            self.store.commit(write)?;
        }
        Ok(deletion)
    }

    /// Removes a tag; its image stays.
    pub(crate) fn untag(&self, repository: &RepositoryName, tag: &Tag) -> Result<Deletion, Refusal> {
        let write = self.store.begin()?;
        self.repository_in(&write.open_table(REPOSITORIES)?, repository)?;
        let key = (self.key.as_str(), repository.as_str(), tag.as_str());
        let removed = write
            .open_table(TAGS)?
            .remove(key)?
            .map(|digest| Digest::parse_any(digest.value()).map_err(Refusal::state))
            .transpose()?;
        let Some(digest) = removed else {
            return Ok(Deletion::NotFound);
        };
        self.store.commit(write)?;
        Ok(Deletion::Done {
            digest,
            tags: vec![tag.to_string()],
        })
    }

    fn delete_tag(
        &self,
        write: &WriteTransaction,
        repository: &RepositoryName,
        tag: &Tag,
    ) -> Result<Deletion, Refusal> {
        let key = (self.key.as_str(), repository.as_str(), tag.as_str());
        let holder = write
            .open_table(TAGS)?
            .get(key)?
            .map(|digest| digest.value().to_owned());
        let Some(holder) = holder else {
            return Ok(Deletion::NotFound);
        };
        let digest = Digest::parse_any(&holder).map_err(Refusal::state)?;
        if self.tags_of(write, repository, digest)?.len() == 1 {
            return self.delete_manifest(write, repository, digest);
        }
        write.open_table(TAGS)?.remove(key)?;
        Ok(Deletion::Done {
            digest,
            tags: vec![tag.to_string()],
        })
    }

    fn delete_manifest(
        &self,
        write: &WriteTransaction,
        repository: &RepositoryName,
        digest: Digest,
    ) -> Result<Deletion, Refusal> {
        let text = digest.to_string();
        let key = (self.key.as_str(), repository.as_str(), text.as_str());
        let mut manifests = write.open_table(MANIFESTS)?;
        let mut subject = None;
        let mut found = false;
        for entry in manifests.range((key.0, key.1, "")..)? {
            let (other, record) = entry?;
            let other = other.value();
            if other.0 != key.0 || other.1 != key.1 {
                break;
            }
            let record: ManifestRecord = decode(record.value())?;
            if other.2 == text {
                found = true;
                subject = record.subject;
            } else if record.children.contains(&digest) {
                return Ok(Deletion::Referenced);
            }
        }
        if !found {
            return Ok(Deletion::NotFound);
        }
        manifests.remove(key)?;
        write.open_table(MANIFEST_BYTES)?.remove(key)?;
        if let Some(subject) = subject {
            let subject = subject.to_string();
            write
                .open_table(REFERRERS)?
                .remove((key.0, key.1, subject.as_str(), text.as_str()))?;
        }
        self.remove_documents_of(write, repository, &text)?;
        let removed = self.tags_of(write, repository, digest)?;
        let mut tags = write.open_table(TAGS)?;
        for tag in &removed {
            tags.remove((key.0, key.1, tag.as_str()))?;
        }
        Ok(Deletion::Done {
            digest,
            tags: removed,
        })
    }

    fn tags_of(
        &self,
        write: &WriteTransaction,
        repository: &RepositoryName,
        digest: Digest,
    ) -> Result<Vec<String>, Refusal> {
        let tags = write.open_table(TAGS)?;
        let digest = digest.to_string();
        let mut found = Vec::new();
        for entry in tags.range((self.key.as_str(), repository.as_str(), "")..)? {
            let (key, holder) = entry?;
            let key = key.value();
            if key.0 != self.key || key.1 != repository.as_str() {
                break;
            }
            if holder.value() == digest {
                found.push(key.2.to_owned());
            }
        }
        Ok(found)
    }
}
