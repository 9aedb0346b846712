//! Images as requests name them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::faces::json_api::{Context, Shape, optional};
use crate::refusal::Refusal;
use crate::state::store::ImageDetail;
use tagship_domain::reference::{Digest, Reference, RepositoryName, Tag};

/// Source: ECR API reference, `ImageIdentifier`.
pub(crate) const IMAGE_ID: Shape = Shape::Structure(&[
    optional("imageDigest", Shape::ANY_TEXT),
    optional("imageTag", Shape::text(1, 300)),
]);

/// The images that one request names.
pub(crate) const IMAGE_IDS: Shape = Shape::list(&IMAGE_ID, 1, 100);

impl std::fmt::Display for ImageId {
    /// As ECR's messages have it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "null".to_owned());
        write!(
            f,
            "{{imageDigest:'{}', imageTag:'{}'}}",
            text(&self.image_digest),
            text(&self.image_tag)
        )
    }
}

/// What names an image: a digest, a tag, or both.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImageId {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) image_digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) image_tag: Option<String>,
}

impl ImageId {
    /// The image's reference.
    pub(crate) fn reference(&self) -> Result<Reference, ImageFailure> {
        match (&self.image_digest, &self.image_tag) {
            (Some(digest), _) => Digest::parse(digest).map(Reference::from).map_err(|_invalid| {
                ImageFailure {
 code: "InvalidImageDigest",
 reason: "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
}
            }),
            (None, Some(tag)) => Tag::parse(tag)
                .map(Reference::from)
                .map_err(|_invalid| ImageFailure { code: "InvalidImageTag", reason: "Invalid request parameters: image tag is not legal" }),
            (None, None) => Err(ImageFailure { code: "MissingDigestAndTag", reason: "Invalid request parameters: both tag and digest cannot be null" }),
        }
    }

    /// The same with the digest that it stands for.
    pub(crate) fn with_digest(&self, digest: &Digest) -> Self {
        Self {
            image_digest: Some(digest.to_string()),
            image_tag: self.image_tag.clone(),
        }
    }

    /// This image's entry in a list of failures.
    pub(crate) fn failed(&self, failure: &ImageFailure) -> Value {
        json!({"imageId": self, "failureCode": failure.code, "failureReason": failure.reason})
    }
}

/// Why nothing is done with one image of several, while the others go on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ImageFailure {
    pub(crate) code: &'static str,
    pub(crate) reason: &'static str,
}

impl ImageFailure {
    pub(crate) const NOT_FOUND: Self = Self {
        code: "ImageNotFound",
        reason: "Requested image not found",
    };

    pub(crate) const OTHER_DIGEST: Self = Self {
        code: "ImageTagDoesNotMatchDigest",
        reason: "Invalid request parameters: image tag does not point to the image digest",
    };
}

/// What ends the work on one image of several.
#[derive(Debug)]
pub(crate) enum BatchFailure {
    /// The others go on.
    Image(ImageFailure),
    /// The whole request is refused.
    Request(Refusal),
}

impl From<ImageFailure> for BatchFailure {
    fn from(failure: ImageFailure) -> Self {
        Self::Image(failure)
    }
}

impl From<Refusal> for BatchFailure {
    fn from(refusal: Refusal) -> Self {
        Self::Request(refusal)
    }
}

/// Does `work` with each image; gives what came of it, and the failures as the API lists them.
pub(crate) fn each<T>(
    ids: &[ImageId],
    mut work: impl FnMut(&ImageId) -> Result<T, BatchFailure>,
) -> Result<(Vec<T>, Vec<Value>), Refusal> {
    let (mut done, mut failures) = (Vec::new(), Vec::new());
    for id in ids {
        match work(id) {
            Ok(one) => done.push(one),
            Err(BatchFailure::Image(failure)) => failures.push(id.failed(&failure)),
            Err(BatchFailure::Request(refusal)) => return Err(refusal),
        }
    }
    Ok((done, failures))
}

/// The image that a request names.
pub(crate) fn image_of(
    context: &Context<'_>,
    name: &RepositoryName,
    id: &ImageId,
) -> Result<ImageDetail, Refusal> {
    find(&context.registry.images(name)?, id)?
        .cloned()
        .ok_or_else(|| not_found(context, name, id))
}

/// The refusal of an image that is not there.
pub(crate) fn not_found(context: &Context<'_>, name: &RepositoryName, id: &ImageId) -> Refusal {
    Refusal::ImageNotFound {
        digest: id.image_digest.clone(),
        tag: id.image_tag.clone(),
        repository: name.clone(),
        registry: context.registry.account().clone(),
    }
}

/// Finds an image among those of its repository.
pub(crate) fn find<'a>(images: &'a [ImageDetail], id: &ImageId) -> Result<Option<&'a ImageDetail>, Refusal> {
    let reference = id
        .reference()
        .map_err(|failure| Refusal::InvalidParameter(failure.reason.to_owned()))?;
    Ok(images.iter().find(|image| match &reference {
        Reference::Digest(digest) => {
            image.digest == *digest && id.image_tag.as_ref().is_none_or(|tag| image.tags.contains(tag))
        }
        Reference::Tag(tag) => image.tags.iter().any(|other| other == tag.as_str()),
    }))
}
