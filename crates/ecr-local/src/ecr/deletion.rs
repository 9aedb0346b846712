use serde::Deserialize;
use serde_json::{Value, json};

use super::images::{IMAGE_IDS, ImageId};
use crate::follow_up;
use crate::json_api::{
    Context, Handler, Operation, Resource, Shape, optional, read, repository_name, required,
};
use crate::refusal::Refusal;
use crate::store::Deletion;
use tagship_domain::reference::{Reference, RepositoryName, Tag};

pub(super) static OPERATIONS: &[Operation] = &[Operation {
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
pub(super) fn batch_delete(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: BatchDeleteImage = read(document)?;
    let name = repository_name(&request.repository_name)?;
    context.registry.repository(&name)?;
    let (mut deleted, mut failures) = (Vec::new(), Vec::new());
    for id in &request.image_ids {
        match delete_one(context, &name, id)? {
            Ok(mut ids) => deleted.append(&mut ids),
            Err((code, reason)) => failures.push(id.failure(code, reason)),
        }
    }
    Ok(json!({"imageIds": deleted, "failures": failures}))
}

fn delete_one(
    context: &Context<'_>,
    name: &RepositoryName,
    id: &ImageId,
) -> Result<Result<Vec<ImageId>, (&'static str, &'static str)>, Refusal> {
    let mut reference = match id.reference() {
        Ok(reference) => reference,
        Err(failure) => return Ok(Err(failure)),
    };
    if let (Reference::Digest(digest), Some(tag)) = (&reference, &id.image_tag) {
        // Digest and tag together mean the tag, if it points there.
        let tag = Tag::parse(tag).map_err(|invalid| Refusal::parameter("imageTag", invalid))?;
        let holder = context.registry.image(name, &tag.clone().into())?;
        if holder.is_none_or(|image| image.digest != *digest) {
            return Ok(Err((
                "ImageTagDoesNotMatchDigest",
                "Invalid request parameters: image tag does not point to the image digest",
            )));
        }
        reference = tag.into();
    }
    Ok(match context.registry.delete_image(name, &reference)? {
        Deletion::NotFound => Err(("ImageNotFound", "Requested image not found")),
        Deletion::Referenced => Err((
            "ImageReferencedByManifestList",
            "Requested image referenced by manifest list",
        )),
        Deletion::Done { digest, tags } => {
            follow_up::deleted(context.emulator, &context.registry, name, &reference, digest)?;
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
    })
}
