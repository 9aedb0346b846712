//! Images and layers of public repositories.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::repositories::{REGISTRY_ID_OR_ALIAS, REPOSITORY_NAME, keep};
use crate::faces::ecr::image_ids::IMAGE_IDS;
use crate::faces::ecr::layers::{self, LAYER_DIGEST, MAX_PART_BYTES, POSITION, UPLOAD_ID};
use crate::faces::ecr::{deletion, images, listing};
use crate::faces::json_api::{
    Context, Handler, Operation, Resource, Shape, epoch_seconds, optional, page_size, read, repository_name,
    required, with_token,
};
use crate::refusal::Refusal;
use crate::services::follow_up::TAGGED;
use crate::state::store::{ImageDetail, Owner, Page};
use tagship_domain::content::MAX_MANIFEST_BYTES;

pub(super) static OPERATIONS: &[Operation] = &[
    Operation {
        name: "BatchCheckLayerAvailability",
        on: Resource::Repository,
        input: &[
            optional("registryId", REGISTRY_ID_OR_ALIAS),
            required("repositoryName", REPOSITORY_NAME),
            required("layerDigests", Shape::list(&Shape::text(0, 1000), 1, 100)),
        ],
        run: Handler::Blocking(images::batch_check_layers),
    },
    Operation {
        name: "BatchDeleteImage",
        on: Resource::Repository,
        input: &[
            optional("registryId", REGISTRY_ID_OR_ALIAS),
            required("repositoryName", REPOSITORY_NAME),
            required("imageIds", IMAGE_IDS),
        ],
        run: Handler::Blocking(deletion::batch_delete),
    },
    Operation {
        name: "CompleteLayerUpload",
        on: Resource::Repository,
        input: &[
            optional("registryId", REGISTRY_ID_OR_ALIAS),
            required("repositoryName", REPOSITORY_NAME),
            required("uploadId", UPLOAD_ID),
            required("layerDigests", Shape::list(&LAYER_DIGEST, 1, 100)),
        ],
        run: Handler::Blocking(layers::complete),
    },
    Operation {
        name: "DescribeImages",
        on: Resource::Repository,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("repositoryName", REPOSITORY_NAME),
            optional("imageIds", IMAGE_IDS),
            optional("nextToken", Shape::ANY_TEXT),
            optional("maxResults", Shape::Integer { min: 1, max: 1000 }),
        ],
        run: Handler::Blocking(describe),
    },
    Operation {
        name: "DescribeImageTags",
        on: Resource::Repository,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("repositoryName", REPOSITORY_NAME),
            optional("nextToken", Shape::ANY_TEXT),
            optional("maxResults", Shape::Integer { min: 1, max: 1000 }),
        ],
        run: Handler::Blocking(describe_tags),
    },
    Operation {
        name: "InitiateLayerUpload",
        on: Resource::Repository,
        input: &[
            optional("registryId", REGISTRY_ID_OR_ALIAS),
            required("repositoryName", REPOSITORY_NAME),
        ],
        run: Handler::Blocking(layers::initiate),
    },
    Operation {
        name: "PutImage",
        on: Resource::Repository,
        input: &[
            optional("registryId", REGISTRY_ID_OR_ALIAS),
            required("repositoryName", REPOSITORY_NAME),
            required("imageManifest", Shape::text(1, MAX_MANIFEST_BYTES)),
            optional("imageManifestMediaType", Shape::ANY_TEXT),
            optional("imageTag", Shape::text(1, 300)),
            optional("imageDigest", Shape::ANY_TEXT),
        ],
        run: Handler::Waiting(images::put),
    },
    Operation {
        name: "UploadLayerPart",
        on: Resource::Repository,
        input: &[
            optional("registryId", REGISTRY_ID_OR_ALIAS),
            required("repositoryName", REPOSITORY_NAME),
            required("uploadId", UPLOAD_ID),
            required("partFirstByte", POSITION),
            required("partLastByte", POSITION),
            required("layerPartBlob", Shape::Blob { max: MAX_PART_BYTES }),
        ],
        run: Handler::Blocking(layers::upload_part),
    },
];

/// The members of an image. Source: ECR Public API reference, `ImageDetail`.
const IMAGE: &[&str] = &[
    "registryId",
    "repositoryName",
    "imageDigest",
    "imageTags",
    "imageSizeInBytes",
    "imagePushedAt",
    "imageManifestMediaType",
    "artifactMediaType",
];

/// `DescribeImages`.
fn describe(context: &Context<'_>, mut document: Value) -> Result<Value, Refusal> {
    // There is no filter.
    if let Some(fields) = document.as_object_mut() {
        fields.remove("filter");
    }
    let mut answer = listing::describe_images(context, document)?;
    for image in answer["imageDetails"].as_array_mut().into_iter().flatten() {
        keep(image, IMAGE);
    }
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DescribeImageTags {
    repository_name: String,
    next_token: Option<String>,
    max_results: Option<usize>,
}

/// `DescribeImageTags`.
fn describe_tags(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: DescribeImageTags = read(document)?;
    let name = repository_name(&request.repository_name)?;
    let images = context.registry.images(&name)?;
    let tagged: std::collections::BTreeMap<String, Timestamp> = context
        .registry
        .documents(Owner::Repository(&name), TAGGED)?
        .into_iter()
        .collect();
    let mut tags: Vec<(&str, &ImageDetail)> = images
        .iter()
        .flat_map(|image| image.tags.iter().map(move |tag| (tag.as_str(), image)))
        .collect();
    tags.sort_unstable_by_key(|(tag, _)| *tag);
    let page = Page::cut(
        tags,
        |(tag, _)| tag,
        request.next_token.as_deref(),
        page_size(request.max_results),
    )?;
    let details: Vec<Value> = page
        .items
        .into_iter()
        .map(|(tag, image)| {
            let tagged_at = tagged.get(tag).copied().unwrap_or(image.pushed_at);
            let mut detail = json!({
                "imageDigest": image.digest,
                "imageSizeInBytes": image.size,
                "imagePushedAt": epoch_seconds(image.pushed_at),
                "imageManifestMediaType": image.media_type,
            });
            if let Some(artifact_type) = &image.artifact_type {
                detail["artifactMediaType"] = artifact_type.as_str().into();
            }
            json!({"imageTag": tag, "createdAt": epoch_seconds(tagged_at), "imageDetail": detail})
        })
        .collect();
    Ok(with_token(json!({"imageTagDetails": details}), page.next))
}
