use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::domain::content::Manifest;
use crate::domain::facts::{ImageFacts, RegistryFacts};
use crate::domain::immutability::Mutability;
use crate::domain::reference::{Digest, Tag};
use crate::ports::ReadRegistry;
use crate::registry::{RegistryError, describe};

/// Reads what the plan needs to know: the repository's setting, the wanted tags, and the images they point to.
///
/// A role that may not read the setting is no obstacle: the tags tell enough to keep every promise.
pub async fn gather(registry: &dyn ReadRegistry, tags: &[Tag]) -> Result<RegistryFacts, RegistryError> {
    // The first failure ends both: what one was refused the other would only be refused again.
    let (mutability, Seen { tags, images }) = tokio::try_join!(mutability(registry), look(registry, tags))?;
    Ok(RegistryFacts {
        mutability,
        tags,
        images,
    })
}

/// The repository's setting, or why it is unknown.
async fn mutability(registry: &dyn ReadRegistry) -> Result<Result<Mutability, String>, RegistryError> {
    match registry.mutability().await {
        Err(RegistryError::NotPermitted { action, .. }) => Ok(Err(format!("the role may not do `{action}`"))),
        read => read.map(Ok),
    }
}

/// Tags that exist, and what their images say of themselves.
pub(super) struct Seen {
    pub(super) tags: BTreeMap<Tag, Manifest>,
    pub(super) images: BTreeMap<Digest, ImageFacts>,
}

/// Looks at `tags` now.
pub(super) async fn look(registry: &dyn ReadRegistry, tags: &[Tag]) -> Result<Seen, RegistryError> {
    let tags = registry.resolve(tags).await?;
    let mut images = BTreeMap::new();
    for manifest in tags.values() {
        if let Entry::Vacant(unknown) = images.entry(manifest.digest()) {
            unknown.insert(tolerant(describe(manifest, registry).await)?);
        }
    }
    Ok(Seen { tags, images })
}

/// Somebody else's image may be damaged or of another kind; it then says nothing of itself.
fn tolerant(described: Result<ImageFacts, RegistryError>) -> Result<ImageFacts, RegistryError> {
    match described {
        Err(
            RegistryError::Manifest(_)
            | RegistryError::ContentMissing { .. }
            | RegistryError::ContentMismatch { .. },
        ) => Ok(ImageFacts::default()),
        described => described,
    }
}
