//! The tables, and the records in them.

use jiff::Timestamp;
use redb::TableDefinition;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::refusal::Refusal;
use tagship_domain::reference::Digest;

/// Registry, repository and a name within it. Registry is `account/region`.
pub(super) type InRepository = (&'static str, &'static str, &'static str);

/// Registry, repository, subject's digest, referrer's digest.
pub(super) type Referrer = (&'static str, &'static str, &'static str, &'static str);

/// What belongs to the emulator as a whole: keys, the schema's version.
pub(super) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
/// Registry and name → the repository's settings.
pub(super) const REPOSITORIES: TableDefinition<'_, (&str, &str), &[u8]> =
    TableDefinition::new("repositories");
/// By digest → [`ManifestRecord`].
pub(super) const MANIFESTS: TableDefinition<'_, InRepository, &[u8]> = TableDefinition::new("manifests");
/// By digest → the manifest's exact bytes.
pub(super) const MANIFEST_BYTES: TableDefinition<'_, InRepository, &[u8]> =
    TableDefinition::new("manifest_bytes");
/// By tag → digest.
pub(super) const TAGS: TableDefinition<'_, InRepository, &str> = TableDefinition::new("tags");
/// By digest → size in bytes. A blob is in a repository only if it was uploaded there.
pub(super) const LAYERS: TableDefinition<'_, InRepository, u64> = TableDefinition::new("layers");
/// By the document's name → JSON. The repository is empty for what belongs to the registry.
pub(super) const DOCUMENTS: TableDefinition<'_, InRepository, &[u8]> = TableDefinition::new("documents");
/// The manifests that have a subject.
pub(super) const REFERRERS: TableDefinition<'_, Referrer, ()> = TableDefinition::new("referrers");

/// What is known of a manifest besides its bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ManifestRecord {
    pub(super) media_type: String,
    pub(super) pushed_at: Timestamp,
    /// Bytes of the config and the layers; of the largest child for an index.
    pub(super) size: u64,
    #[serde(default)]
    pub(super) artifact_type: Option<String>,
    /// The manifest that this one refers to.
    #[serde(default, deserialize_with = "any_digest")]
    pub(super) subject: Option<Digest>,
    /// The config and the layers that the registry holds.
    #[serde(default, deserialize_with = "any_digests")]
    pub(super) blobs: Vec<Digest>,
    /// The manifests of an index.
    #[serde(default, deserialize_with = "any_digests")]
    pub(super) children: Vec<Digest>,
    #[serde(default)]
    pub(super) annotations: std::collections::BTreeMap<String, String>,
}

/// Reads digests of any algorithm: which are taken was decided when the manifest came.
fn any_digests<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Digest>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let digests = texts.iter().map(|text| Digest::parse_any(text));
    digests.collect::<Result<_, _>>().map_err(D::Error::custom)
}

fn any_digest<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Digest>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let digest = text.map(|text| Digest::parse_any(&text));
    digest.transpose().map_err(D::Error::custom)
}

pub(super) fn encode<T: Serialize>(record: &T) -> Result<Vec<u8>, Refusal> {
    serde_json::to_vec(record).map_err(Refusal::state)
}

pub(super) fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Refusal> {
    serde_json::from_slice(bytes).map_err(Refusal::state)
}
