//! Holds a build of a published commit against what is published.

use bytes::Bytes;

use super::{Ledger, PipelineError};
use crate::ports::{ReadRepository, RegistryError};
use crate::report::TagOutcome;
use tagship_domain::content::{Content, Descriptor, ImageManifest, Manifest, Platform};
use tagship_domain::plan::Plan;
use tagship_domain::rebuild::{BuiltImage, RebuildMismatch};
use tagship_domain::reference::Digest;

/// Refuses a build that is not the image which the plan keeps, and says in what it differs.
///
/// The tags of an image that is the same are noted as kept: none is put.
pub(super) async fn check_rebuilt(
    plan: &Plan,
    built: &Manifest,
    registry: &dyn ReadRepository,
    ledger: &Ledger,
) -> Result<(), PipelineError> {
    let digest = built.digest();
    let Some(published) = plan.kept().filter(|kept| *kept != digest) else {
        for tag in &plan.tags {
            ledger.tags().tag(&tag.wanted.tag, TagOutcome::Kept, digest);
        }
        return Ok(());
    };
    let mut found = registry.look_up(&[published], &[]).await?;
    let missing = RegistryError::ContentMissing { digest: published };
    let before = images(&found.digests.remove(&published).ok_or(missing)?, registry).await?;
    let after = images(built, registry).await?;
    let mismatch = RebuildMismatch::new((published, &before), (digest, &after));
    Err(Box::new(mismatch).into())
}

/// The images of a manifest or an index, without attestations.
async fn images(
    manifest: &Manifest,
    registry: &dyn ReadRepository,
) -> Result<Vec<BuiltImage>, RegistryError> {
    let index = match manifest.content()? {
        Content::Image(content) => return Ok(vec![image(content, None, registry).await?]),
        Content::Index(index) => index,
    };
    let entries: Vec<_> = index
        .manifests
        .into_iter()
        .filter(|entry| !entry.is_about_another())
        .collect();
    let digests: Vec<Digest> = entries.iter().map(|entry| entry.digest).collect();
    let found = registry.look_up(&digests, &[]).await?.digests;
    let mut images = Vec::new();
    for Descriptor { digest, platform, .. } in entries {
        let manifest = found
            .get(&digest)
            .ok_or(RegistryError::ContentMissing { digest })?;
        if let Content::Image(content) = manifest.content()? {
            images.push(image(content, platform, registry).await?);
        }
    }
    Ok(images)
}

/// One image; without its config where the role may not read blobs.
async fn image(
    content: ImageManifest,
    platform: Option<Platform>,
    registry: &dyn ReadRepository,
) -> Result<BuiltImage, RegistryError> {
    let config = match registry.held(&content.config.digest) {
        Some(config) => config,
        None => match registry.blob(&content.config).await {
            Err(error) if error.is_unreadable_blob() => Bytes::new(),
            config => config?,
        },
    };
    Ok(BuiltImage {
        platform,
        layers: content.layers.iter().map(|layer| layer.digest).collect(),
        config: serde_json::from_slice(&config).unwrap_or_default(),
    })
}
