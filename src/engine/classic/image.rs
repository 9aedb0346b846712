//! An image on its way into the registry.

use std::collections::{BTreeMap, HashMap, HashSet};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::config;
use super::epoch::Epoch;
use super::failure::Failure;
use crate::ports::{ArchiveNames, RegistryError, WriteRepository};
use tagship_domain::content::{Descriptor, Manifest, OCI_CONFIG, OCI_MANIFEST};
use tagship_domain::reference::Digest;
use tagship_domain::tags::label_annotations;

/// An image on its way into the registry: what of it is there already.
pub(super) struct ImageTransfer {
    id: Digest,
    diff_ids: Vec<Digest>,
    /// Layers that are uploaded, or on their way, by the diff-id that the engine has for them.
    layers: HashMap<Digest, Layer>,
    /// The archive's paths of those layers, for archives whose paths do not tell the diff-id.
    paths: HashSet<String>,
    config: Option<Bytes>,
    /// What the archive's files are called, if it says so.
    names: Option<ArchiveNames>,
}

/// A layer as it is in the registry.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    pub(super) diff_id: Digest,
    pub(super) descriptor: Descriptor,
    /// What it is like in the engine, if this tool has read it.
    pub(super) original: Option<Original>,
}

/// A layer as the engine has it, uncompressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Original {
    /// The digest of its first 64 KiB, or of all when there are fewer.
    pub(super) beginning: Digest,
    /// Its length in bytes.
    pub(super) length: u64,
}

/// What an entry of an archive is to an image.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum EntryRole {
    /// The config.
    Config,
    /// A layer that is not in the registry yet, with its diff-id if the path names it.
    Layer(Option<Digest>),
    /// A layer that is there, of which it is not known what it is like in the engine.
    Known(Digest),
    /// Nothing that is needed.
    Other,
}

impl ImageTransfer {
    pub(super) fn new(id: Digest, diff_ids: &[Digest]) -> Self {
        Self {
            id,
            diff_ids: diff_ids.to_vec(),
            layers: HashMap::new(),
            paths: HashSet::new(),
            config: None,
            names: None,
        }
    }

    /// The same in an archive whose files are called so.
    pub(super) fn named(self, names: Option<&ArchiveNames>) -> Self {
        Self {
            names: names.cloned(),
            ..self
        }
    }

    /// Whether layers may be compressed in the archive: in those of engines that are asked none is.
    pub(super) fn may_be_compressed(&self) -> bool {
        self.names.is_some()
    }

    /// How many parts are there.
    pub(super) fn parts(&self) -> usize {
        self.layers.len() + usize::from(self.config.is_some())
    }

    pub(super) fn is_complete(&self) -> bool {
        self.missing_part().is_none()
    }

    /// The digest of one part that is not there yet.
    pub(super) fn missing_part(&self) -> Option<Digest> {
        let has_layer = |diff_id: &&Digest| !self.layers.contains_key(*diff_id);
        let without_config = self.config.is_none().then_some(self.id);
        without_config.or_else(|| self.diff_ids.iter().find(has_layer).copied())
    }

    /// What the file at `path` of an archive is, in any of the layouts of `docker save`.
    ///
    /// Source: Docker Image Specification v1.2, "Combined Image JSON + Filesystem Changeset Format" (Docker Engine up
    /// to 24); OCI image layout spec (from 25 on, where a layer's name is the digest of the uncompressed layer).
    pub(super) fn place_of(&self, path: &str) -> EntryRole {
        if let Some(names) = &self.names {
            let path = path.strip_prefix("./").unwrap_or(path);
            return match names.layers.get(path) {
                _ if names.config == path => EntryRole::Config,
                Some(diff_id) if self.lacks_layer(diff_id) => EntryRole::Layer(Some(*diff_id)),
                _ => EntryRole::Other,
            };
        }
        if let Some(hex) = path.strip_prefix("blobs/sha256/") {
            return match Digest::parse(&format!("sha256:{hex}")) {
                Ok(digest) if digest == self.id => EntryRole::Config,
                Ok(digest) if self.lacks_layer(&digest) => EntryRole::Layer(Some(digest)),
                Ok(digest) if self.layer(&digest).is_some_and(|layer| layer.original.is_none()) => {
                    EntryRole::Known(digest)
                }
                _ => EntryRole::Other,
            };
        }
        if path.strip_suffix(".json") == Some(&self.id.hex()) {
            return EntryRole::Config;
        }
        if path.ends_with("/layer.tar") && !self.paths.contains(path) && self.lacks_layers() {
            return EntryRole::Layer(None);
        }
        EntryRole::Other
    }

    fn lacks_layer(&self, diff_id: &Digest) -> bool {
        self.diff_ids.contains(diff_id) && !self.layers.contains_key(diff_id)
    }

    /// Whether a layer is missing.
    pub(super) fn lacks_layers(&self) -> bool {
        self.diff_ids.iter().any(|diff_id| self.lacks_layer(diff_id))
    }

    /// Whether it is not known of every layer what it is like in the engine.
    pub(super) fn lacks_originals(&self) -> bool {
        self.layers.values().any(|layer| layer.original.is_none())
    }

    /// The diff-ids that the engine has for all layers, base first.
    pub(super) fn diff_ids(&self) -> &[Digest] {
        &self.diff_ids
    }

    /// A layer that is there, by the diff-id that the engine has for it.
    pub(super) fn layer(&self, diff_id: &Digest) -> Option<&Layer> {
        self.layers.get(diff_id)
    }

    /// The length of the layers that are there, in bytes; compressed where the other is not known.
    pub(super) fn known_length(&self) -> u64 {
        let length = |layer: &Layer| {
            layer
                .original
                .map_or(layer.descriptor.size, |original| original.length)
        };
        self.layers.values().map(length).fold(0, u64::saturating_add)
    }

    /// Notes a layer on its way that came without a name; whether it is one that was missing.
    pub(super) fn take_layer(&mut self, found: Digest, layer: &Layer) -> bool {
        let is_missing = self.lacks_layer(&found);
        if is_missing {
            self.layers.insert(found, layer.clone());
        }
        is_missing
    }

    /// Notes a layer that is in the registry.
    pub(super) fn know_layer(&mut self, found: Digest, layer: Layer) {
        self.layers.insert(found, layer);
    }

    /// Notes what a layer is like in the engine.
    pub(super) fn note_original(&mut self, diff_id: &Digest, original: Original) {
        if let Some(layer) = self.layers.get_mut(diff_id) {
            layer.original = Some(original);
        }
    }

    /// Takes a layer back whose upload failed.
    pub(super) fn forget_layer(&mut self, found: &Digest) {
        self.layers.remove(found);
        self.paths.clear();
    }

    /// The layers by the diff-id that the engine has for them.
    pub(super) fn layers(&self) -> impl Iterator<Item = (&Digest, &Layer)> {
        self.layers.iter()
    }

    /// Notes a layer on its way that was found at `path` with the diff-id `found`. `expected` is the one that the path names.
    pub(super) fn add_layer(
        &mut self,
        path: String,
        expected: Option<Digest>,
        found: Digest,
        layer: Layer,
    ) -> Result<(), Failure> {
        if !self.diff_ids.contains(&found) || expected.is_some_and(|expected| expected != found) {
            return Err(Failure::malformed(format!(
                "has a layer with the digest `{found}`, which the image does not have"
            )));
        }
        self.paths.insert(path);
        // One that is there already may have another blob.
        let original = layer.original;
        let kept = self.layers.entry(found).or_insert(layer);
        kept.original = kept.original.or(original);
        Ok(())
    }

    /// Notes the config. It must be the one that the image's id names, and list the image's layers.
    pub(super) fn add_config(&mut self, config: Bytes) -> Result<(), Failure> {
        let found = Digest::of(&config);
        if found != self.id {
            return Err(Failure::malformed(format!(
                "has the config `{found}` in place of `{}`",
                self.id
            )));
        }
        let parsed: Config = serde_json::from_slice(&config)
            .map_err(|error| Failure::malformed(format!("has a config that cannot be read: {error}")))?;
        if parsed.rootfs.diff_ids.unwrap_or_default() != self.diff_ids {
            return Err(Failure::malformed(
                "has a config with other layers than the image",
            ));
        }
        self.config = Some(config);
        Ok(())
    }

    /// Puts the config and gives the manifest: always the same bytes for the same image.
    pub(super) async fn manifest(
        &self,
        registry: &dyn WriteRepository,
        epoch: Epoch,
    ) -> Result<Manifest, RegistryError> {
        let broken = |error: serde_json::Error| RegistryError::Source(error.to_string());
        let incomplete = |digest| RegistryError::Source(format!("the image archive has no `{digest}`"));
        let config = self.config.as_ref().ok_or_else(|| incomplete(self.id))?;
        let layers: Vec<&Layer> = self
            .diff_ids
            .iter()
            .map(|diff_id| self.layers.get(diff_id).ok_or_else(|| incomplete(*diff_id)))
            .collect::<Result<_, _>>()?;
        let diff_ids: Vec<Digest> = layers.iter().map(|layer| layer.diff_id).collect();
        let config = config::rewritten(config, &diff_ids, epoch).map_err(broken)?;
        let manifest = NewManifest {
            schema_version: 2,
            media_type: OCI_MANIFEST,
            config: &Descriptor::new(OCI_CONFIG, Digest::of(&config), config.len() as u64),
            layers: layers.iter().map(|layer| &layer.descriptor).collect(),
            annotations: annotations(&config),
        };
        let bytes = serde_json::to_vec(&manifest).map_err(broken)?;
        registry.put_blob(config).await?;
        Ok(Manifest::new(OCI_MANIFEST, bytes))
    }
}

#[derive(Deserialize)]
struct Config {
    rootfs: RootFs,
}

#[derive(Deserialize)]
struct RootFs {
    diff_ids: Option<Vec<Digest>>,
}

/// Source: OCI image spec, "Image Manifest".
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewManifest<'a> {
    schema_version: u8,
    media_type: &'static str,
    config: &'a Descriptor,
    layers: Vec<&'a Descriptor>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

/// The annotations that repeat the labels of an image that Tagship made.
fn annotations(config: &[u8]) -> BTreeMap<String, String> {
    #[derive(Default, Deserialize)]
    struct Labelled {
        #[serde(default)]
        config: Option<Labels>,
    }
    #[derive(Deserialize)]
    struct Labels {
        #[serde(rename = "Labels", default)]
        labels: Option<BTreeMap<String, String>>,
    }
    let labelled: Labelled = serde_json::from_slice(config).unwrap_or_default();
    let labels = labelled
        .config
        .and_then(|config| config.labels)
        .unwrap_or_default();
    let own = label_annotations(&labels, false).into_iter();
    own.filter_map(|one| Some((one.option.strip_prefix("annotation.")?.to_owned(), one.value)))
        .collect()
}
