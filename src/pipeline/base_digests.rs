//! `base-changed`: what the base images of a build are now.

use futures_util::{StreamExt as _, stream};

use crate::ports::{OpenBase, RegistryError};
use tagship_domain::base_cache::{NamedBase, base_images, named_images};
use tagship_domain::base_digests::BaseDigests;
use tagship_domain::build::BuildRequest;
use tagship_domain::content::Manifest;
use tagship_domain::error::with_causes;
use tagship_domain::plan::Note;
use tagship_domain::reference::{Digest, ImageName, Tag};

/// How many images are looked for at the same time.
const AT_ONCE: usize = 8;

/// Asks the registries of a build's base images what their tags point to; gives what could not be found out beside it, which
/// ends no run.
pub async fn resolve_bases(
    request: &BuildRequest,
    dockerfile: &str,
    registries: &dyn OpenBase,
) -> (BaseDigests, Vec<Note>) {
    let mut images = base_images(dockerfile, request);
    images.extend(named_images(request));
    let found = stream::iter(images).map(|image| async move {
        let digest = match image.named() {
            NamedBase::Digest => return None,
            NamedBase::Unknown => Err("the builder alone knows its name".to_owned()),
            NamedBase::Tag(name, tag) => match current(name, tag, registries).await {
                Ok(Some(digest)) => Ok(digest),
                Ok(None) => Err("its registry does not have it".to_owned()),
                Err(error) => Err(with_causes(&error)),
            },
        };
        Some((image, digest))
    });
    let found: Vec<_> = found.buffered(AT_ONCE).collect().await;
    let (mut bases, mut notes) = (Vec::new(), Vec::new());
    for (image, digest) in found.into_iter().flatten() {
        let image = image.text().to_owned();
        match digest {
            Ok(digest) => bases.push((image, digest)),
            Err(problem) => notes.push(Note::BaseUnknown { image, problem }),
        }
    }
    (bases.into_iter().collect(), notes)
}

async fn current(
    image: &ImageName,
    tag: &Tag,
    registries: &dyn OpenBase,
) -> Result<Option<Digest>, RegistryError> {
    let found = registries.open(image)?.resolve(std::slice::from_ref(tag)).await?;
    Ok(found.get(tag).map(Manifest::digest))
}
