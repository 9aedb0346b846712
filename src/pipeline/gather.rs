use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::domain::content::Manifest;
use crate::domain::facts::{ImageFacts, RegistryFacts};
use crate::domain::reference::{Digest, Tag};
use crate::ports::ReadRegistry;
use crate::registry::{RegistryError, describe};

/// Reads what the plan needs to know: the repository's setting, the wanted tags, and the images they point to.
///
/// A role that may not read the setting is no obstacle: the tags tell enough to keep every promise.
pub async fn gather(registry: &dyn ReadRegistry, tags: &[Tag]) -> Result<RegistryFacts, RegistryError> {
    let (mutability, seen) = tokio::join!(registry.mutability(), look(registry, tags));
    let mutability = match mutability {
        Err(RegistryError::NotPermitted { action, .. }) => Err(format!("the role may not do `{action}`")),
        read => Ok(read?),
    };
    let Seen { tags, images } = seen?;
    Ok(RegistryFacts {
        mutability,
        tags,
        images,
    })
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
