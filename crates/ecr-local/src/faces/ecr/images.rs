//! Images that are put and got, and the layers that are there for them.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};

use super::image_ids::{BatchFailure, IMAGE_IDS, ImageFailure, ImageId, each};
use crate::faces::json_api::{
    Context, Handler, Operation, Resource, Shape, optional, read, repository_name, required,
};
use crate::manifest::ParsedManifest;
use crate::refusal::Refusal;
use crate::services::creation;
use crate::services::follow_up::{self, Pull};
use crate::services::pull_through;
use crate::services::pushes;
use crate::state::quirks::DigestRule;
use crate::state::store::{ImagePush, ImageStatus, RepeatedPush};
use tagship_domain::content::MAX_MANIFEST_BYTES;
use tagship_domain::reference::{Digest, RepositoryName, Tag};

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        name: "BatchCheckLayerAvailability",
        on: Resource::Repository,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("repositoryName", Shape::REPOSITORY_NAME),
            required("layerDigests", Shape::list(&Shape::text(0, 1000), 1, 100)),
        ],
        run: Handler::Blocking(batch_check_layers),
    },
    Operation {
        name: "BatchGetImage",
        on: Resource::Repository,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("repositoryName", Shape::REPOSITORY_NAME),
            required("imageIds", IMAGE_IDS),
            optional("acceptedMediaTypes", Shape::list(&Shape::ANY_TEXT, 1, 100)),
        ],
        run: Handler::Blocking(batch_get),
    },
    Operation {
        name: "PutImage",
        on: Resource::Repository,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("repositoryName", Shape::REPOSITORY_NAME),
            required("imageManifest", Shape::text(1, MAX_MANIFEST_BYTES)),
            optional("imageManifestMediaType", Shape::ANY_TEXT),
            optional("imageTag", Shape::text(1, 300)),
            optional("imageDigest", Shape::ANY_TEXT),
        ],
        run: Handler::Waiting(put),
    },
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BatchGetImage {
    repository_name: String,
    image_ids: Vec<ImageId>,
    accepted_media_types: Option<Vec<String>>,
}

/// `BatchGetImage`.
fn batch_get(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: BatchGetImage = read(document)?;
    let name = repository_name(&request.repository_name)?;
    let sender = context.sender();
    for reference in request.image_ids.iter().filter_map(|id| id.reference().ok()) {
        pull_through::fetch(context.state, &context.registry, sender, &name, &reference)?;
    }
    context.registry.repository(&name)?;
    let accepted = request.accepted_media_types.as_deref();
    let (images, failures) = each(&request.image_ids, |id| get_one(context, &name, id, accepted))?;
    Ok(json!({"images": images, "failures": failures}))
}

fn get_one(
    context: &Context<'_>,
    name: &RepositoryName,
    id: &ImageId,
    accepted: Option<&[String]>,
) -> Result<Value, BatchFailure> {
    let reference = id.reference()?;
    let Some(image) = context.registry.image(name, &reference)? else {
        return Err(ImageFailure::NOT_FOUND.into());
    };
    if context
        .registry
        .storage(name, &image.digest)?
        .status(context.now())
        != ImageStatus::Active
    {
        return Err(ImageFailure {
            code: "ImageInaccessible",
            reason: "The image is archived and cannot be pulled",
        }
        .into());
    }
    if let (Some(_), Some(tag)) = (&id.image_digest, &id.image_tag) {
        let tagged = Tag::parse(tag)
            .ok()
            .map(|tag| context.registry.image(name, &tag.into()))
            .transpose()?
            .flatten();
        if tagged.is_none_or(|tagged| tagged.digest != image.digest) {
            return Err(ImageFailure::OTHER_DIGEST.into());
        }
    }
    follow_up::pulled(
        context.state,
        &Pull {
            registry: &context.registry,
            repository: name,
            digest: &image.digest,
            principal: context.principal,
        },
    )?;
    // ECR would translate the manifest, under another digest; that is never done here.
    let acceptable =
        accepted.is_none_or(|accepted| accepted.is_empty() || accepted.contains(&image.media_type));
    if !acceptable {
        return Err(ImageFailure::NOT_FOUND.into());
    }
    let mut image_id = json!({"imageDigest": image.digest});
    if let (Some(tag), Some(fields)) = (&id.image_tag, image_id.as_object_mut()) {
        fields.insert("imageTag".to_owned(), tag.as_str().into());
    }
    let manifest = std::str::from_utf8(&image.bytes).map_err(Refusal::state)?;
    Ok(json!({
        "registryId": context.registry.account(),
        "repositoryName": name,
        "imageId": image_id,
        "imageManifest": manifest,
        "imageManifestMediaType": image.media_type,
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PutImageRequest {
    repository_name: String,
    image_manifest: String,
    image_manifest_media_type: Option<String>,
    image_tag: Option<String>,
    image_digest: Option<String>,
}

/// `PutImage`.
pub(crate) fn put<'a>(context: &'a Context<'a>, document: Value) -> BoxFuture<'a, Result<Value, Refusal>> {
    Box::pin(put_image(context, document))
}

async fn put_image(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: PutImageRequest = read(document)?;
    let name = repository_name(&request.repository_name)?;
    let tag = request
        .image_tag
        .as_deref()
        .map(Tag::parse)
        .transpose()
        .map_err(|invalid| Refusal::parameter("imageTag", invalid))?;
    let digest = request
        .image_digest
        .as_deref()
        .map(Digest::parse)
        .transpose()
        .map_err(|invalid| Refusal::parameter("imageDigest", invalid))?;
    creation::before_push(context.state, &context.registry, &name).await?;
    let bytes = Bytes::from(request.image_manifest);
    let manifest = ParsedManifest::parse(
        bytes,
        request.image_manifest_media_type.as_deref(),
        DigestRule::AsEcr,
    )?;
    let push = ImagePush {
        registry: context.registry.clone(),
        repository: name.clone(),
        manifest: manifest.clone(),
        tag: tag.clone(),
        digest,
        repeat: RepeatedPush::Refuse,
        wording: context.state.quirks.immutable_wording,
        at: context.now(),
    };
    let stored = pushes::push(context.state, context.pushes, push, context.principal).await?;
    let id = ImageId {
        image_digest: Some(stored.to_string()),
        image_tag: tag.map(|tag| tag.to_string()),
    };
    Ok(json!({"image": {
        "registryId": context.registry.account(),
        "repositoryName": name,
        "imageId": id,
        "imageManifest": std::str::from_utf8(manifest.bytes()).map_err(Refusal::state)?,
        "imageManifestMediaType": manifest.media_type(),
    }}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BatchCheckLayerAvailability {
    repository_name: String,
    layer_digests: Vec<String>,
}

/// `BatchCheckLayerAvailability`.
pub(crate) fn batch_check_layers(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: BatchCheckLayerAvailability = read(document)?;
    let name = repository_name(&request.repository_name)?;
    context.registry.repository(&name)?;
    let archived = context.registry.archived_layers(&name, context.now())?;
    let (mut layers, mut failures) = (Vec::new(), Vec::new());
    for text in &request.layer_digests {
        let Ok(digest) = Digest::parse(text) else {
            failures.push(json!({
                "layerDigest": text,
                "failureCode": "InvalidLayerDigest",
                "failureReason": "Invalid request parameters: layer digest is not legal",
            }));
            continue;
        };
        match context.registry.layer(&name, &digest)? {
            Some(size) => layers.push(json!({
                "layerDigest": digest,
                "layerAvailability": if archived.contains(&digest) { "ARCHIVED" } else { "AVAILABLE" },
                "layerSize": size,
            })),
            None => layers.push(json!({"layerDigest": digest, "layerAvailability": "UNAVAILABLE"})),
        }
    }
    Ok(json!({"layers": layers, "failures": failures}))
}
