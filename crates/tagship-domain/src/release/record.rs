//! What programs read of a release: the image by its digest.

use std::collections::BTreeMap;

use semver::Version;
use serde::Serialize;

use crate::facts::{CommitId, PlatformManifest};
use crate::reference::{Digest, ImageName, Tag};
use crate::untrusted;

/// The name of the asset that holds an [`ImageRecord`].
pub const RECORD_NAME: &str = "image.json";

/// The image of a release. The same release has the same record, byte for byte, whichever run writes it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ImageRecord<'a> {
    /// The version.
    pub version: &'a Version,
    /// The commit.
    pub revision: &'a CommitId,
    /// `host/repository@digest`.
    pub image: String,
    /// The manifest's digest.
    pub digest: Digest,
    /// The tags that promise to stay.
    pub tags: Vec<&'a Tag>,
    /// The digest for each platform.
    pub manifests: BTreeMap<String, Digest>,
}

impl<'a> ImageRecord<'a> {
    /// Records an image.
    pub fn new(
        (version, revision): (&'a Version, &'a CommitId),
        (image, digest): (&ImageName, Digest),
        tags: impl IntoIterator<Item = &'a Tag>,
        platforms: &[PlatformManifest],
    ) -> Self {
        Self {
            version,
            revision,
            image: image.at(digest).to_string(),
            digest,
            tags: tags.into_iter().collect(),
            manifests: platforms
                .iter()
                .map(|one| (one.platform.to_string(), one.digest))
                .collect(),
        }
    }

    /// The record as JSON, with a line end.
    pub fn json(&self) -> String {
        untrusted::json(&serde_json::json!(self)) + "\n"
    }
}
