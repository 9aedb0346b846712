//! Deletes images of a repository.

use aws_sdk_ecr::types::{ImageFailureCode, ImageIdentifier};

use super::Paced;
use crate::aws::ecr::answer::Call;
use crate::ports::{DoomedImage, RegistryError};
use tagship_domain::error::cleaned;
use tagship_domain::reference::{Digest, RepositoryName};

/// Deletes images, as many as one request names; returns those that are left, with the reason. What is gone is no failure.
///
/// Source: ECR API reference, `BatchDeleteImage`: an image whose last tag is removed is deleted.
pub(super) async fn delete(
    paced: &Paced<'_>,
    repository: &RepositoryName,
    images: &[DoomedImage],
) -> Result<Vec<(Digest, String)>, RegistryError> {
    let call = Call {
        registry: paced.registry,
        repository,
        action: "ecr:BatchDeleteImage",
        operation: "deleting images",
    };
    let id = |image: &DoomedImage| {
        ImageIdentifier::builder()
            .image_digest(image.digest.to_string())
            .set_image_tag(image.tag.clone())
            .build()
    };
    let ids: Vec<ImageIdentifier> = images.iter().map(id).collect();
    let answer = paced.call(call.action, |client| {
        let request = client
            .batch_delete_image()
            .set_registry_id(paced.account())
            .repository_name(repository.as_str())
            .set_image_ids(Some(ids.clone()));
        async move { request.send().await }
    });
    let answer = answer.await.map_err(|failure| call.failed(failure))?;
    let mut left = Vec::new();
    for failure in answer.failures() {
        if failure.failure_code() == Some(&ImageFailureCode::ImageNotFound) {
            continue;
        }
        let digest = failure.image_id().and_then(ImageIdentifier::image_digest);
        let digest = digest
            .and_then(|digest| Digest::parse(digest).ok())
            .ok_or_else(|| call.malformed("the answer does not say which image is left"))?;
        left.push((
            digest,
            cleaned(failure.failure_reason().unwrap_or("no reason given")),
        ));
    }
    Ok(left)
}
