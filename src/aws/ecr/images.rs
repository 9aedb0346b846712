//! `BatchGetImage`: the manifests that tags point to.

use std::collections::BTreeMap;

use aws_sdk_ecr::operation::batch_get_image::BatchGetImageOutput;
use aws_sdk_ecr::types::{Image, ImageFailure, ImageFailureCode, ImageIdentifier};
use serde::Deserialize;

use crate::aws::ecr::answer::Call;
use crate::aws::ecr::client::RegionClient;
use crate::ports::RegistryError;
use tagship_domain::content::{MANIFEST_TYPES, Manifest};
use tagship_domain::error::cleaned;
use tagship_domain::reference::{Digest, RegistryHost, RepositoryName, Tag};

/// The most images that one request names. Source: ECR API reference, `BatchGetImage`, `imageIds`.
const MOST_IMAGES: usize = 100;

/// The manifests of those of `tags` that exist. Source: ECR API reference, `BatchGetImage`.
pub(super) async fn resolve(
    client: &RegionClient,
    registry: &RegistryHost,
    repository: &RepositoryName,
    tags: &[Tag],
) -> Result<BTreeMap<Tag, Manifest>, RegistryError> {
    let call = Call {
        registry,
        repository,
        action: "ecr:BatchGetImage",
        operation: "looking up tags",
    };
    let mut found = BTreeMap::new();
    let mut pending: Vec<&Tag> = tags.iter().collect();
    pending.sort_unstable();
    pending.dedup();
    while !pending.is_empty() {
        let asked = &pending[..pending.len().min(MOST_IMAGES)];
        let answers = read(&call, &ask(&call, client, asked).await?)?;
        let before = pending.len();
        pending.retain(|tag| !answers.contains_key(tag.as_str()));
        if pending.len() == before {
            return Err(call.malformed("the answer is about none of the tags that were asked for"));
        }
        for tag in tags {
            if let Some(Some(manifest)) = answers.get(tag.as_str()) {
                found.insert(tag.clone(), manifest.clone());
            }
        }
    }
    Ok(found)
}

async fn ask(
    call: &Call<'_>,
    client: &RegionClient,
    tags: &[&Tag],
) -> Result<BatchGetImageOutput, RegistryError> {
    let account = call.registry.account().map(ToString::to_string);
    let ids: Vec<_> = tags
        .iter()
        .map(|tag| ImageIdentifier::builder().image_tag(tag.as_str()).build())
        .collect();
    let accepted: Vec<_> = MANIFEST_TYPES.map(str::to_owned).into();
    client
        .call(|client| {
            let request = client
                .batch_get_image()
                .set_registry_id(account.clone())
                .repository_name(call.repository.as_str())
                .set_image_ids(Some(ids.clone()))
                .set_accepted_media_types(Some(accepted.clone()));
            async move { request.send().await }
        })
        .await
        .map_err(|failure| call.failed(failure))
}

/// What an answer says of each tag it is about: the manifest, or that there is none.
fn read(
    call: &Call<'_>,
    output: &BatchGetImageOutput,
) -> Result<BTreeMap<String, Option<Manifest>>, RegistryError> {
    let mut answers = BTreeMap::new();
    for image in output.images() {
        let (tag, manifest) = manifest(call, image)?;
        answers.insert(tag, Some(manifest));
    }
    for failure in output.failures() {
        answers.insert(absent_tag(call, failure)?, None);
    }
    Ok(answers)
}

fn manifest(call: &Call<'_>, image: &Image) -> Result<(String, Manifest), RegistryError> {
    let id = image.image_id();
    let tag = id
        .and_then(ImageIdentifier::image_tag)
        .ok_or_else(|| call.malformed("the answer holds an image without its tag"))?;
    let bytes = image
        .image_manifest()
        .ok_or_else(|| call.malformed("the answer holds an image without its manifest"))?;
    let media_type = image
        .image_manifest_media_type()
        .map(str::to_owned)
        .or_else(|| own_media_type(bytes))
        .ok_or_else(|| call.malformed("the answer holds a manifest without its media type"))?;
    let manifest = Manifest::new(media_type, bytes.to_owned());
    let expected = id
        .and_then(ImageIdentifier::image_digest)
        .and_then(|digest| Digest::parse(digest).ok())
        .ok_or_else(|| call.malformed("the answer holds an image without its digest"))?;
    if manifest.digest() != expected {
        return Err(RegistryError::ContentMismatch {
            expected,
            found: format!("a manifest with digest {}", manifest.digest()),
        });
    }
    Ok((tag.to_owned(), manifest))
}

/// Older images have no media type of their own in ECR's database, but mostly in the manifest.
fn own_media_type(manifest: &str) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct MediaTyped {
        media_type: String,
    }
    serde_json::from_str::<MediaTyped>(manifest)
        .ok()
        .map(|typed| typed.media_type)
}

fn absent_tag(call: &Call<'_>, failure: &ImageFailure) -> Result<String, RegistryError> {
    let tag = failure
        .image_id()
        .and_then(ImageIdentifier::image_tag)
        .unwrap_or_default();
    match failure.failure_code() {
        Some(ImageFailureCode::ImageNotFound) => Ok(tag.to_owned()),
        code => Err(call.malformed(format!(
            "tag `{}`: {} ({})",
            cleaned(tag),
            cleaned(failure.failure_reason().unwrap_or("no reason given")),
            cleaned(code.map_or("no code", ImageFailureCode::as_str)),
        ))),
    }
}
