//! `BatchGetImage`: the manifests that tags point to.

use std::collections::BTreeMap;

use aws_sdk_ecr::operation::batch_get_image::BatchGetImageOutput;
use aws_sdk_ecr::types::{Image, ImageFailure, ImageFailureCode, ImageIdentifier};
use serde::Deserialize;

use crate::aws::ecr::answer::Call;
use crate::aws::ecr::client::RegionClient;
use crate::ports::{FoundManifests, RegistryError};
use tagship_domain::content::{MANIFEST_TYPES, Manifest};
use tagship_domain::error::cleaned;
use tagship_domain::reference::{Digest, Reference, RegistryHost, RepositoryName, Tag};

/// The most images that one request names. Source: ECR API reference, `BatchGetImage`, `imageIds`.
const MOST_IMAGES: usize = 100;

/// Returns the manifests of those of `digests` and `tags` that exist. Source: ECR API reference, `BatchGetImage`.
pub(super) async fn look_up(
    client: &RegionClient,
    registry: &RegistryHost,
    repository: &RepositoryName,
    digests: &[Digest],
    tags: &[Tag],
) -> Result<FoundManifests, RegistryError> {
    let call = Call {
        registry,
        repository,
        action: "ecr:BatchGetImage",
        operation: "looking up images",
    };
    let mut found = FoundManifests::default();
    let digests = digests.iter().copied().map(Reference::Digest);
    let mut pending: Vec<Reference> = digests.chain(tags.iter().cloned().map(Reference::Tag)).collect();
    pending.sort_unstable();
    pending.dedup();
    while !pending.is_empty() {
        let asked = &pending[..pending.len().min(MOST_IMAGES)];
        let mut answers = read(&call, &ask(&call, client, asked).await?)?;
        let before = pending.len();
        pending.retain(|reference| {
            let Some(answer) = answers.remove(reference) else {
                return true;
            };
            match (reference, answer) {
                (Reference::Digest(digest), Some(manifest)) => {
                    found.digests.insert(*digest, manifest);
                }
                (Reference::Tag(tag), Some(manifest)) => {
                    found.tags.insert(tag.clone(), manifest);
                }
                (_, None) => {}
            }
            false
        });
        if pending.len() == before {
            return Err(call.malformed("the answer is about no image that was asked for"));
        }
    }
    Ok(found)
}

async fn ask(
    call: &Call<'_>,
    client: &RegionClient,
    references: &[Reference],
) -> Result<BatchGetImageOutput, RegistryError> {
    let account = call.registry.account().map(ToString::to_string);
    let ids: Vec<_> = references
        .iter()
        .map(|reference| {
            let id = ImageIdentifier::builder();
            match reference {
                Reference::Tag(tag) => id.image_tag(tag.as_str()),
                Reference::Digest(digest) => id.image_digest(digest.to_string()),
            }
            .build()
        })
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

/// What an answer says of each tag and digest that it is about: the manifest, or that there is none.
fn read(
    call: &Call<'_>,
    output: &BatchGetImageOutput,
) -> Result<BTreeMap<Reference, Option<Manifest>>, RegistryError> {
    let mut answers = BTreeMap::new();
    for failure in output.failures() {
        if let Some(reference) = absent(call, failure)? {
            answers.insert(reference, None);
        }
    }
    for image in output.images() {
        let (tag, manifest) = manifest(call, image)?;
        answers.insert(Reference::Digest(manifest.digest()), Some(manifest.clone()));
        if let Some(tag) = tag {
            answers.insert(Reference::Tag(tag), Some(manifest));
        }
    }
    Ok(answers)
}

/// An image's manifest, with the tag that it was asked for by.
pub(super) fn manifest(call: &Call<'_>, image: &Image) -> Result<(Option<Tag>, Manifest), RegistryError> {
    let id = image.image_id();
    let tag = id
        .and_then(ImageIdentifier::image_tag)
        .and_then(|tag| Tag::parse(tag).ok());
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
    Ok((tag, manifest))
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

/// What an answer says is not there; `None` if it does not name it.
fn absent(call: &Call<'_>, failure: &ImageFailure) -> Result<Option<Reference>, RegistryError> {
    let id = failure.image_id();
    let tag = id.and_then(ImageIdentifier::image_tag);
    let digest = id.and_then(ImageIdentifier::image_digest);
    match failure.failure_code() {
        Some(ImageFailureCode::ImageNotFound) => Ok(match (tag, digest) {
            (Some(tag), _) => Tag::parse(tag).ok().map(Reference::Tag),
            (None, Some(digest)) => Digest::parse(digest).ok().map(Reference::Digest),
            (None, None) => None,
        }),
        code => Err(call.malformed(format!(
            "`{}`: {} ({})",
            cleaned(tag.or(digest).unwrap_or_default()),
            cleaned(failure.failure_reason().unwrap_or("no reason given")),
            cleaned(code.map_or("no code", ImageFailureCode::as_str)),
        ))),
    }
}
