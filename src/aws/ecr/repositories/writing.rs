//! Changes of repositories.

use std::collections::BTreeMap;

use aws_sdk_ecr::types::{
    EncryptionConfiguration, EncryptionType as ApiEncryption, ImageScanningConfiguration, ImageTagMutability,
    ImageTagMutabilityExclusionFilter, ImageTagMutabilityExclusionFilterType, Tag,
};
use serde_json::Value;

use super::Paced;
use super::reading::actual;
use crate::aws::ecr::answer::Call;
use crate::ports::{Creation, RegistryError};
use tagship_domain::immutability::{Mutability, TagFilter};
use tagship_domain::reference::RepositoryName;
use tagship_domain::repositories::{ActualRepository, Change, DeclaredRepository};

/// The permission that tags need, also those of a repository that is made.
const TAG: &str = "ecr:TagResource";

/// Makes a repository with all that is declared of it but its policies. Source: ECR API reference, `CreateRepository`.
pub(super) async fn create(
    paced: &Paced<'_>,
    declared: &DeclaredRepository,
) -> Result<Creation, RegistryError> {
    let call = Call {
        registry: paced.registry,
        repository: &declared.name,
        action: "ecr:CreateRepository",
        operation: "making the repository",
    };
    let settings = &declared.settings;
    let encryption = settings.encryption.as_ref().map(|encryption| {
        EncryptionConfiguration::builder()
            .encryption_type(ApiEncryption::from(encryption.kind.as_str()))
            .set_kms_key(encryption.key.clone())
            .build()
    });
    let encryption = encryption
        .transpose()
        .map_err(|error| call.malformed(error.to_string()))?;
    let scanning = settings.scan_on_push.map(|on_push| {
        ImageScanningConfiguration::builder()
            .scan_on_push(on_push)
            .build()
    });
    let (mutability, filters) = match &settings.mutability {
        Some(mutability) => {
            let (mutability, filters) = worded(&call, mutability)?;
            (Some(mutability), filters)
        }
        None => (None, None),
    };
    // Without tags the role needs no permission for them.
    let tags = (!settings.tags.is_empty()).then(|| tags(&call, settings.tags.pairs()));
    let tags = tags.transpose()?;
    let made = paced.call(call.action, |client| {
        let request = client
            .create_repository()
            .set_registry_id(paced.account())
            .repository_name(declared.name.as_str())
            .set_image_tag_mutability(mutability.clone())
            .set_image_tag_mutability_exclusion_filters(filters.clone())
            .set_encryption_configuration(encryption.clone())
            .set_image_scanning_configuration(scanning.clone())
            .set_tags(tags.clone());
        async move { request.send().await }
    });
    match made.await {
        Ok(answer) => {
            let missing = || call.malformed("the answer does not describe the repository");
            let repository = answer.repository().ok_or_else(missing)?;
            Ok(Creation::Made(Box::new(actual(&call, repository)?)))
        }
        Err(failure) if failure.code == "RepositoryAlreadyExistsException" => Ok(Creation::Found),
        // Tags need a permission of their own, which the answer names.
        Err(failure) if failure.is_access_denied() && failure.message.contains(TAG) => {
            let call = Call { action: TAG, ..call };
            Err(call.failed(failure))
        }
        Err(failure) => Err(call.failed(failure)),
    }
}

/// Changes one setting of a repository.
pub(super) async fn change(
    paced: &Paced<'_>,
    repository: &ActualRepository,
    change: &Change,
) -> Result<(), RegistryError> {
    let name = &repository.name;
    match change {
        Change::Mutability { to, .. } => put_mutability(paced, name, to).await,
        // A repository is encrypted from the moment it is made, and a private registry has no catalog, which its plan says.
        Change::Encryption { .. } | Change::Catalog { .. } => Ok(()),
        Change::ScanOnPush { to, .. } => put_scan_on_push(paced, name, *to).await,
        Change::Tags { from, to } => put_tags(paced, repository, from, to).await,
        Change::Policy { to, .. } => put_policy(paced, name, to.as_ref()).await,
        Change::Lifecycle { to, .. } => put_lifecycle(paced, name, to.as_ref()).await,
    }
}

/// Source: ECR API reference, `PutImageTagMutability`.
async fn put_mutability(
    paced: &Paced<'_>,
    repository: &RepositoryName,
    mutability: &Mutability,
) -> Result<(), RegistryError> {
    let call = Call {
        registry: paced.registry,
        repository,
        action: "ecr:PutImageTagMutability",
        operation: "setting which tags may move",
    };
    let (mutability, filters) = worded(&call, mutability)?;
    let put = paced.call(call.action, |client| {
        let request = client
            .put_image_tag_mutability()
            .set_registry_id(paced.account())
            .repository_name(repository.as_str())
            .image_tag_mutability(mutability.clone())
            .set_image_tag_mutability_exclusion_filters(filters.clone());
        async move { request.send().await }
    });
    put.await.map(drop).map_err(|failure| call.failed(failure))
}

/// Source: ECR API reference, `PutImageScanningConfiguration`.
async fn put_scan_on_push(
    paced: &Paced<'_>,
    repository: &RepositoryName,
    on_push: bool,
) -> Result<(), RegistryError> {
    let call = Call {
        registry: paced.registry,
        repository,
        action: "ecr:PutImageScanningConfiguration",
        operation: "setting whether images are scanned on push",
    };
    let scanning = ImageScanningConfiguration::builder()
        .scan_on_push(on_push)
        .build();
    let put = paced.call(call.action, |client| {
        let request = client
            .put_image_scanning_configuration()
            .set_registry_id(paced.account())
            .repository_name(repository.as_str())
            .image_scanning_configuration(scanning.clone());
        async move { request.send().await }
    });
    put.await.map(drop).map_err(|failure| call.failed(failure))
}

/// Returns the keys of tags that are not there any more.
pub(in crate::aws::ecr) fn keys_gone(
    from: &BTreeMap<String, String>,
    to: &BTreeMap<String, String>,
) -> Vec<String> {
    let keys = from.keys().filter(|key| !to.contains_key(*key));
    keys.cloned().collect()
}

/// Source: ECR API reference, `TagResource` and `UntagResource`.
async fn put_tags(
    paced: &Paced<'_>,
    repository: &ActualRepository,
    from: &BTreeMap<String, String>,
    to: &BTreeMap<String, String>,
) -> Result<(), RegistryError> {
    let call = |action| Call {
        registry: paced.registry,
        repository: &repository.name,
        action,
        operation: "setting the repository's tags",
    };
    let gone = keys_gone(from, to);
    if !gone.is_empty() {
        let call = call("ecr:UntagResource");
        let removed = paced.call(call.action, |client| {
            let request = client
                .untag_resource()
                .resource_arn(&repository.arn)
                .set_tag_keys(Some(gone.clone()));
            async move { request.send().await }
        });
        removed.await.map_err(|failure| call.failed(failure))?;
    }
    if !to.is_empty() {
        let call = call(TAG);
        let tags = tags(&call, to)?;
        let put = paced.call(call.action, |client| {
            let request = client
                .tag_resource()
                .resource_arn(&repository.arn)
                .set_tags(Some(tags.clone()));
            async move { request.send().await }
        });
        put.await.map_err(|failure| call.failed(failure))?;
    }
    Ok(())
}

/// Source: ECR API reference, `SetRepositoryPolicy` and `DeleteRepositoryPolicy`.
async fn put_policy(
    paced: &Paced<'_>,
    repository: &RepositoryName,
    policy: Option<&Value>,
) -> Result<(), RegistryError> {
    let call = |action| Call {
        registry: paced.registry,
        repository,
        action,
        operation: "setting the repository's policy",
    };
    let Some(policy) = policy else {
        let call = call("ecr:DeleteRepositoryPolicy");
        let removed = paced.call(call.action, |client| {
            let request = client
                .delete_repository_policy()
                .set_registry_id(paced.account())
                .repository_name(repository.as_str());
            async move { request.send().await }
        });
        return match removed.await {
            Err(failure) if failure.code == "RepositoryPolicyNotFoundException" => Ok(()),
            removed => removed.map(drop).map_err(|failure| call.failed(failure)),
        };
    };
    let call = call("ecr:SetRepositoryPolicy");
    let text = policy.to_string();
    let put = paced.call(call.action, |client| {
        let request = client
            .set_repository_policy()
            .set_registry_id(paced.account())
            .repository_name(repository.as_str())
            .policy_text(&text);
        async move { request.send().await }
    });
    put.await.map(drop).map_err(|failure| call.failed(failure))
}

/// Source: ECR API reference, `PutLifecyclePolicy` and `DeleteLifecyclePolicy`.
async fn put_lifecycle(
    paced: &Paced<'_>,
    repository: &RepositoryName,
    policy: Option<&Value>,
) -> Result<(), RegistryError> {
    let call = |action| Call {
        registry: paced.registry,
        repository,
        action,
        operation: "setting the repository's lifecycle policy",
    };
    let Some(policy) = policy else {
        let call = call("ecr:DeleteLifecyclePolicy");
        let removed = paced.call(call.action, |client| {
            let request = client
                .delete_lifecycle_policy()
                .set_registry_id(paced.account())
                .repository_name(repository.as_str());
            async move { request.send().await }
        });
        return match removed.await {
            Err(failure) if failure.code == "LifecyclePolicyNotFoundException" => Ok(()),
            removed => removed.map(drop).map_err(|failure| call.failed(failure)),
        };
    };
    let call = call("ecr:PutLifecyclePolicy");
    let text = policy.to_string();
    let put = paced.call(call.action, |client| {
        let request = client
            .put_lifecycle_policy()
            .set_registry_id(paced.account())
            .repository_name(repository.as_str())
            .lifecycle_policy_text(&text);
        async move { request.send().await }
    });
    put.await.map(drop).map_err(|failure| call.failed(failure))
}

/// A mutability as the API has it.
pub(super) fn worded(
    call: &Call<'_>,
    mutability: &Mutability,
) -> Result<(ImageTagMutability, Option<Vec<ImageTagMutabilityExclusionFilter>>), RegistryError> {
    let filters = |filters: &[TagFilter]| {
        let filters = filters.iter().map(|filter| {
            ImageTagMutabilityExclusionFilter::builder()
                .filter_type(ImageTagMutabilityExclusionFilterType::Wildcard)
                .filter(filter.as_str())
                .build()
        });
        let filters: Result<Vec<_>, _> = filters.collect();
        filters
            .map(Some)
            .map_err(|error| call.malformed(error.to_string()))
    };
    Ok(match mutability {
        Mutability::Mutable => (ImageTagMutability::Mutable, None),
        Mutability::Immutable => (ImageTagMutability::Immutable, None),
        Mutability::ImmutableWithExclusion(excluded) => {
            (ImageTagMutability::ImmutableWithExclusion, filters(excluded)?)
        }
        Mutability::MutableWithExclusion(excluded) => {
            (ImageTagMutability::MutableWithExclusion, filters(excluded)?)
        }
    })
}

pub(super) fn tags(call: &Call<'_>, tags: &BTreeMap<String, String>) -> Result<Vec<Tag>, RegistryError> {
    let tags = tags
        .iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build());
    let tags: Result<Vec<Tag>, _> = tags.collect();
    tags.map_err(|error| call.malformed(error.to_string()))
}
