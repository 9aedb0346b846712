//! Changes of public repositories.

use std::collections::BTreeMap;

use aws_sdk_ecrpublic::Client;
use aws_sdk_ecrpublic::config::retry::RetryConfig;
use aws_sdk_ecrpublic::primitives::Blob;
use aws_sdk_ecrpublic::types::{RepositoryCatalogDataInput, Tag};
use serde_json::Value;

use super::reading::actual;
use crate::aws::ecr::answer::Call;
use crate::aws::ecr::repositories::{Paced, keys_gone};
use crate::ports::{Creation, RegistryError, Removal};
use tagship_domain::reference::RepositoryName;
use tagship_domain::repositories::{ActualRepository, CatalogData, Change, DeclaredRepository};

/// The permission that tags need, also those of a repository that is made.
const TAG: &str = "ecr-public:TagResource";

/// Makes a repository with its tags and what the gallery shows. Source: ECR Public API reference, `CreateRepository`.
pub(super) async fn create(
    paced: &Paced<'_, Client>,
    declared: &DeclaredRepository,
) -> Result<Creation, RegistryError> {
    let call = Call {
        registry: paced.registry,
        repository: &declared.name,
        action: "ecr-public:CreateRepository",
        operation: "making the repository",
    };
    let settings = &declared.settings;
    // Without tags the role needs no permission for them.
    let tags = (!settings.tags.is_empty()).then(|| tags(settings.tags.pairs()));
    let catalog = settings.catalog.as_ref().map(input);
    let made = paced.call(call.action, |client| {
        let request = client
            .create_repository()
            .repository_name(declared.name.as_str())
            .set_catalog_data(catalog.clone())
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
    paced: &Paced<'_, Client>,
    repository: &ActualRepository,
    change: &Change,
) -> Result<(), RegistryError> {
    let name = &repository.name;
    match change {
        // ECR Public has none of them, which its plan says.
        Change::Mutability { .. }
        | Change::Encryption { .. }
        | Change::ScanOnPush { .. }
        | Change::Lifecycle { .. } => Ok(()),
        Change::Tags { from, to } => put_tags(paced, repository, from, to).await,
        Change::Policy { to, .. } => put_policy(paced, name, to.as_ref()).await,
        Change::Catalog { to, .. } => put_catalog(paced, name, to).await,
    }
}

/// Source: ECR Public API reference, `PutRepositoryCatalogData`.
async fn put_catalog(
    paced: &Paced<'_, Client>,
    repository: &RepositoryName,
    catalog: &CatalogData,
) -> Result<(), RegistryError> {
    let call = Call {
        registry: paced.registry,
        repository,
        action: "ecr-public:PutRepositoryCatalogData",
        operation: "setting what the gallery shows",
    };
    let catalog = input(catalog);
    let put = paced.call(call.action, |client| {
        let request = client
            .put_repository_catalog_data()
            .repository_name(repository.as_str())
            .catalog_data(catalog.clone());
        async move { request.send().await }
    });
    put.await.map(drop).map_err(|failure| call.failed(failure))
}

fn input(catalog: &CatalogData) -> RepositoryCatalogDataInput {
    let list = |items: &Option<std::collections::BTreeSet<String>>| {
        items.as_ref().map(|items| items.iter().cloned().collect())
    };
    RepositoryCatalogDataInput::builder()
        .set_description(catalog.description.clone())
        .set_about_text(catalog.about.clone())
        .set_usage_text(catalog.usage.clone())
        .set_architectures(list(&catalog.architectures))
        .set_operating_systems(list(&catalog.operating_systems))
        .set_logo_image_blob(catalog.logo.as_ref().map(|logo| Blob::new(logo.bytes())))
        .build()
}

/// Tags that only go, and tags that come or change. Source: ECR Public API reference, `UntagResource` and `TagResource`.
async fn put_tags(
    paced: &Paced<'_, Client>,
    repository: &ActualRepository,
    from: &BTreeMap<String, String>,
    to: &BTreeMap<String, String>,
) -> Result<(), RegistryError> {
    let call = |action| Call {
        registry: paced.registry,
        repository: &repository.name,
        action,
        operation: "changing the repository's tags",
    };
    let gone = keys_gone(from, to);
    if !gone.is_empty() {
        let call = call("ecr-public:UntagResource");
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
        let tags = tags(to);
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

fn tags(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    let tags = tags.iter();
    tags.map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}

/// Source: ECR Public API reference, `SetRepositoryPolicy` and `DeleteRepositoryPolicy`.
async fn put_policy(
    paced: &Paced<'_, Client>,
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
        let call = call("ecr-public:DeleteRepositoryPolicy");
        let removed = paced.call(call.action, |client| {
            let request = client
                .delete_repository_policy()
                .repository_name(repository.as_str());
            async move { request.send().await }
        });
        return match removed.await {
            Err(failure) if failure.code == "RepositoryPolicyNotFoundException" => Ok(()),
            removed => removed.map(drop).map_err(|failure| call.failed(failure)),
        };
    };
    let call = call("ecr-public:SetRepositoryPolicy");
    let text = policy.to_string();
    let put = paced.call(call.action, |client| {
        let request = client
            .set_repository_policy()
            .repository_name(repository.as_str())
            .policy_text(&text);
        async move { request.send().await }
    });
    put.await.map(drop).map_err(|failure| call.failed(failure))
}

/// Removes a repository. Source: ECR Public API reference, `DeleteRepository`.
pub(super) async fn remove(
    paced: &Paced<'_, Client>,
    repository: &RepositoryName,
    with_images: bool,
) -> Result<Removal, RegistryError> {
    let call = Call {
        registry: paced.registry,
        repository,
        action: "ecr-public:DeleteRepository",
        operation: "removing the repository",
    };
    let once = aws_sdk_ecrpublic::config::Builder::new().retry_config(RetryConfig::disabled());
    let (client, once) = (paced.client, &once);
    let attempt = || {
        client.call(move |client| {
            let request = client
                .delete_repository()
                .repository_name(repository.as_str())
                .force(with_images)
                .customize()
                .config_override(once.clone());
            async move { request.send().await.map(drop) }
        })
    };
    paced.removed(&call, attempt).await
}
