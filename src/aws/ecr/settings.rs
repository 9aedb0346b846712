//! A repository's settings.

use aws_sdk_ecr::types::{
    ImageTagMutability, ImageTagMutabilityExclusionFilter, ImageTagMutabilityExclusionFilterType, Repository,
};

use crate::aws::ecr::answer::Call;
use crate::aws::ecr::client::RegionClient;
use crate::ports::RegistryError;
use tagship_domain::error::cleaned;
use tagship_domain::immutability::{Mutability, TagFilter};
use tagship_domain::reference::{RegistryHost, RepositoryName};

/// Reads the repository's tag mutability. Source: ECR API reference, `DescribeRepositories`.
pub(super) async fn mutability(
    client: &RegionClient,
    registry: &RegistryHost,
    repository: &RepositoryName,
) -> Result<Mutability, RegistryError> {
    let call = Call {
        registry,
        repository,
        action: "ecr:DescribeRepositories",
        operation: "reading the repository's settings",
    };
    let account = registry.account().map(ToString::to_string);
    let answer = client
        .call(|client| {
            let request = client
                .describe_repositories()
                .repository_names(repository.as_str())
                .set_registry_id(account.clone());
            async move { request.send().await }
        })
        .await
        .map_err(|failure| call.failed(failure))?;
    let described = answer
        .repositories()
        .iter()
        .find(|described| described.repository_name() == Some(repository.as_str()))
        .ok_or_else(|| call.malformed("the answer does not describe the repository"))?;
    described_mutability(&call, described)
}

/// Returns what an answer says of a repository's tag mutability.
pub(super) fn described_mutability(
    call: &Call<'_>,
    described: &Repository,
) -> Result<Mutability, RegistryError> {
    let setting = described
        .image_tag_mutability()
        .ok_or_else(|| call.malformed("the answer lacks the repository's tag mutability"))?;
    mutability_of(call, setting, described.image_tag_mutability_exclusion_filters())
}

/// What a setting and its filters say.
pub(super) fn mutability_of(
    call: &Call<'_>,
    setting: &ImageTagMutability,
    filters: &[ImageTagMutabilityExclusionFilter],
) -> Result<Mutability, RegistryError> {
    match setting {
        ImageTagMutability::Mutable => Ok(Mutability::Mutable),
        ImageTagMutability::Immutable => Ok(Mutability::Immutable),
        ImageTagMutability::ImmutableWithExclusion => {
            Ok(Mutability::ImmutableWithExclusion(tag_filters(call, filters)?))
        }
        ImageTagMutability::MutableWithExclusion => {
            Ok(Mutability::MutableWithExclusion(tag_filters(call, filters)?))
        }
        other => Err(call.malformed(format!(
            "the repository has the tag mutability `{}`, which this version does not know",
            cleaned(other.as_str())
        ))),
    }
}

fn tag_filters(
    call: &Call<'_>,
    filters: &[ImageTagMutabilityExclusionFilter],
) -> Result<Vec<TagFilter>, RegistryError> {
    filters
        .iter()
        .map(|filter| match filter.filter_type() {
            ImageTagMutabilityExclusionFilterType::Wildcard => {
                TagFilter::parse(filter.filter()).map_err(|error| call.malformed(error.to_string()))
            }
            other => Err(call.malformed(format!(
                "the repository has a tag filter of type `{}`, which this version does not know",
                cleaned(other.as_str())
            ))),
        })
        .collect()
}
