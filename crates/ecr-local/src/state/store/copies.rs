//! Images that are copied from one registry to another.

use jiff::Timestamp;
use redb::ReadableTable as _;

use super::schema::{LAYERS, REPOSITORIES};
use super::{ImagePush, Registry, RepeatedPush};
use crate::manifest::ParsedManifest;
use crate::refusal::{ImmutableWording, Refusal};
use crate::state::quirks::DigestRule;
use tagship_domain::reference::{Digest, RepositoryName, Tag};

/// How deep the indexes of an index are copied; what lies deeper is missing then.
const MAX_DEPTH: usize = 8;

/// An image to copy, of any registry and repository.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) repository: &'a RepositoryName,
    pub(crate) digest: Digest,
}

impl Registry {
    /// Copies an image with all that it refers to. Where the tag may not move, the image comes without it.
    pub(crate) fn copy_image(
        &self,
        source: Source<'_>,
        repository: &RepositoryName,
        tag: Option<&Tag>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        self.copy_deep(source, repository, tag, now, MAX_DEPTH)
    }

    fn copy_deep(
        &self,
        source: Source<'_>,
        repository: &RepositoryName,
        tag: Option<&Tag>,
        now: Timestamp,
        depth: usize,
    ) -> Result<(), Refusal> {
        let image = source
            .registry
            .image(source.repository, &source.digest.into())?
            .ok_or(Refusal::ManifestNotFound)?;
        let manifest = ParsedManifest::parse(image.bytes, Some(&image.media_type), DigestRule::Any)?
            .named_by(image.digest.algorithm());
        if let Some(depth) = depth.checked_sub(1) {
            for child in manifest.children() {
                if self.image(repository, &(*child).into())?.is_none() {
                    let child = Source {
                        digest: *child,
                        ..source
                    };
                    self.copy_deep(child, repository, None, now, depth)?;
                }
            }
        }
        self.copy_layers(source, repository, manifest.blobs())?;
        let push = ImagePush {
            registry: self.clone(),
            repository: repository.clone(),
            manifest,
            tag: tag.cloned(),
            digest: None,
            repeat: RepeatedPush::Accept,
            wording: ImmutableWording::default(),
            at: now,
        };
        match self.store.push_image(&push) {
            Err(Refusal::ImageTagAlreadyExists { .. }) => {
                self.store.push_image(&ImagePush { tag: None, ..push })
            }
            stored => stored,
        }
        .map(drop)
    }

    /// Blobs are files that all registries share, so only their names are copied.
    fn copy_layers(
        &self,
        source: Source<'_>,
        repository: &RepositoryName,
        digests: &[Digest],
    ) -> Result<(), Refusal> {
        let write = self.store.begin()?;
        self.repository_in(&write.open_table(REPOSITORIES)?, repository)?;
        {
            let mut layers = write.open_table(LAYERS)?;
            for digest in digests {
                let digest = digest.to_string();
                let from = (
                    source.registry.key.as_str(),
                    source.repository.as_str(),
                    digest.as_str(),
                );
                let size = layers.get(from)?.map(|size| size.value());
                if let Some(size) = size {
                    let to = (self.key.as_str(), repository.as_str(), digest.as_str());
                    layers.insert(to, size)?;
                }
            }
        }
        self.store.commit(write)
    }
}
