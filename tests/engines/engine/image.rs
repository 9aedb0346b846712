//! An image as the registry has it, read for comparison.

use std::collections::BTreeMap;
use std::io::Read as _;

use flate2::read::MultiGzDecoder;
use serde_json::Value;
use tagship_domain::content::{Content, Manifest};
use tagship_domain::reference::Digest;

use test_support::fake::Fake;

/// One image in a registry.
pub(crate) struct Image {
    pub(crate) media_type: String,
    pub(crate) config: Value,
    /// Uncompressed, base first.
    pub(crate) layers: Vec<Vec<u8>>,
}

impl Image {
    pub(crate) fn read(registry: &Fake, digest: Digest) -> Self {
        let state = registry.state();
        let (media_type, bytes) = state.manifests[&digest].clone();
        let manifest = Manifest::new(media_type.clone(), bytes);
        assert_eq!(manifest.digest(), digest);
        let Content::Image(content) = manifest.content().unwrap() else {
            panic!("{media_type} is not a single image");
        };
        let config = serde_json::from_slice(&state.blobs[&content.config.digest]).unwrap();
        let layers = content
            .layers
            .iter()
            .map(|layer| plain(&state.blobs[&layer.digest]))
            .collect();
        Self {
            media_type,
            config,
            layers,
        }
    }

    /// The image in an archive of `docker save`.
    pub(crate) fn saved(archive: &[u8]) -> Self {
        let mut files = BTreeMap::new();
        for entry in tar::Archive::new(archive).entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            files.insert(entry.path().unwrap().display().to_string(), bytes);
        }
        let manifest: Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
        let layers = manifest[0]["Layers"].as_array().unwrap();
        Self {
            media_type: String::new(),
            config: serde_json::from_slice(&files[manifest[0]["Config"].as_str().unwrap()]).unwrap(),
            layers: layers
                .iter()
                .map(|layer| plain(&files[layer.as_str().unwrap()]))
                .collect(),
        }
    }

    /// The image of a manifest in an OCI layout, whose files are these.
    pub(crate) fn of_layout(files: &BTreeMap<String, Vec<u8>>, digest: &str) -> Self {
        let blob = |descriptor: &Value| &files[&path_of(descriptor["digest"].as_str().unwrap())];
        let manifest: Value = serde_json::from_slice(&files[&path_of(digest)]).unwrap();
        let layers = manifest["layers"].as_array().unwrap();
        Self {
            media_type: String::new(),
            config: serde_json::from_slice(blob(&manifest["config"])).unwrap(),
            layers: layers.iter().map(|layer| plain(blob(layer))).collect(),
        }
    }

    /// The content of a text file in the topmost layer that has it.
    pub(crate) fn file(&self, path: &str) -> Option<String> {
        self.bytes(path).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    /// The content of a file in the topmost layer that has it.
    pub(crate) fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        self.layers.iter().rev().find_map(|layer| {
            let mut archive = tar::Archive::new(&layer[..]);
            archive.entries().unwrap().find_map(|entry| {
                let mut entry = entry.unwrap();
                (*entry.path_bytes() == *path.as_bytes()).then(|| {
                    let mut bytes = Vec::new();
                    entry.read_to_end(&mut bytes).unwrap();
                    bytes
                })
            })
        })
    }
}

/// Where a blob is in an OCI layout.
pub(crate) fn path_of(digest: &str) -> String {
    format!("blobs/{}", digest.replace(':', "/"))
}

/// A layer without its compression, if it has one.
fn plain(blob: &[u8]) -> Vec<u8> {
    if !blob.starts_with(&[0x1f, 0x8b]) {
        return blob.to_vec();
    }
    let mut bytes = Vec::new();
    MultiGzDecoder::new(blob).read_to_end(&mut bytes).unwrap();
    bytes
}

/// Everything of a layer's entries but their times, in their order.
pub(crate) fn listing(layer: &[u8]) -> Vec<String> {
    let mut archive = tar::Archive::new(layer);
    archive
        .entries()
        .unwrap()
        .map(|entry| {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            let header = entry.header().clone();
            format!(
                "{:?} {} {:o} {}:{} {} -> {} {}",
                header.entry_type(),
                String::from_utf8_lossy(&entry.path_bytes()),
                header.mode().unwrap(),
                header.uid().unwrap(),
                header.gid().unwrap(),
                header.size().unwrap(),
                entry
                    .link_name_bytes()
                    .map_or(String::new(), |name| String::from_utf8_lossy(&name).into_owned()),
                Digest::of(&content)
            )
        })
        .collect()
}
