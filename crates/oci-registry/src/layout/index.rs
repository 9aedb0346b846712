//! The index of a layout, with the names of its images.

use serde_json::{Value, json};
use tagship_domain::content::{Descriptor, Manifest, OCI_INDEX};
use tagship_domain::reference::{Digest, Tag};

/// The annotation that holds a name. Source: OCI image spec, "Pre-Defined Annotation Keys".
const NAME: &str = "org.opencontainers.image.ref.name";

/// The most entries of a layout's own index.
const MAX_ENTRIES: usize = 10_000;

/// The index of a layout. What this crate does not know of is kept when it is changed.
#[derive(Debug, Clone)]
pub(super) struct LayoutIndex(Value);

/// One entry, with its tag if it has a name that ends with one.
pub(super) struct LayoutEntry {
    pub(super) descriptor: Descriptor,
    pub(super) tag: Option<Tag>,
}

impl LayoutIndex {
    /// An index of nothing.
    pub(super) fn empty() -> Self {
        Self(json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}))
    }

    /// Reads `index.json`; the error names what is wrong.
    pub(super) fn parse(content: &[u8]) -> Result<Self, String> {
        let index: Value = serde_json::from_slice(content).map_err(|error| error.to_string())?;
        let index = Self(index);
        index.check_count()?;
        index.read().map(|_| index)
    }

    /// Refuses an index with more entries than are read.
    pub(super) fn check_count(&self) -> Result<(), String> {
        match self.0["manifests"].as_array().map(Vec::len) {
            None => Err("it has no list of manifests".to_owned()),
            Some(count) if count > MAX_ENTRIES => Err(format!("it has more than {MAX_ENTRIES} manifests")),
            Some(_) => Ok(()),
        }
    }

    /// The bytes of `index.json`.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.0.to_string().into_bytes()
    }

    /// The entries, in their order; none that could not be read when the index was.
    pub(super) fn entries(&self) -> Vec<LayoutEntry> {
        self.read().unwrap_or_default()
    }

    fn read(&self) -> Result<Vec<LayoutEntry>, String> {
        let entries = self.0["manifests"].as_array().into_iter().flatten();
        entries
            .map(|entry| {
                let descriptor: Descriptor =
                    serde_json::from_value(entry.clone()).map_err(|error| error.to_string())?;
                let tag = descriptor.annotations.get(NAME).and_then(|name| tag_of(name));
                Ok(LayoutEntry { descriptor, tag })
            })
            .collect()
    }

    /// Lists a manifest; a tag leaves the entry that had it, which stays under its digest.
    pub(super) fn list(&mut self, manifest: &Manifest, tag: Option<&Tag>) {
        let digest = manifest.digest();
        let Some(entries) = self.0["manifests"].as_array_mut() else {
            return;
        };
        let is_ours = |entry: &Value| entry["digest"] == digest.to_string();
        let name = |entry: &Value| entry["annotations"][NAME].as_str().and_then(tag_of);
        let Some(tag) = tag else {
            if !entries.iter().any(is_ours) {
                entries.push(entry(manifest, digest));
            }
            return;
        };
        for entry in entries
            .iter_mut()
            .filter(|entry| name(entry).as_ref() == Some(tag))
        {
            if let Some(annotations) = entry["annotations"].as_object_mut() {
                annotations.remove(NAME);
                if annotations.is_empty()
                    && let Some(fields) = entry.as_object_mut()
                {
                    fields.remove("annotations");
                }
            }
        }
        // An entry without a name is the one that was waiting for it.
        entries.retain(|entry| !(is_ours(entry) && name(entry).is_none()));
        let mut entry = entry(manifest, digest);
        entry["annotations"] = json!({ NAME: tag });
        entries.push(entry);
    }
}

fn entry(manifest: &Manifest, digest: Digest) -> Value {
    json!(Descriptor::new(
        manifest.media_type(),
        digest,
        manifest.bytes().len() as u64
    ))
}

/// The tag that a name is or ends with, as `1.4.0` of `docker.io/library/app:1.4.0`.
fn tag_of(name: &str) -> Option<Tag> {
    let last = name.rsplit('/').next().unwrap_or(name);
    let tag = last.rsplit_once(':').map_or(last, |(_, tag)| tag);
    Tag::parse(tag).ok()
}
