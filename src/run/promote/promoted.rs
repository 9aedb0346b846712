//! The image that a promotion begins with.

use super::{PromoteRequest, RunError, desired};
use crate::pipeline::image_facts;
use crate::ports::ReadRepository as _;
use crate::registry::Repository;
use crate::run::inspect::{add_version, unread_error};
use tagship_domain::content::Manifest;
use tagship_domain::facts::{ImageFacts, Revision};
use tagship_domain::reference::{ImageName, Reference};
use tagship_domain::tags::DesiredTag;

/// The image, as it is where it comes from.
pub(super) struct Promoted {
    pub(super) image: ImageName,
    pub(super) manifest: Manifest,
    pub(super) facts: ImageFacts,
    pub(super) revision: Option<Revision>,
    pub(super) tags: Vec<DesiredTag>,
}

impl Promoted {
    pub(super) async fn read(
        request: &PromoteRequest,
        image: &ImageName,
        reader: &Repository,
    ) -> Result<Self, RunError> {
        let mut names = request.required.clone();
        if let Reference::Tag(tag) = &request.from {
            names.push(tag.clone());
        }
        let found = reader.resolve(&names).await?;
        let manifest = match &request.from {
            Reference::Tag(tag) => found.get(tag).cloned(),
            Reference::Digest(digest) => reader.manifest(digest).await?,
        };
        let manifest =
            manifest.ok_or_else(|| RunError::ImageMissing(image.at(request.from.clone()).to_string()))?;
        let digest = manifest.digest();
        for tag in &request.required {
            if found.get(tag).map(Manifest::digest) != Some(digest) {
                let (tag, image) = (tag.clone(), image.clone());
                return Err(RunError::RequiredTag { digest, tag, image });
            }
        }
        let mut facts = image_facts(&manifest, reader).await?;
        add_version(&mut facts, &digest, reader).await?;
        let revision = facts.revision.as_deref().and_then(Revision::of_label);
        let tags = desired(&request.tags, &facts, revision.as_ref());
        // Rules take version and commit from what the image says, which the role may not read.
        let tags = match (tags, &facts.unread) {
            (Err(_), Some(unread)) => return Err(unread_error(unread, image)),
            (tags, _) => tags?,
        };
        Ok(Self {
            tags,
            image: image.clone(),
            manifest,
            facts,
            revision,
        })
    }
}
