//! Reads an image back, whole.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::Deserialize;

use super::error::RegistryError;
use super::http::MAX_PARALLEL;
use super::manifests::mismatch;
use super::repository::ReadRepository;
use tagship_domain::build::AttachedStatement;
use tagship_domain::content::{Content, Descriptor, ImageIndex, ImageManifest, Manifest, Platform};
use tagship_domain::facts::PlatformManifest;
use tagship_domain::reference::Digest;

/// An image that was read back from the registry and found whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedImage {
    /// Its manifest or index, to be put under tags as it is.
    pub manifest: Manifest,
    /// What it says of itself.
    pub description: ImageDescription,
    /// What its index says of its images.
    pub statements: Vec<AttachedStatement>,
    /// Whether its configs were read, and not only found: a role that pushes need not be allowed to read them.
    pub has_read_configs: bool,
}

/// What an image says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageDescription {
    /// One image for each platform, without attestations, in the index's order.
    pub platforms: Vec<PlatformManifest>,
    /// The labels of the first image's config.
    pub labels: BTreeMap<String, String>,
    /// The labels of each image's config that could be read, in the index's order.
    pub labels_of: Vec<(Digest, BTreeMap<String, String>)>,
    /// Bytes of configs and layers, compressed, each blob once.
    pub size: u64,
    /// The largest of the images, with its bytes of config and layers, compressed.
    pub largest: Option<(Digest, u64)>,
}

/// Reads an image back and checks that nothing of it is missing: the manifest, of an index every entry,
/// every config, and the size of every blob.
pub async fn verify(digest: &Digest, registry: &dyn ReadRepository) -> Result<VerifiedImage, RegistryError> {
    let manifest = registry
        .manifest(digest)
        .await?
        .ok_or(RegistryError::ContentMissing { digest: *digest })?;
    verify_manifest(manifest, registry).await
}

/// Checks that nothing of an image is missing whose manifest or index was read from the registry just now.
pub async fn verify_manifest(
    manifest: Manifest,
    registry: &dyn ReadRepository,
) -> Result<VerifiedImage, RegistryError> {
    let entries = entries(&manifest, registry).await?;
    let images = images(&entries);
    let configs = parallel(images.iter().map(|entry| config_if_readable(entry, registry))).await?;

    for (entry, config) in images.iter().zip(&configs) {
        if let Some(config) = config {
            check_platform(entry, config)?;
        }
    }

    // Configs of images were just read, or are known and may be missing; attestations' are blobs like others.
    let read: BTreeSet<Digest> = images
        .iter()
        .zip(&configs)
        .filter(|(_, config)| config.is_some())
        .map(|(entry, _)| entry.image.config.digest)
        .filter(|digest| registry.held(digest).is_none())
        .collect();
    let blobs = distinct_blobs(entries.iter());
    let unread = blobs.into_values().filter(|blob| !read.contains(&blob.digest));
    check_blobs(unread.collect(), registry).await?;

    let has_read_configs = configs.iter().all(Option::is_some);
    let description = description(&images, configs);
    Ok(VerifiedImage {
        statements: entries.iter().flat_map(VerifiedEntry::statements).collect(),
        manifest,
        description,
        has_read_configs,
    })
}

/// What an image in the registry says of itself. One request if it is a single image.
pub async fn describe(
    manifest: &Manifest,
    registry: &dyn ReadRepository,
) -> Result<ImageDescription, RegistryError> {
    let entries = entries(manifest, registry).await?;
    let images = images(&entries);
    let configs = images
        .iter()
        .map(|entry| async { config(entry, registry).await.map(Some) });
    let configs = parallel(configs).await?;
    Ok(description(&images, configs))
}

/// One image of a manifest or index, or one attestation.
struct VerifiedEntry {
    digest: Digest,
    /// As the index has it; a single image's is in its config.
    platform: Option<Platform>,
    is_about_another: bool,
    /// The image that an attestation is about.
    about: Option<Digest>,
    image: ImageManifest,
}

impl VerifiedEntry {
    /// What an attestation says of an image: one statement in each layer.
    ///
    /// Source: BuildKit, "Image attestation storage".
    fn statements(&self) -> impl Iterator<Item = AttachedStatement> {
        let layers = self.image.layers.iter().filter(|_| self.is_about_another);
        layers.filter_map(|layer| {
            let predicate = layer.annotations.get("in-toto.io/predicate-type")?.clone();
            let image = self.about?;
            Some(AttachedStatement { image, predicate })
        })
    }
}

async fn entries(
    manifest: &Manifest,
    registry: &dyn ReadRepository,
) -> Result<Vec<VerifiedEntry>, RegistryError> {
    match manifest.content()? {
        Content::Image(image) => Ok(vec![VerifiedEntry {
            digest: manifest.digest(),
            platform: None,
            is_about_another: false,
            about: None,
            image,
        }]),
        Content::Index(ImageIndex { manifests, .. }) => {
            let digests: Vec<Digest> = manifests.iter().map(|descriptor| descriptor.digest).collect();
            let found = registry.look_up(&digests, &[]).await?.digests;
            manifests
                .iter()
                .map(|descriptor| entry(descriptor, found.get(&descriptor.digest)))
                .collect()
        }
    }
}

/// `found` is what the registry has under the descriptor's digest.
fn entry(descriptor: &Descriptor, found: Option<&Manifest>) -> Result<VerifiedEntry, RegistryError> {
    let digest = descriptor.digest;
    let manifest = found.ok_or(RegistryError::ContentMissing { digest })?;
    check_size(descriptor, manifest.bytes().len() as u64)?;
    match manifest.content()? {
        Content::Image(image) => Ok(VerifiedEntry {
            digest,
            platform: descriptor.platform.clone(),
            is_about_another: descriptor.is_about_another(),
            about: descriptor
                .annotations
                .get("vnd.docker.reference.digest")
                .and_then(|digest| Digest::parse(digest).ok()),
            image,
        }),
        Content::Index(_) => Err(mismatch(digest, "an index within an index".to_owned())),
    }
}

fn images(entries: &[VerifiedEntry]) -> Vec<&VerifiedEntry> {
    entries.iter().filter(|entry| !entry.is_about_another).collect()
}

/// The parts of an image config that are read. Source: OCI image spec, "Image Configuration".
#[derive(Deserialize)]
struct ImageConfig {
    #[serde(flatten)]
    platform: Platform,
    config: Option<ContainerConfig>,
}

#[derive(Deserialize)]
struct ContainerConfig {
    #[serde(rename = "Labels")]
    labels: Option<BTreeMap<String, String>>,
}

async fn config(entry: &VerifiedEntry, registry: &dyn ReadRepository) -> Result<ImageConfig, RegistryError> {
    let descriptor = &entry.image.config;
    let content = match registry.held(&descriptor.digest) {
        Some(content) => content,
        None => registry.blob(descriptor).await?,
    };
    serde_json::from_slice(&content)
        .map_err(|error| mismatch(descriptor.digest, format!("no image config: {error}")))
}

/// An index says of each image what its config says; a variant may be left out in either.
fn check_platform(entry: &VerifiedEntry, config: &ImageConfig) -> Result<(), RegistryError> {
    let found = &config.platform;
    match &entry.platform {
        Some(said) if (&said.os, &said.architecture) != (&found.os, &found.architecture) => Err(mismatch(
            entry.digest,
            format!("a config for {found} where the index says {said}"),
        )),
        _ => Ok(()),
    }
}

/// The config, unless the role may push and not read: then it counts as other blobs do, by its digest and size.
async fn config_if_readable(
    entry: &VerifiedEntry,
    registry: &dyn ReadRepository,
) -> Result<Option<ImageConfig>, RegistryError> {
    match config(entry, registry).await {
        Err(error) if error.is_unreadable_blob() => Ok(None),
        config => config.map(Some),
    }
}

async fn check_blobs(
    descriptors: Vec<&Descriptor>,
    registry: &dyn ReadRepository,
) -> Result<(), RegistryError> {
    let digests: Vec<Digest> = descriptors.iter().map(|blob| blob.digest).collect();
    let sizes = registry.blob_sizes(&digests).await?;
    descriptors
        .into_iter()
        .try_for_each(|blob| match sizes.get(&blob.digest) {
            Some(size) => check_size(blob, *size),
            None => Err(RegistryError::ContentMissing { digest: blob.digest }),
        })
}

fn check_size(descriptor: &Descriptor, size: u64) -> Result<(), RegistryError> {
    if size == descriptor.size {
        return Ok(());
    }
    let found = format!("{size} bytes in place of {}", descriptor.size);
    Err(mismatch(descriptor.digest, found))
}

/// Configs and layers, each once.
fn distinct_blobs<'a>(entries: impl Iterator<Item = &'a VerifiedEntry>) -> BTreeMap<Digest, &'a Descriptor> {
    entries
        .flat_map(|entry| std::iter::once(&entry.image.config).chain(&entry.image.layers))
        .map(|descriptor| (descriptor.digest, descriptor))
        .collect()
}

/// `configs` are those of `images`, in their order, as far as they can be read.
fn description(images: &[&VerifiedEntry], configs: Vec<Option<ImageConfig>>) -> ImageDescription {
    let platforms = images.iter().zip(&configs).filter_map(|(entry, config)| {
        let of_config = || config.as_ref().map(|config| &config.platform);
        Some(PlatformManifest {
            platform: entry.platform.as_ref().or_else(of_config)?.clone(),
            digest: entry.digest,
        })
    });
    let platforms = platforms.collect();
    let sum = |blobs: BTreeMap<Digest, &Descriptor>| {
        blobs.values().fold(0, |sum, blob| blob.size.saturating_add(sum))
    };
    let sizes = images
        .iter()
        .map(|entry| (entry.digest, sum(distinct_blobs(std::iter::once(*entry)))));
    let largest = sizes.max_by_key(|(_, size)| *size);
    let blobs = distinct_blobs(images.iter().copied());
    let has_first = matches!(configs.first(), Some(Some(_)));
    let labels = |config: ImageConfig| config.config.and_then(|config| config.labels).unwrap_or_default();
    let labels_of: Vec<_> = images
        .iter()
        .zip(configs)
        .filter_map(|(entry, config)| Some((entry.digest, labels(config?))))
        .collect();
    let first = labels_of.first().filter(|_| has_first);
    ImageDescription {
        platforms,
        labels: first.map(|(_, labels)| labels.clone()).unwrap_or_default(),
        labels_of,
        size: sum(blobs),
        largest,
    }
}

/// Runs several futures, a few at a time; gives their results in order.
async fn parallel<T, F>(futures: impl Iterator<Item = F>) -> Result<Vec<T>, RegistryError>
where
    F: Future<Output = Result<T, RegistryError>>,
{
    // A list, because a stream over the iterator itself could not be sent between threads.
    stream::iter(futures.collect::<Vec<_>>())
        .buffered(MAX_PARALLEL)
        .try_collect()
        .await
}

#[cfg(test)]
mod tests;
