//! Images that are deleted.

use serde::Deserialize;
use serde_json::{Value, json};

use super::image_ids::{BatchFailure, IMAGE_IDS, ImageFailure, ImageId, each};
use crate::faces::json_api::{
    Context, Handler, Operation, Resource, Shape, optional, read, repository_name, required,
};
use crate::refusal::Refusal;
use crate::services::follow_up;
use crate::state::store::Deletion;
use tagship_domain::reference::{Reference, RepositoryName, Tag};

pub(crate) static OPERATIONS: &[Operation] = &[Operation {
    name: "BatchDeleteImage",
    on: Resource::Repository,
    input: &[
        optional("registryId", Shape::REGISTRY_ID),
        required("repositoryName", Shape::REPOSITORY_NAME),
        required("imageIds", IMAGE_IDS),
    ],
    run: Handler::Blocking(batch_delete),
}];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BatchDeleteImage {
    repository_name: String,
    image_ids: Vec<ImageId>,
}

/// `BatchDeleteImage`.
pub(crate) fn batch_delete(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: BatchDeleteImage = read(document)?;
    let name = repository_name(&request.repository_name)?;
    context.registry.repository(&name)?;
    let (deleted, failures) = each(&request.image_ids, |id| delete_one(context, &name, id))?;
    let deleted: Vec<ImageId> = deleted.into_iter().flatten().collect();
    Ok(json!({"imageIds": deleted, "failures": failures}))
}

fn delete_one(
    context: &Context<'_>,
    name: &RepositoryName,
    id: &ImageId,
) -> Result<Vec<ImageId>, BatchFailure> {
    let mut reference = id.reference()?;
    if let (Reference::Digest(digest), Some(tag)) = (&reference, &id.image_tag) {
        // Digest and tag together mean the tag, if it points there.
        let tag = Tag::parse(tag).map_err(|invalid| Refusal::parameter("imageTag", invalid))?;
        let holder = context.registry.image(name, &tag.clone().into())?;
        if holder.is_none_or(|image| image.digest != *digest) {
            return Err(ImageFailure::OTHER_DIGEST.into());
        }
        reference = tag.into();
    }
    match context.registry.delete_image(name, &reference)? {
        Deletion::NotFound => Err(ImageFailure::NOT_FOUND.into()),
        Deletion::Referenced => Err(ImageFailure {
            code: "ImageReferencedByManifestList",
            reason: "Requested image referenced by manifest list",
        }
        .into()),
        Deletion::Done { digest, tags } => {
            follow_up::deleted(context.state, &context.registry, name, &reference, digest)?;
            let id = |tag: Option<String>| ImageId {
                image_digest: Some(digest.to_string()),
                image_tag: tag,
            };
            Ok(if tags.is_empty() {
                vec![id(None)]
            } else {
                tags.into_iter().map(|tag| id(Some(tag))).collect()
            })
        }
    }
}
