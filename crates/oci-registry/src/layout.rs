//! Images in an OCI image layout: a folder, or a tar archive of one. Source: OCI image spec, "Image Layout".
//!
//! A layout is read where it lies. No link is followed, nothing of an archive is unpacked, and whatever is read is checked
//! against its digest by who takes it. A folder is written blob by blob, each under its name only when it is whole; an
//! archive is put together beside its place, and moved there when all of it is written. Several processes may write to one
//! folder at the same time: its index is changed under a lock.

mod files;
mod index;
mod lock;
mod problem;
mod write;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use serde::Deserialize;

use self::files::{Extent, Files};
use self::index::{LayoutEntry, LayoutIndex};
pub use self::problem::LayoutProblem;
use self::write::Staging;
use super::error::RegistryError;
use super::reads::MAX_SMALL_BLOB;
use super::repository::{BlobStream, ReadRepository, ReadWhole};
use tagship_domain::content::{Descriptor, MAX_MANIFEST_BYTES, Manifest, OCI_INDEX, OCI_MANIFEST};
use tagship_domain::reference::{Digest, Tag};

/// The most bytes of `oci-layout`.
const MAX_MARKER_BYTES: u64 = 4096;

/// The most bytes of `index.json`.
const MAX_INDEX_BYTES: u64 = 16 * 1024 * 1024;

/// An OCI image layout.
pub struct OciLayout {
    path: PathBuf,
    files: Files,
    /// The index when it was opened.
    index: LayoutIndex,
    /// Where it is written, if it may be.
    staging: Option<Staging>,
}

/// What makes a folder a layout. Source: OCI image spec, "oci-layout file".
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Marker {
    image_layout_version: String,
}

/// The parts of a manifest that say what it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kind {
    media_type: Option<String>,
    manifests: Option<serde::de::IgnoredAny>,
}

impl OciLayout {
    /// Opens a layout in a folder or an archive, to be read.
    pub fn open(path: &Path) -> Result<Self, RegistryError> {
        let unusable = |problem: LayoutProblem| unusable(path, problem);
        let real = path.canonicalize().map_err(|error| {
            unusable(match error.kind() {
                io::ErrorKind::NotFound => LayoutProblem::Absent,
                _ => error.to_string().into(),
            })
        })?;
        let files = if real.is_dir() {
            Files::Folder(real)
        } else {
            Files::archive(&real).map_err(|problem| unusable(problem.into()))?
        };
        let index = read_index(&files).map_err(unusable)?;
        let index = index.ok_or_else(|| {
            let has = |name: &str| matches!(files.find(name), Ok(Some(_)));
            unusable(if has("manifest.json") {
                LayoutProblem::OldArchive
            } else if read_marker(&files).is_ok_and(|marker| marker) {
                LayoutProblem::BrokenOff
            } else {
                LayoutProblem::NoLayout("index.json")
            })
        })?;
        Ok(Self {
            path: path.to_owned(),
            files,
            index,
            staging: None,
        })
    }

    /// Opens the layout in a folder, which is made when it is first written, to be added to.
    pub fn open_or_create(path: &Path) -> Result<Self, RegistryError> {
        let unusable = |problem: LayoutProblem| unusable(path, problem);
        let staging = Staging::folder(path).map_err(|problem| unusable(problem.into()))?;
        let files = Files::Folder(staging.root().to_owned());
        let index = match read_index(&files).map_err(unusable)? {
            Some(index) => index,
            // The first that a copy writes is the marker, and the last the index.
            None if staging.is_empty() || read_marker(&files).map_err(unusable)? => LayoutIndex::empty(),
            None => return Err(unusable(LayoutProblem::Occupied)),
        };
        Ok(Self {
            path: path.to_owned(),
            files,
            index,
            staging: Some(staging),
        })
    }

    /// Begins an archive, which is at `path` only after [`OciLayout::finish`], and must not be there yet.
    pub fn create_archive(path: &Path) -> Result<Self, RegistryError> {
        let staging = Staging::archive(path).map_err(|problem| unusable(path, problem))?;
        Ok(Self {
            path: path.to_owned(),
            files: Files::Folder(staging.root().to_owned()),
            index: LayoutIndex::empty(),
            staging: Some(staging),
        })
    }

    /// Puts an archive in its place, if anything was written; a folder is in its place already.
    pub fn finish(self) -> Result<(), RegistryError> {
        match self.staging {
            Some(staging) => staging.finish().map_err(|problem| unusable(&self.path, problem)),
            None => Ok(()),
        }
    }

    /// Returns the tag of the only image, or `None` where it has none. An error where there are several.
    pub async fn only(&self) -> Result<(Option<Tag>, Manifest), RegistryError> {
        let entries = self.entries()?;
        let mut digests: Vec<Digest> = entries.iter().map(|entry| entry.descriptor.digest).collect();
        digests.sort_unstable();
        digests.dedup();
        let ([digest], Some(first)) = (
            digests.as_slice(),
            entries
                .iter()
                .find(|entry| entry.tag.is_some())
                .or(entries.first()),
        ) else {
            let tags = entries
                .iter()
                .filter_map(|entry| Some(entry.tag.as_ref()?.to_string()));
            return Err(self.unusable(LayoutProblem::Ambiguous {
                count: digests.len(),
                tags: tags.collect(),
            }));
        };
        let manifest = self.manifest(digest).await?;
        let manifest = manifest.ok_or_else(|| self.lacks(*digest))?;
        Ok((first.tag.clone(), manifest))
    }

    /// The index: of a layout that is written as it is now, whoever has changed it.
    fn index(&self) -> Result<Cow<'_, LayoutIndex>, RegistryError> {
        if self.staging.is_none() {
            return Ok(Cow::Borrowed(&self.index));
        }
        let index = read_index(&self.files).map_err(|problem| self.unusable(problem))?;
        Ok(index.map_or(Cow::Borrowed(&self.index), Cow::Owned))
    }

    fn entries(&self) -> Result<Vec<LayoutEntry>, RegistryError> {
        Ok(self.index()?.entries())
    }

    fn unusable(&self, problem: impl Into<LayoutProblem>) -> RegistryError {
        unusable(&self.path, problem)
    }

    fn lacks(&self, digest: Digest) -> RegistryError {
        self.unusable(LayoutProblem::Lacks { digest })
    }

    fn altered(&self, digest: Digest, found: String) -> RegistryError {
        self.unusable(LayoutProblem::Altered { digest, found })
    }

    fn find(&self, digest: &Digest) -> Result<Option<Extent>, RegistryError> {
        let found = self.files.find(&blob_name(digest));
        found.map_err(|problem| self.unusable(problem))
    }

    async fn read(&self, digest: &Digest, limit: u64) -> Result<Option<Bytes>, RegistryError> {
        let Some(extent) = self.find(digest)? else {
            return Ok(None);
        };
        let content = extent.read(limit).await;
        let content = content.map_err(|error| self.unusable(format!("`{}`: {error}", blob_name(digest))))?;
        let found = Digest::of(&content);
        if found != *digest {
            return Err(self.altered(*digest, found.to_string()));
        }
        Ok(Some(content))
    }
}

impl fmt::Debug for OciLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OciLayout({})", self.path.display())
    }
}

#[async_trait]
impl ReadRepository for OciLayout {
    async fn resolve(&self, tags: &[Tag]) -> Result<BTreeMap<Tag, Manifest>, RegistryError> {
        let mut found = BTreeMap::new();
        for LayoutEntry { descriptor, tag } in self.entries()? {
            let Some(tag) = tag.filter(|tag| tags.contains(tag)) else {
                continue;
            };
            let digest = descriptor.digest;
            let manifest = self.manifest(&digest).await?;
            let manifest = manifest.ok_or_else(|| self.lacks(digest))?;
            // `docker save` of two names with one tag: the first that comes would be a guess.
            match found.insert(tag.clone(), manifest) {
                Some(known) if known.digest() != digest => {
                    return Err(self.unusable(LayoutProblem::SameTag { tag }));
                }
                _ => {}
            }
        }
        Ok(found)
    }

    async fn list_tags(&self) -> Result<Vec<Tag>, RegistryError> {
        Ok(self
            .entries()?
            .into_iter()
            .filter_map(|entry| entry.tag)
            .collect())
    }

    async fn manifest(&self, digest: &Digest) -> Result<Option<Manifest>, RegistryError> {
        let Some(content) = self.read(digest, MAX_MANIFEST_BYTES as u64).await? else {
            return Ok(None);
        };
        let kind: Kind =
            serde_json::from_slice(&content).map_err(|error| self.altered(*digest, error.to_string()))?;
        let of_structure = if kind.manifests.is_some() {
            OCI_INDEX
        } else {
            OCI_MANIFEST
        };
        let media_type = kind.media_type.unwrap_or_else(|| of_structure.to_owned());
        Ok(Some(Manifest::new(media_type, content)))
    }

    async fn blob_size(&self, digest: &Digest) -> Result<Option<u64>, RegistryError> {
        Ok(self.find(digest)?.map(|extent| extent.size))
    }

    async fn blob(&self, descriptor: &Descriptor) -> Result<Bytes, RegistryError> {
        let digest = descriptor.digest;
        let content = self.read(&digest, MAX_SMALL_BLOB).await?;
        content.ok_or_else(|| self.lacks(digest))
    }
}

#[async_trait]
impl ReadWhole for OciLayout {
    async fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>, RegistryError> {
        let mut found: Vec<Descriptor> = Vec::new();
        for LayoutEntry { descriptor, .. } in self.entries()? {
            let digest = descriptor.digest;
            let manifest = self.manifest(&digest).await?;
            let manifest = manifest.ok_or_else(|| self.lacks(digest))?;
            let about = manifest.content()?.subject().map(|about| about.digest);
            if about == Some(*subject) && !found.iter().any(|known| known.digest == digest) {
                found.push(descriptor);
            }
        }
        Ok(found)
    }

    async fn open(&self, blob: &Descriptor) -> Result<BlobStream, RegistryError> {
        let digest = blob.digest;
        let extent = self.find(&digest)?;
        let extent = extent.ok_or_else(|| self.lacks(digest))?;
        if extent.size != blob.size {
            let found = format!("{} bytes in place of {}", extent.size, blob.size);
            return Err(self.altered(digest, found));
        }
        Ok(extent.stream())
    }
}

/// Where a blob is. Source: OCI image spec, "Blobs".
fn blob_name(digest: &Digest) -> String {
    format!("blobs/{}", digest.to_string().replacen(':', "/", 1))
}

fn unusable(path: &Path, problem: impl Into<LayoutProblem>) -> RegistryError {
    RegistryError::Layout {
        path: path.display().to_string(),
        problem: problem.into(),
    }
}

/// Reads the index of a layout of a version that is known; `None` where there is none.
fn read_index(files: &Files) -> Result<Option<LayoutIndex>, LayoutProblem> {
    let Some(index) = read_small(files, "index.json", MAX_INDEX_BYTES)? else {
        return Ok(None);
    };
    if !read_marker(files)? {
        return Err(LayoutProblem::NoLayout("oci-layout"));
    }
    let index = LayoutIndex::parse(&index).map_err(|problem| format!("`index.json`: {problem}"))?;
    Ok(Some(index))
}

/// Whether the marker of a layout of a version that is known is there.
fn read_marker(files: &Files) -> Result<bool, LayoutProblem> {
    let Some(marker) = read_small(files, "oci-layout", MAX_MARKER_BYTES)? else {
        return Ok(false);
    };
    let marker: Marker = serde_json::from_slice(&marker).map_err(|error| format!("`oci-layout`: {error}"))?;
    if !marker.image_layout_version.starts_with("1.") {
        return Err("`oci-layout` names a version that is not 1".to_owned().into());
    }
    Ok(true)
}

fn read_small(files: &Files, name: &str, limit: u64) -> Result<Option<Bytes>, String> {
    let extent = files.find(name)?;
    let content = extent.map(|extent| extent.read_now(limit)).transpose();
    content.map_err(|error| format!("`{name}`: {error}"))
}

#[cfg(test)]
mod tests;
