//! Manifests as a registry reads them: only as far as its rules need.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize;

use crate::refusal::Refusal;
use crate::state::quirks::DigestRule;
use tagship_domain::content::{DOCKER_LIST, DOCKER_MANIFEST, MAX_MANIFEST_BYTES, OCI_INDEX, OCI_MANIFEST};
use tagship_domain::reference::{Digest, DigestAlgorithm};

/// A manifest or index whose form the registry takes.
#[derive(Debug, Clone)]
pub(crate) struct ParsedManifest {
    bytes: Bytes,
    digest: Digest,
    media_type: String,
    blobs: Vec<Digest>,
    children: Vec<Digest>,
    subject: Option<Digest>,
    artifact_type: Option<String>,
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    schema_version: u32,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<ContentEntry>,
    layers: Option<Vec<ContentEntry>>,
    manifests: Option<Vec<ContentEntry>>,
    subject: Option<ContentEntry>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContentEntry {
    media_type: String,
    digest: String,
    /// Where a layer is that registries do not hold.
    urls: Option<Vec<String>>,
}

impl ParsedManifest {
    /// Reads a manifest that came with `stated` as its media type; its digest is SHA-256.
    ///
    /// The type in the document counts; where it has none the stated one must be given.
    /// Source: ECR API reference, `PutImage`, `imageManifestMediaType`.
    pub(crate) fn parse(bytes: Bytes, stated: Option<&str>, digests: DigestRule) -> Result<Self, Refusal> {
        let invalid = |constraint: &str| Refusal::parameter("ImageManifest", constraint);
        let digest_of = |entry: &ContentEntry| {
            let digest = digests.parse(&entry.digest);
            digest.map_err(|_not_taken| invalid("Invalid JSON syntax"))
        };
        if bytes.is_empty() || bytes.len() > MAX_MANIFEST_BYTES {
            return Err(invalid("Member must have length between 1 and 4194304"));
        }
        let document: Document =
            serde_json::from_slice(&bytes).map_err(|_not_json| invalid("Invalid JSON syntax"))?;
        if document.schema_version != 2 {
            return Err(invalid("Unsupported schema version"));
        }
        let media_type = document
            .media_type
            .as_deref()
            .or(stated)
            .ok_or_else(|| Refusal::parameter("ImageManifestMediaType", "Member must not be null"))?
            .to_owned();
        if stated.is_some_and(|stated| stated != media_type) {
            return Err(Refusal::parameter(
                "ImageManifestMediaType",
                "must be the manifest's own media type",
            ));
        }
        let mut parsed = Self {
            digest: Digest::of(&bytes),
            bytes,
            blobs: Vec::new(),
            children: Vec::new(),
            subject: document.subject.as_ref().map(digest_of).transpose()?,
            artifact_type: document.artifact_type,
            annotations: document.annotations,
            media_type,
        };
        match (parsed.media_type.as_str(), document.manifests, document.config) {
            (OCI_INDEX | DOCKER_LIST, Some(manifests), None) => {
                parsed.children = manifests.iter().map(digest_of).collect::<Result<_, _>>()?;
            }
            (OCI_MANIFEST | DOCKER_MANIFEST, None, Some(config)) => {
                // An artifact's type is that of its config where the manifest has none of its own.
                // Source: OCI distribution spec, "Listing Referrers".
                parsed.blobs.push(digest_of(&config)?);
                parsed.artifact_type.get_or_insert(config.media_type);
                let layers = document.layers.ok_or_else(|| invalid("Invalid JSON syntax"))?;
                for layer in &layers {
                    let digest = digest_of(layer)?;
                    if layer.urls.as_ref().is_none_or(Vec::is_empty) {
                        parsed.blobs.push(digest);
                    }
                }
            }
            _ => return Err(invalid("Invalid JSON syntax")),
        }
        Ok(parsed)
    }

    /// The same, named by a digest of this algorithm.
    pub(crate) fn named_by(mut self, algorithm: DigestAlgorithm) -> Self {
        self.digest = Digest::of_as(algorithm, &self.bytes);
        self
    }

    pub(crate) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    pub(crate) fn digest(&self) -> Digest {
        self.digest
    }

    pub(crate) fn media_type(&self) -> &str {
        &self.media_type
    }

    /// The config and the layers that the registry must hold.
    pub(crate) fn blobs(&self) -> &[Digest] {
        &self.blobs
    }

    /// The manifests of an index.
    pub(crate) fn children(&self) -> &[Digest] {
        &self.children
    }

    /// The manifest that this one refers to.
    pub(crate) fn subject(&self) -> Option<Digest> {
        self.subject
    }

    pub(crate) fn artifact_type(&self) -> Option<&str> {
        self.artifact_type.as_deref()
    }

    pub(crate) fn annotations(&self) -> &BTreeMap<String, String> {
        &self.annotations
    }
}
