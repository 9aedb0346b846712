//! What ECR Public says of an account's registry and its repositories.

use aws_sdk_ecrpublic::Client;
use aws_sdk_ecrpublic::types::{ImageDetail, Registry, Repository, RepositoryCatalogData};
use aws_smithy_types::DateTime;
use jiff::Timestamp;

use crate::aws::ecr::answer::Call;
use crate::aws::ecr::repositories::{Paced, document};
use crate::ports::RegistryError;
use tagship_domain::content::{DOCKER_LIST, OCI_INDEX};
use tagship_domain::immutability::Mutability;
use tagship_domain::lifecycle::{Image, Storage};
use tagship_domain::reference::{Digest, RepositoryName};
use tagship_domain::repositories::{
    ActualRepository, CatalogData, Document, Encryption, ResourceTags, StoredImage,
};

/// The most entries of a page. Source: ECR Public API reference, `DescribeRepositories`, `maxResults`.
const PAGE: i32 = 1000;

/// The most pages that are read: ECR Public's quotas are 10,000 repositories, and 100,000 images in one.
const MAX_PAGES: usize = 150;

const DESCRIBE: &str = "ecr-public:DescribeRepositories";

/// Returns the aliases of the caller's registry. Source: ECR Public API reference, `DescribeRegistries`.
pub(super) async fn aliases(paced: &Paced<'_, Client>) -> Result<Vec<String>, RegistryError> {
    let all = RepositoryName::all();
    let call = Call {
        registry: paced.registry,
        repository: &all,
        action: "ecr-public:DescribeRegistries",
        operation: "reading the registry's aliases",
    };
    let answer = paced.call(call.action, |client| async move {
        client.describe_registries().send().await
    });
    let answer = answer.await.map_err(|failure| call.failed(failure))?;
    let aliases = answer.registries().iter().flat_map(Registry::aliases);
    let mut aliases: Vec<(bool, String)> = aliases
        .map(|alias| (!alias.primary_registry_alias(), alias.name().to_owned()))
        .collect();
    aliases.sort();
    Ok(aliases.into_iter().map(|(_, name)| name).collect())
}

/// Returns those of these repositories that are there. Source: ECR Public API reference, `DescribeRepositories`.
pub(super) async fn describe(
    paced: &Paced<'_, Client>,
    names: &[RepositoryName],
) -> Result<Vec<ActualRepository>, RegistryError> {
    // No repository has another name, and a request that names one is refused.
    let names: Vec<&RepositoryName> = names.iter().filter(|name| name.is_public()).collect();
    let ask = |texts: Vec<String>| {
        paced.call(DESCRIBE, move |client| {
            let request = client
                .describe_repositories()
                .set_repository_names(Some(texts.clone()));
            async move { request.send().await }
        })
    };
    paced
        .by_name(&names, DESCRIBE, ask, |call, answer| {
            let rows = answer.repositories().iter().map(|one| actual(call, one));
            rows.collect()
        })
        .await
}

/// Returns all repositories. Source: as above.
pub(super) async fn describe_all(paced: &Paced<'_, Client>) -> Result<Vec<ActualRepository>, RegistryError> {
    let all = RepositoryName::all();
    let call = Call {
        registry: paced.registry,
        repository: &all,
        action: DESCRIBE,
        operation: "listing repositories",
    };
    call.pages(
        MAX_PAGES,
        |next| {
            paced.call(DESCRIBE, move |client| {
                let request = client
                    .describe_repositories()
                    .max_results(PAGE)
                    .set_next_token(next.clone());
                async move { request.send().await }
            })
        },
        |answer| {
            let rows = answer.repositories().iter().map(|one| actual(&call, one));
            Ok((rows.collect::<Result<_, _>>()?, answer.next_token()))
        },
    )
    .await
}

/// What the answer says of one repository, and what holds for all of ECR Public.
pub(super) fn actual(call: &Call<'_>, repository: &Repository) -> Result<ActualRepository, RegistryError> {
    let name = repository
        .repository_name()
        .and_then(|name| RepositoryName::parse(name).ok())
        .ok_or_else(|| call.malformed("the answer holds a repository without its name"))?;
    let arn = repository
        .repository_arn()
        .ok_or_else(|| call.malformed("the answer holds a repository without its resource name"))?;
    Ok(ActualRepository {
        name,
        arn: arn.to_owned(),
        created_at: time(repository.created_at()),
        mutability: Mutability::Mutable,
        encryption: Encryption::DEFAULT,
        scan_on_push: false,
        tags: None,
        policy: None,
        lifecycle: None,
        catalog: None,
    })
}

/// Source: ECR Public API reference, `ListTagsForResource`.
pub(super) async fn resource_tags(
    paced: &Paced<'_, Client>,
    repository: &ActualRepository,
) -> Result<ResourceTags, RegistryError> {
    let call = Call {
        registry: paced.registry,
        repository: &repository.name,
        action: "ecr-public:ListTagsForResource",
        operation: "reading the repository's tags",
    };
    let answer = paced.call(call.action, |client| {
        let request = client.list_tags_for_resource().resource_arn(&repository.arn);
        async move { request.send().await }
    });
    let answer = answer.await.map_err(|failure| call.failed(failure))?;
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let tags = answer.tags().iter();
    let tags = tags.map(|tag| (text(tag.key()), text(tag.value())));
    Ok(ResourceTags::of_registry(tags.collect()))
}

/// Source: ECR Public API reference, `GetRepositoryPolicy`.
pub(super) async fn policy(
    paced: &Paced<'_, Client>,
    repository: &RepositoryName,
) -> Result<Document<String>, RegistryError> {
    let call = Call {
        registry: paced.registry,
        repository,
        action: "ecr-public:GetRepositoryPolicy",
        operation: "reading the repository's policy",
    };
    let answer = paced.call(call.action, |client| {
        let request = client
            .get_repository_policy()
            .repository_name(repository.as_str());
        async move { request.send().await }
    });
    match answer.await {
        Ok(answer) => Ok(document(answer.policy_text())),
        Err(failure) if failure.code == "RepositoryPolicyNotFoundException" => Ok(Document::Absent),
        Err(failure) => Err(call.failed(failure)),
    }
}

/// Source: ECR Public API reference, `GetRepositoryCatalogData`.
pub(super) async fn catalog(
    paced: &Paced<'_, Client>,
    repository: &RepositoryName,
) -> Result<Document<CatalogData>, RegistryError> {
    let call = Call {
        registry: paced.registry,
        repository,
        action: "ecr-public:GetRepositoryCatalogData",
        operation: "reading what the gallery shows",
    };
    let answer = paced.call(call.action, |client| {
        let request = client
            .get_repository_catalog_data()
            .repository_name(repository.as_str());
        async move { request.send().await }
    });
    match answer.await {
        Ok(answer) => Ok(answer.catalog_data().map_or(Document::Absent, shown)),
        Err(failure) if failure.code == "RepositoryCatalogDataNotFoundException" => Ok(Document::Absent),
        Err(failure) => Err(call.failed(failure)),
    }
}

fn shown(data: &RepositoryCatalogData) -> Document<CatalogData> {
    let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    let list = |items: &[String]| (!items.is_empty()).then(|| items.iter().cloned().collect());
    Document::Says(CatalogData {
        description: text(data.description()),
        about: text(data.about_text()),
        usage: text(data.usage_text()),
        architectures: list(data.architectures()),
        operating_systems: list(data.operating_systems()),
        logo: None,
    })
}

/// Returns all images. Source: ECR Public API reference, `DescribeImages`.
pub(super) async fn images(
    paced: &Paced<'_, Client>,
    repository: &RepositoryName,
) -> Result<Vec<StoredImage>, RegistryError> {
    let call = Call {
        registry: paced.registry,
        repository,
        action: "ecr-public:DescribeImages",
        operation: "listing images",
    };
    call.pages(
        MAX_PAGES,
        |next| {
            paced.call(call.action, move |client| {
                let request = client
                    .describe_images()
                    .repository_name(repository.as_str())
                    .max_results(PAGE)
                    .set_next_token(next.clone());
                async move { request.send().await }
            })
        },
        |answer| {
            let rows = answer.image_details().iter().map(|detail| image(&call, detail));
            Ok((rows.collect::<Result<_, _>>()?, answer.next_token()))
        },
    )
    .await
}

fn image(call: &Call<'_>, detail: &ImageDetail) -> Result<StoredImage, RegistryError> {
    let digest = detail
        .image_digest()
        .and_then(|digest| Digest::parse(digest).ok())
        .ok_or_else(|| call.malformed("the answer holds an image without its digest"))?;
    let pushed_at = time(detail.image_pushed_at())
        .ok_or_else(|| call.malformed("the answer holds an image without the time of its push"))?;
    Ok(StoredImage {
        image: Image {
            digest,
            tags: detail.image_tags().to_vec(),
            pushed_at,
            pulled_at: None,
            storage: Storage::Standard { restored_at: None },
            children: Vec::new(),
        },
        size: detail
            .image_size_in_bytes()
            .and_then(|size| u64::try_from(size).ok()),
        subject: None,
        is_index: matches!(detail.image_manifest_media_type(), Some(OCI_INDEX | DOCKER_LIST)),
    })
}

fn time(time: Option<&DateTime>) -> Option<Timestamp> {
    Timestamp::new(time?.secs(), 0).ok()
}
