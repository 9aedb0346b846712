//! Artifacts that are no container images, in the form that the tools that use them expect: Helm charts and WebAssembly.
//!
//! The same file always makes the same manifest, so that a second push finds the first one's.

mod chart;
mod wasm;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::content::{Descriptor, Manifest, OCI_MANIFEST};
use crate::reference::Digest;

pub use chart::{CHART_CONTENT, CHART_PROVENANCE, Chart, InvalidChart};
pub use wasm::{InvalidWasm, WASM, wasm};

/// What an artifact is made of, beside the file itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The config's media type.
    pub config_type: &'static str,
    /// The config.
    pub config: Vec<u8>,
    /// What the manifest says of it.
    pub annotations: BTreeMap<String, String>,
}

impl Artifact {
    /// Returns the manifest of the artifact with these layers.
    pub fn manifest(&self, layers: &[Descriptor]) -> Manifest {
        let manifest = ArtifactManifest {
            schema_version: 2,
            media_type: OCI_MANIFEST,
            config: Descriptor::new(
                self.config_type,
                Digest::of(&self.config),
                self.config.len() as u64,
            ),
            layers,
            annotations: &self.annotations,
        };
        // Texts, numbers and lists of them: there is nothing that could fail.
        let bytes = serde_json::to_vec(&manifest).unwrap_or_default();
        Manifest::new(OCI_MANIFEST, bytes)
    }
}

/// Source: OCI image spec, "Image Manifest".
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactManifest<'a> {
    schema_version: u8,
    media_type: &'static str,
    config: Descriptor,
    layers: &'a [Descriptor],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: &'a BTreeMap<String, String>,
}
