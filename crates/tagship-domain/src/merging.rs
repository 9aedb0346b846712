//! One index of images that several jobs pushed by digest.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::json;

use crate::build::{Annotation, RequestHash, RequestPart};
use crate::content::{Content, DOCKER_LIST, DOCKER_MANIFEST, Descriptor, Manifest, OCI_INDEX, Platform};
use crate::facts::{ImageFacts, Revision};
use crate::reference::Digest;

mod problem;

pub use problem::MergeError;

/// An image that another job pushed: of one platform, or an index of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImagePart {
    /// Its manifest or index.
    pub manifest: Manifest,
    /// What it says of itself.
    pub facts: ImageFacts,
}

/// An index of parts, as it will be pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergedIndex {
    parts: Vec<Digest>,
    platforms: Vec<Platform>,
    manifest: Manifest,
}

/// In plans: the digest that it will have, its platforms and its parts.
impl Serialize for MergedIndex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let data = json!({
            "digest": self.manifest.digest(),
            "platforms": self.platforms,
            "parts": self.parts,
        });
        data.serialize(serializer)
    }
}

impl MergedIndex {
    /// Makes one index of `parts`, if all are of the same commit and request, and each platform is there once.
    ///
    /// Where `request` names platforms, there must be these and no others. The bytes do not depend on the order of
    /// the parts: images stand by platform, attestations behind them. Annotations of the index and of its entries are set;
    /// others are those of the parts.
    pub fn of(
        parts: &[ImagePart],
        revision: &Revision,
        request: &RequestHash,
        annotations: &[Annotation],
    ) -> Result<Self, MergeError> {
        for part in parts {
            check(part, revision, request)?;
        }
        let mut all = Vec::new();
        for part in parts {
            all.extend(entries(part)?);
        }
        let (platforms, manifest) = joined(all, annotations)?;
        check_platforms(&platforms, request.platforms())?;
        Ok(Self {
            parts: parts.iter().map(|part| part.manifest.digest()).collect(),
            platforms,
            manifest,
        })
    }

    /// The parts, as they were named.
    pub fn parts(&self) -> &[Digest] {
        &self.parts
    }

    /// The platforms, sorted.
    pub fn platforms(&self) -> &[Platform] {
        &self.platforms
    }

    /// The index.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }
}

/// Makes one index of what several builders pushed of one request: images, each with the platform that was asked for, and
/// indexes.
pub fn index_of_parts(
    parts: &[(Manifest, Vec<Platform>)],
    annotations: &[Annotation],
) -> Result<Manifest, MergeError> {
    let mut all = Vec::new();
    for (manifest, platforms) in parts {
        let digest = manifest.digest();
        match manifest
            .content()
            .map_err(|_error| MergeError::NoImage { digest })?
        {
            Content::Image(_) => {
                let platform = platforms.first().map(Platform::normalized);
                let platform = platform.ok_or(MergeError::NoPlatform { digest })?;
                all.push(image_entry(manifest, platform));
            }
            Content::Index(index) => {
                for entry in index.manifests {
                    let platform = entry.platform.clone().filter(|_| !entry.is_about_another());
                    if platform.is_none() && !entry.is_about_another() {
                        return Err(MergeError::NoPlatform { digest: entry.digest });
                    }
                    all.push((platform, entry));
                }
            }
        }
    }
    joined(all, annotations).map(|(_, index)| index)
}

/// Puts entries into one index: images by platform, and attestations, which have none, behind them.
fn joined(
    entries: Vec<(Option<Platform>, Descriptor)>,
    annotations: &[Annotation],
) -> Result<(Vec<Platform>, Manifest), MergeError> {
    let mut images: BTreeMap<String, (Platform, Descriptor)> = BTreeMap::new();
    let mut attestations = Vec::new();
    for (platform, entry) in entries {
        let Some(platform) = platform else {
            attestations.push(entry);
            continue;
        };
        let twice = images.values().find(|(known, _)| known.is_same(&platform));
        if let Some((_, known)) = twice.filter(|(_, known)| known.digest != entry.digest) {
            return Err(MergeError::PlatformTwice {
                platform,
                digests: [known.digest, entry.digest],
            });
        }
        images.insert(platform.to_string(), (platform, entry));
    }
    let platforms: Vec<Platform> = images.values().map(|(platform, _)| platform.clone()).collect();
    attestations.sort_by_key(|entry| entry.digest);
    attestations.dedup();
    let images = images.into_values().map(|(platform, mut entry)| {
        let own = annotations.iter().filter_map(|one| one.of_entry(&platform));
        entry.annotations.extend(own);
        entry
    });
    let of_index: BTreeMap<String, String> = annotations.iter().filter_map(Annotation::of_index).collect();
    let manifest = index(&images.chain(attestations).collect::<Vec<_>>(), &of_index);
    Ok((platforms, manifest))
}

/// The entry of a single image.
fn image_entry(manifest: &Manifest, platform: Platform) -> (Option<Platform>, Descriptor) {
    let size = manifest.bytes().len() as u64;
    let entry = Descriptor {
        platform: Some(platform.clone()),
        ..Descriptor::new(manifest.media_type(), manifest.digest(), size)
    };
    (Some(platform), entry)
}

/// That a part is of this commit and was built from the same.
fn check(part: &ImagePart, revision: &Revision, request: &RequestHash) -> Result<(), MergeError> {
    let digest = part.manifest.digest();
    let ImageFacts {
        revision: found,
        request: theirs,
        unread,
        ..
    } = &part.facts;
    if let Some(unknown) = unread {
        let unknown = unknown.clone();
        return Err(MergeError::Unread { digest, unknown });
    }
    if found.as_deref() != Some(revision.to_string().as_str()) {
        return Err(MergeError::OtherCommit {
            digest,
            found: found.clone(),
            wanted: revision.clone(),
        });
    }
    let Some(theirs) = theirs else {
        return Err(MergeError::NoRequest { digest });
    };
    let differences: Vec<RequestPart> = request.differing_parts(theirs).collect();
    if differences.is_empty() {
        return Ok(());
    }
    Err(MergeError::OtherRequest { digest, differences })
}

/// That the platforms are those that were asked for, if any were.
fn check_platforms(found: &[Platform], wanted: &[Platform]) -> Result<(), MergeError> {
    let without = |all: &[Platform], others: &[Platform]| -> Vec<Platform> {
        let is_there = |one: &&Platform| others.iter().any(|other| one.is_same(other));
        all.iter().filter(|one| !is_there(one)).cloned().collect()
    };
    let (missing, unasked) = (without(wanted, found), without(found, wanted));
    if wanted.is_empty() || (missing.is_empty() && unasked.is_empty()) {
        return Ok(());
    }
    Err(MergeError::OtherPlatforms { missing, unasked })
}

/// The entries of a part: images with their platforms, and attestations without.
fn entries(part: &ImagePart) -> Result<Vec<(Option<Platform>, Descriptor)>, MergeError> {
    let manifest = &part.manifest;
    let digest = manifest.digest();
    let platform = |image: Digest| {
        let mut known = part.facts.platforms.iter();
        known
            .find(|one| one.digest == image)
            .map(|one| one.platform.clone())
            .ok_or(MergeError::NoPlatform { digest: image })
    };
    match manifest
        .content()
        .map_err(|_error| MergeError::NoImage { digest })?
    {
        Content::Image(_) => Ok(vec![image_entry(manifest, platform(digest)?)]),
        Content::Index(index) => index
            .manifests
            .into_iter()
            .map(|entry| {
                let platform = if entry.is_about_another() {
                    None
                } else {
                    Some(platform(entry.digest)?)
                };
                Ok((platform, entry))
            })
            .collect(),
    }
}

/// An index of Docker's kind where all images are, and nothing is said of them; else OCI's.
///
/// Source: OCI image spec, "Image Index"; Docker registry, "Image Manifest Version 2, Schema 2".
fn index(entries: &[Descriptor], annotations: &BTreeMap<String, String>) -> Manifest {
    let is_docker = annotations.is_empty() && entries.iter().all(|entry| entry.media_type == DOCKER_MANIFEST);
    let media_type = if is_docker { DOCKER_LIST } else { OCI_INDEX };
    let mut index = json!({ "schemaVersion": 2, "mediaType": media_type, "manifests": entries });
    if !annotations.is_empty() {
        index["annotations"] = json!(annotations);
    }
    Manifest::new(media_type, index.to_string())
}

#[cfg(test)]
mod tests;
