//! Which images a copy takes.

use oci_registry::ReadRepository as _;

use super::place::OpenedPlace;
use super::{CopyRequest, Selection};
use crate::pipeline::image_facts;
use crate::ports::RegistryError;
use crate::run::RunError;
use crate::run::inspect::unread_error;
use tagship_domain::content::{Content, Manifest, Platform};
use tagship_domain::facts::{ImageFacts, PlatformManifest};
use tagship_domain::reference::{Reference, Tag};

/// An image that is wanted.
pub(super) struct WantedImage {
    /// Its tag in the target.
    pub(super) tag: Option<Tag>,
    /// The image.
    pub(super) manifest: Manifest,
    /// Whether the tag is another one than that which it was found by.
    pub(super) is_renamed: bool,
}

/// The images that are wanted.
pub(super) async fn wanted(
    request: &CopyRequest,
    source: &OpenedPlace,
) -> Result<Vec<WantedImage>, RunError> {
    let reader = source.reader();
    let mut found: Vec<WantedImage> = match &request.selection {
        Selection::One { from, to } => {
            let manifest = match from {
                Reference::Digest(digest) => reader.manifest(digest).await?,
                Reference::Tag(tag) => reader.resolve(std::slice::from_ref(tag)).await?.remove(tag),
            };
            let Some(manifest) = manifest else {
                return Err(missing(source, from).await?);
            };
            let is_renamed = to.as_ref().is_some_and(|to| *from != Reference::Tag(to.clone()));
            vec![WantedImage {
                tag: to.clone(),
                manifest,
                is_renamed,
            }]
        }
        Selection::Only { to } => {
            let (tag, manifest) = source.only().await?;
            let is_renamed = to.is_some() && *to != tag;
            vec![WantedImage {
                tag: to.clone().or(tag),
                manifest,
                is_renamed,
            }]
        }
        Selection::Tags(patterns) => {
            let has = reader.list_tags().await?;
            let is_wanted =
                |tag: &&Tag| patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(tag));
            let tags: Vec<Tag> = has.iter().filter(is_wanted).cloned().collect();
            let found = reader.resolve(&tags).await?;
            if found.is_empty() {
                let patterns = patterns.iter().map(ToString::to_string).collect();
                return Err(tags_missing(source, patterns, has));
            }
            found
                .into_iter()
                .map(|(tag, manifest)| WantedImage {
                    tag: Some(tag),
                    manifest,
                    is_renamed: false,
                })
                .collect()
        }
    };
    if let Some(platform) = &request.platform {
        for image in &mut found {
            image.manifest = of_platform(image.manifest.clone(), platform, source).await?;
        }
    }
    Ok(found)
}

/// What it is that an image is not where it is asked for.
async fn missing(source: &OpenedPlace, from: &Reference) -> Result<RunError, RunError> {
    match (source, from) {
        (OpenedPlace::Layout(layout, _), Reference::Tag(tag)) => {
            let has = layout.list_tags().await?;
            Ok(tags_missing(source, vec![tag.to_string()], has))
        }
        (_, from) => Ok(RunError::ImageMissing(source.name().at(from.clone()))),
    }
}

fn tags_missing(source: &OpenedPlace, patterns: Vec<String>, mut has: Vec<Tag>) -> RunError {
    has.sort_unstable();
    RunError::TagsMissing {
        place: source.name().to_string(),
        patterns,
        has,
    }
}

/// The image of one platform, with its own digest. An index says the platforms of its images; where it says none, and of an image
/// that is no index, the configs count.
async fn of_platform(
    manifest: Manifest,
    platform: &Platform,
    source: &OpenedPlace,
) -> Result<Manifest, RunError> {
    let (digest, reader) = (manifest.digest(), source.reader());
    let mut facts = ImageFacts::default();
    if let Content::Index(index) = manifest.content().map_err(RegistryError::from)? {
        let images = index.manifests.iter().filter(|child| !child.is_about_another());
        let platforms = images.filter_map(|child| {
            let (platform, digest) = (child.platform.clone()?, child.digest);
            Some(PlatformManifest { platform, digest })
        });
        facts.platforms = platforms.collect();
    }
    if facts.platforms.is_empty() {
        facts = image_facts(&manifest, reader).await?;
    }
    if let (Some(unread), Some(image)) = (&facts.unread, source.image()) {
        return Err(unread_error(unread, image));
    }
    let found = facts.of_platform(platform);
    let found = found.map_err(|has| RunError::PlatformMissing {
        image: source.name().at(digest),
        platform: platform.clone(),
        has,
    })?;
    if found == digest {
        return Ok(manifest);
    }
    let missing = RegistryError::ContentMissing { digest: found };
    Ok(reader.manifest(&found).await?.ok_or(missing)?)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::slice;

    use bytes::Bytes;
    use oci_registry::{OciLayout, WriteRepository as _};
    use serde_json::{Value, json};
    use tagship_domain::content::{OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST};
    use tagship_domain::error::Diagnose as _;
    use tagship_domain::reference::Digest;

    use super::*;

    async fn put(layout: &OciLayout, media_type: &str, content: &Value) -> Value {
        let bytes = Bytes::from(content.to_string());
        let size = bytes.len();
        let digest = layout.put_blob(bytes).await.unwrap();
        json!({"mediaType": media_type, "digest": digest, "size": size})
    }

    /// An image with this config, as an index lists it.
    async fn image(layout: &OciLayout, config: &Value) -> Value {
        let config = put(layout, OCI_CONFIG, config).await;
        let layer = put(layout, OCI_LAYER_GZIP, &json!("layer")).await;
        let image =
            json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [layer]});
        put(layout, OCI_MANIFEST, &image).await
    }

    fn digest(descriptor: &Value) -> Digest {
        Digest::parse(descriptor["digest"].as_str().unwrap()).unwrap()
    }

    /// What is found for a platform in an index of these images, or in the only one.
    async fn found(
        path: &Path,
        images: &[Value],
        platform: &str,
        is_index: bool,
    ) -> Result<Digest, RunError> {
        let layout = OciLayout::open_or_create(path).unwrap();
        let root = if is_index {
            let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": images});
            put(&layout, OCI_INDEX, &index).await
        } else {
            images[0].clone()
        };
        let root = layout.manifest(&digest(&root)).await.unwrap().unwrap();
        let source = OpenedPlace::Layout(layout, "oci:image".to_owned());
        let platform = Platform::parse(platform).unwrap();
        Ok(of_platform(root, &platform, &source).await?.digest())
    }

    #[tokio::test]
    async fn the_image_of_a_platform_is_the_one_that_states_it() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path();
        let layout = OciLayout::open_or_create(path).unwrap();
        let config = |architecture: &str| json!({"os": "linux", "architecture": architecture});
        let stated = |image: &Value, architecture: &str| {
            let mut image = image.clone();
            image["platform"] = config(architecture);
            image
        };
        let amd64 = image(&layout, &config("amd64")).await;
        let arm64 = image(&layout, &config("arm64")).await;
        let broken = image(&layout, &json!("no config")).await;
        let mut attestation = image(&layout, &json!({})).await;
        attestation["platform"] = json!({"os": "unknown", "architecture": "unknown"});
        attestation["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest"});

        let whole = [stated(&amd64, "amd64"), stated(&arm64, "arm64"), attestation];
        for (images, is_index, platform) in [
            (&whole[..], true, "linux/arm64"),
            // The configs say what the index does not.
            (&[amd64.clone(), arm64.clone()], true, "linux/arm64"),
            (slice::from_ref(&arm64), false, "linux/arm64/v8"),
        ] {
            let found = found(path, images, platform, is_index).await.unwrap();
            assert_eq!(found, digest(&arm64), "{images:?}");
        }
        let none = "it states no platform; without `--platform` it is taken as it is";
        for (images, is_index, platform, hint) in [
            (&whole[..], true, "linux/s390x", "it has linux/amd64, linux/arm64"),
            (&whole, true, "unknown/unknown", "it has linux/amd64, linux/arm64"),
            (
                slice::from_ref(&amd64),
                false,
                "linux/arm64",
                "it has linux/amd64",
            ),
            (slice::from_ref(&broken), false, "linux/arm64", none),
            (slice::from_ref(&broken), true, "linux/arm64", none),
            (&[], true, "linux/arm64", none),
        ] {
            let refused = found(path, images, platform, is_index).await.unwrap_err();
            assert!(
                refused
                    .to_string()
                    .ends_with(&format!("has no platform {platform}")),
                "{refused}"
            );
            assert_eq!(refused.hint().unwrap(), hint, "{images:?}");
        }
    }
}
