//! Which image of a layout is pushed.

use oci_registry::{OciLayout, ReadRepository as _};

use super::PushRequest;
use super::error::PushError;
use crate::pipeline::image_facts;
use crate::ports::RegistryError;
use crate::run::RunError;
use tagship_domain::content::{Content, Descriptor, Manifest, OCI_LAYER_TAR, Platform};

/// Refuses an image of another platform than the one that is asked for, or of none.
pub(super) fn check_platform(request: &PushRequest, found: Option<&Platform>) -> Result<(), RunError> {
    match (&request.platform, found) {
        (Some(wanted), Some(found)) if !found.is_same(wanted) => Err(PushError::Platform {
            name: request.name.clone(),
            found: found.clone(),
            wanted: wanted.clone(),
        }
        .into()),
        (Some(wanted), None) => Err(RunError::PlatformMissing {
            image: request.name.clone(),
            platform: wanted.clone(),
            has: Vec::new(),
        }),
        _ => Ok(()),
    }
}

/// The image that is pushed: all of it, or that of the one platform that is asked for.
pub(super) async fn chosen(
    request: &PushRequest,
    layout: &OciLayout,
    root: Manifest,
) -> Result<Manifest, RunError> {
    let Content::Index(index) = root.content().map_err(RegistryError::from)? else {
        if let Some(platform) = &request.platform {
            let facts = image_facts(&root, layout).await?;
            let wrong = |has| RunError::PlatformMissing {
                image: request.name.clone(),
                platform: platform.clone(),
                has,
            };
            facts.of_platform(platform).map_err(wrong)?;
        }
        return Ok(root);
    };
    let mut has = Vec::new();
    let mut is_whole = true;
    for child in &index.manifests {
        if is_there(layout, child).await? {
            has.extend(child.platform.clone().filter(|_| !child.is_about_another()));
        } else {
            is_whole = false;
        }
    }
    let Some(platform) = &request.platform else {
        return if is_whole {
            Ok(root)
        } else {
            let name = request.name.clone();
            Err(PushError::Partial { name, has }.into())
        };
    };
    let is_wanted = |child: &&Descriptor| {
        child
            .platform
            .as_ref()
            .is_some_and(|known| known.is_same(platform))
    };
    let found = match index.manifests.iter().find(is_wanted) {
        Some(child) if has.iter().any(|there| there.is_same(platform)) => {
            layout.manifest(&child.digest).await?
        }
        _ => None,
    };
    found.ok_or_else(|| RunError::PlatformMissing {
        image: request.name.clone(),
        platform: platform.clone(),
        has,
    })
}

/// Whether a layout holds an image of an index, with all blobs.
async fn is_there(layout: &OciLayout, child: &Descriptor) -> Result<bool, RegistryError> {
    let Some(manifest) = layout.manifest(&child.digest).await? else {
        return Ok(false);
    };
    let Content::Image(image) = manifest.content()? else {
        return Ok(true);
    };
    for blob in std::iter::once(&image.config).chain(&image.layers) {
        if layout.blob_size(&blob.digest).await?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether no layer of an image is compressed, as a classic store saves them.
pub(super) fn is_uncompressed(manifest: &Manifest) -> bool {
    let Ok(Content::Image(image)) = manifest.content() else {
        return false;
    };
    !image.layers.is_empty() && image.layers.iter().all(|layer| layer.media_type == OCI_LAYER_TAR)
}
