//! Which copies a pull-through cache has now. Nothing is read through a rule, so that nothing is imported.

use async_trait::async_trait;
use aws_sdk_ecr::types::ImageIdentifier;

use super::{Paced, RegistryRepositories};
use crate::aws::ecr::answer::Call;
use crate::ports::{ReadBaseCache, RegistryError};
use tagship_domain::reference::{Digest, Reference, RepositoryName};

#[async_trait]
impl ReadBaseCache for RegistryRepositories {
    async fn cached_digest(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<Option<Digest>, RegistryError> {
        digest(&self.paced(), repository, reference).await
    }
}

/// Source: ECR API reference, `DescribeImages`: it looks at the registry's own images alone, where `BatchGetImage` may pull.
async fn digest(
    paced: &Paced<'_>,
    repository: &RepositoryName,
    reference: &Reference,
) -> Result<Option<Digest>, RegistryError> {
    let call = Call {
        registry: paced.registry,
        repository,
        action: "ecr:DescribeImages",
        operation: "looking for a base image in the pull-through cache",
    };
    let id = match reference {
        Reference::Tag(tag) => ImageIdentifier::builder().image_tag(tag.as_str()),
        Reference::Digest(digest) => ImageIdentifier::builder().image_digest(digest.to_string()),
    };
    let id = id.build();
    let answer = paced.call(call.action, |client| {
        let request = client
            .describe_images()
            .set_registry_id(paced.account())
            .repository_name(repository.as_str())
            .image_ids(id.clone());
        async move { request.send().await }
    });
    let answer = match answer.await {
        Ok(answer) => answer,
        Err(failure)
            if ["RepositoryNotFoundException", "ImageNotFoundException"].contains(&&*failure.code) =>
        {
            return Ok(None);
        }
        Err(failure) => return Err(call.failed(failure)),
    };
    let digest = answer
        .image_details()
        .iter()
        .find_map(|image| image.image_digest());
    let invalid = |_invalid| call.malformed("the answer holds an image whose digest is none");
    digest.map(Digest::parse).transpose().map_err(invalid)
}
