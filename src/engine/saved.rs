//! An archive with the list of `docker save`: of any Docker out of a classic store, of podman, skopeo, crane and others.
//!
//! Source: Docker Image Specification v1.2, "Combined Image JSON + Filesystem Changeset Format".

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use serde::Deserialize;
use tokio::io::AsyncRead;

use crate::ports::{ArchiveNames, BuildError, ImageArchive};
use crate::regular_file;
use oci_registry::MAX_SMALL_BLOB;
use tagship_domain::content::Platform;
use tagship_domain::reference::Digest;

/// The most bytes of `manifest.json`, which has a few lines for each image.
const MAX_LIST_BYTES: u64 = 1024 * 1024;
/// The most entries of an archive; the largest official images have a few hundred.
const MAX_ENTRIES: usize = 20_000;

/// An image in an archive of `docker save`.
#[derive(Debug)]
pub struct SavedImage {
    /// Its platform.
    pub platform: Option<Platform>,
    /// The labels of its config.
    pub labels: BTreeMap<String, String>,
    /// Its names, such as `team/app:1.4.0`.
    pub names: Vec<String>,
    path: PathBuf,
    id: Digest,
    diff_ids: Vec<Digest>,
    file_names: ArchiveNames,
}

/// Why an archive cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SavedProblem {
    /// It cannot be read at all.
    #[error(transparent)]
    Unreadable(#[from] io::Error),
    /// It is something else.
    #[error("{0}")]
    Other(String),
}

/// Source: Docker Image Specification v1.2, `manifest.json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedImage {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct ImageConfig {
    #[serde(flatten)]
    platform: Option<Platform>,
    config: Option<ContainerConfig>,
    rootfs: RootFs,
}

#[derive(Deserialize)]
struct ContainerConfig {
    #[serde(rename = "Labels")]
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct RootFs {
    diff_ids: Option<Vec<Digest>>,
}

impl SavedImage {
    /// Finds the images of an archive. Nothing is unpacked.
    pub fn all(path: &Path) -> Result<Vec<Self>, SavedProblem> {
        let other = |problem: &str| SavedProblem::Other(problem.to_owned());
        let list = read(path, &["manifest.json".to_owned()], MAX_LIST_BYTES)?;
        let list = list
            .get("manifest.json")
            .ok_or_else(|| other("it has no `manifest.json`"))?;
        let list: Vec<ListedImage> = serde_json::from_slice(list)
            .map_err(|error| SavedProblem::Other(format!("its `manifest.json`: {error}")))?;
        let names: Vec<String> = list.iter().map(|image| image.config.clone()).collect();
        let configs = read(path, &names, MAX_SMALL_BLOB)?;
        list.into_iter()
            .map(|image| {
                let config = configs.get(&image.config);
                let config = config.ok_or_else(|| other("it lacks the config of an image"))?;
                let parsed: ImageConfig = serde_json::from_slice(config)
                    .map_err(|error| SavedProblem::Other(format!("the config of an image: {error}")))?;
                let diff_ids = parsed.rootfs.diff_ids.unwrap_or_default();
                let layers = image.layers.unwrap_or_default();
                if layers.len() != diff_ids.len() {
                    return Err(other(
                        "its list and the config of an image have not as many layers",
                    ));
                }
                let mut file_names = ArchiveNames {
                    config: image.config,
                    layers: BTreeMap::new(),
                };
                for (name, diff_id) in layers.into_iter().zip(&diff_ids) {
                    let known = file_names.layers.insert(name, *diff_id);
                    if known.is_some_and(|known| known != *diff_id) {
                        return Err(other("its list has one file for two layers"));
                    }
                }
                Ok(Self {
                    platform: parsed.platform,
                    labels: parsed.config.and_then(|config| config.labels).unwrap_or_default(),
                    names: image.repo_tags.unwrap_or_default(),
                    path: path.to_owned(),
                    id: Digest::of(config),
                    diff_ids,
                    file_names,
                })
            })
            .collect()
    }
}

/// The content of those files of an archive that have one of these names.
fn read(path: &Path, names: &[String], limit: u64) -> Result<BTreeMap<String, Vec<u8>>, SavedProblem> {
    let file = regular_file::open(path)?;
    let mut found = BTreeMap::new();
    let mut archive = tar::Archive::new(file);
    for (number, entry) in archive.entries_with_seek()?.enumerate() {
        let mut entry =
            entry.map_err(|error| SavedProblem::Other(format!("it is no tar archive: {error}")))?;
        let name = entry.path()?.to_string_lossy().into_owned();
        let name = name.strip_prefix("./").map(str::to_owned).unwrap_or(name);
        if number >= MAX_ENTRIES {
            return Err(SavedProblem::Other("it has too many files".to_owned()));
        }
        if !entry.header().entry_type().is_file() || !names.contains(&name) {
            continue;
        }
        if entry.size() > limit {
            return Err(SavedProblem::Other(format!(
                "`{}` is too large",
                name.escape_debug()
            )));
        }
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        found.insert(name, content);
    }
    Ok(found)
}

#[async_trait]
impl ImageArchive for SavedImage {
    fn image_id(&self) -> Digest {
        self.id
    }

    fn diff_ids(&self) -> &[Digest] {
        &self.diff_ids
    }

    fn names(&self) -> Option<&ArchiveNames> {
        Some(&self.file_names)
    }

    async fn open(&self) -> Result<Box<dyn AsyncRead + Send + Unpin>, BuildError> {
        let file: io::Result<File> = regular_file::open(&self.path);
        let file = file.map_err(|error| BuildError::Archive {
            image: self.id,
            message: error.to_string(),
        })?;
        Ok(Box::new(tokio::fs::File::from_std(file)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn archive(entries: &[(&str, &[u8])]) -> tempfile::NamedTempFile {
        let mut builder = tar::Builder::new(tempfile::NamedTempFile::new().unwrap());
        for (name, content) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            builder.append_data(&mut header, name, *content).unwrap();
        }
        builder.into_inner().unwrap()
    }

    /// Source: Docker Image Specification v1.2; the names of files are those of Docker 24, and of 25.
    #[test]
    fn images_are_found_with_their_names_and_labels() {
        let diff_id = Digest::of(b"layer");
        let config = json!({
            "os": "linux", "architecture": "arm64", "config": {"Labels": {"a": "b"}},
            "rootfs": {"type": "layers", "diff_ids": [diff_id]},
        });
        let config = config.to_string().into_bytes();
        let id = Digest::of(&config);
        for name in [format!("{}.json", id.hex()), format!("blobs/sha256/{}", id.hex())] {
            let list = json!([{"Config": name, "RepoTags": ["team/app:1.4.0"], "Layers": ["x/layer.tar"]}]);
            let list = list.to_string().into_bytes();
            let file = archive(&[
                (&name, &config),
                ("x/layer.tar", b"layer"),
                ("manifest.json", &list),
            ]);
            let images = SavedImage::all(file.path()).unwrap();
            let [image] = images.as_slice() else {
                panic!("{images:?}")
            };
            assert_eq!((image.image_id(), image.diff_ids()), (id, &[diff_id][..]));
            assert_eq!(image.names, ["team/app:1.4.0"]);
            assert_eq!(image.labels["a"], "b");
            assert_eq!(image.platform.as_ref().unwrap().to_string(), "linux/arm64");
        }
    }

    #[test]
    fn what_is_something_else_is_named() {
        let huge = vec![b' '; 1024 * 1024 + 1];
        for (file, expected) in [
            (archive(&[]), "has no `manifest.json`"),
            (archive(&[("manifest.json", b"{}")]), "its `manifest.json`"),
            (
                archive(&[("manifest.json", br#"[{"Config": "../x"}]"#)]),
                "lacks the config",
            ),
            (archive(&[("manifest.json", &huge)]), "is too large"),
            (
                archive(&[
                    (
                        "manifest.json",
                        br#"[{"Config": "c", "Layers": ["a.tar", "b.tar"]}]"#,
                    ),
                    ("c", br#"{"rootfs": {"diff_ids": []}}"#),
                ]),
                "not as many layers",
            ),
        ] {
            let error = SavedImage::all(file.path()).unwrap_err().to_string();
            assert!(error.contains(expected), "{expected}: {error}");
        }
    }
}
