//! The storage class of images.

use serde::Deserialize;
use serde_json::{Value, json};

use super::image_ids::{IMAGE_ID, ImageId, image_of};
use crate::faces::json_api::{
    Context, Handler, Operation, Resource, Shape, optional, read, repository_name, required,
};
use crate::refusal::Refusal;
use crate::services::scanning;
use crate::state::store::StorageClass;

pub(crate) static OPERATIONS: &[Operation] = &[Operation {
    name: "UpdateImageStorageClass",
    on: Resource::Repository,
    input: &[
        optional("registryId", Shape::REGISTRY_ID),
        required("repositoryName", Shape::REPOSITORY_NAME),
        required("imageId", IMAGE_ID),
        required("targetStorageClass", Shape::Enum(&["STANDARD", "ARCHIVE"])),
    ],
    run: Handler::Blocking(update),
}];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UpdateImageStorageClass {
    repository_name: String,
    image_id: ImageId,
    target_storage_class: StorageClass,
}

/// `UpdateImageStorageClass`.
fn update(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: UpdateImageStorageClass = read(document)?;
    let name = repository_name(&request.repository_name)?;
    let (class, now) = (request.target_storage_class, context.now());
    let image = image_of(context, &name, &request.image_id)?;
    let storage = context.registry.move_image(&name, image.digest, class, now)?;
    if class == StorageClass::Standard {
        scanning::restored(&context.registry, &name, &image, storage.active_from(now))?;
    }
    Ok(json!({
        "registryId": context.registry.account(),
        "repositoryName": name,
        "imageId": request.image_id.with_digest(&image.digest),
        "imageStatus": storage.status(now),
    }))
}
