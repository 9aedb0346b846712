//! Which images a copy takes.

use oci_registry::{ImageTree, ReadRepository as _};

use super::place::OpenedPlace;
use super::{CopyRequest, Selection};
use crate::pipeline::image_facts;
use crate::run::RunError;
use tagship_domain::content::{Manifest, Platform};
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

/// The image of one platform, with its own digest. One that is no index must be of it, if it says its platform.
async fn of_platform(
    manifest: Manifest,
    platform: &Platform,
    source: &OpenedPlace,
) -> Result<Manifest, RunError> {
    let digest = manifest.digest();
    let tree = ImageTree::read(manifest, source.reader()).await?;
    let Some(root) = tree.node(&digest).filter(|root| !root.children().is_empty()) else {
        let facts = image_facts(tree.root(), source.reader()).await?;
        return facts.require_platform(platform).map_or_else(
            |has| {
                Err(RunError::PlatformMissing {
                    image: source.name().at(digest),
                    platform: platform.clone(),
                    has,
                })
            },
            |()| Ok(tree.root().clone()),
        );
    };
    let is_wanted = |known: &Platform| known.is_same(platform);
    let child = root
        .children()
        .iter()
        .find(|child| child.platform.as_ref().is_some_and(is_wanted));
    let node = child.and_then(|child| tree.node(&child.digest));
    let has = || {
        let children = root.children().iter().filter(|child| !child.is_attestation());
        children.filter_map(|child| child.platform.clone()).collect()
    };
    node.map(|node| node.manifest.clone())
        .ok_or_else(|| RunError::PlatformMissing {
            image: source.name().at(digest),
            platform: platform.clone(),
            has: has(),
        })
}
