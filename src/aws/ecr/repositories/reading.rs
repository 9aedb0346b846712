//! What a registry says of its repositories.

use aws_sdk_ecr::types::{EncryptionType as ApiEncryption, Repository};
use jiff::Timestamp;

use super::Paced;
use crate::aws::ecr::answer::Call;
use crate::aws::ecr::client::ApiClient;
use crate::aws::ecr::settings::described_mutability;
use crate::aws::failure::ApiFailure;
use crate::ports::RegistryError;
use tagship_domain::error::cleaned;
use tagship_domain::reference::RepositoryName;
use tagship_domain::repositories::{ActualRepository, Document, Encryption, EncryptionType, ResourceTags};

/// The most names in one request. Source: ECR and ECR Public API references, `DescribeRepositories`, `repositoryNames`.
const NAMES: usize = 100;

/// The most repositories on one page. Source: as above, `maxResults`.
const PAGE: i32 = 1000;

/// The most pages that are read: ECR's quota is 100,000 repositories in a registry.
const MAX_PAGES: usize = 150;

const DESCRIBE: &str = "ecr:DescribeRepositories";

/// Returns those of these repositories that are there. Source: ECR API reference, `DescribeRepositories`.
pub(super) async fn describe(
    paced: &Paced<'_>,
    names: &[RepositoryName],
) -> Result<Vec<ActualRepository>, RegistryError> {
    let names: Vec<&RepositoryName> = names.iter().collect();
    let ask = |texts: Vec<String>| {
        paced.call(DESCRIBE, move |client| {
            let request = client
                .describe_repositories()
                .set_registry_id(paced.account())
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

impl<C: ApiClient> Paced<'_, C> {
    /// Returns those of these repositories that are there. One that is missing fails the whole request, so that its names are halved
    /// until it stands alone. Source: ECR and ECR Public API references, `DescribeRepositories`.
    pub(in crate::aws::ecr) async fn by_name<A, F>(
        &self,
        names: &[&RepositoryName],
        action: &'static str,
        ask: impl Fn(Vec<String>) -> F,
        read: impl Fn(&Call<'_>, &A) -> Result<Vec<ActualRepository>, RegistryError>,
    ) -> Result<Vec<ActualRepository>, RegistryError>
    where
        F: Future<Output = Result<A, ApiFailure>>,
    {
        let mut described = Vec::new();
        let mut left: Vec<&[&RepositoryName]> = names.chunks(NAMES).rev().collect();
        while let Some(names) = left.pop() {
            let Some(first) = names.first() else { continue };
            let call = Call {
                registry: self.registry,
                repository: first,
                action,
                operation: "reading the repositories' settings",
            };
            match ask(names.iter().map(ToString::to_string).collect()).await {
                Ok(answer) => described.extend(read(&call, &answer)?),
                Err(failure) if failure.code == "RepositoryNotFoundException" => {
                    if names.len() > 1 {
                        let (one, other) = names.split_at(names.len() / 2);
                        left.extend([other, one]);
                    }
                }
                Err(failure) => return Err(call.failed(failure)),
            }
        }
        Ok(described)
    }
}

/// Returns all repositories. Source: as above.
pub(super) async fn describe_all(paced: &Paced<'_>) -> Result<Vec<ActualRepository>, RegistryError> {
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
                    .set_registry_id(paced.account())
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

/// What the answer says of one repository.
pub(super) fn actual(call: &Call<'_>, repository: &Repository) -> Result<ActualRepository, RegistryError> {
    let name = repository
        .repository_name()
        .and_then(|name| RepositoryName::parse(name).ok())
        .ok_or_else(|| call.malformed("the answer holds a repository without its name"))?;
    let arn = repository
        .repository_arn()
        .ok_or_else(|| call.malformed("the answer holds a repository without its resource name"))?;
    let encryption = match repository.encryption_configuration() {
        None => Encryption::DEFAULT,
        Some(encryption) => Encryption {
            kind: encryption_type(call, encryption.encryption_type())?,
            key: encryption
                .kms_key()
                .filter(|key| !key.is_empty())
                .map(str::to_owned),
        },
    };
    Ok(ActualRepository {
        mutability: described_mutability(call, repository)?,
        name,
        arn: arn.to_owned(),
        created_at: repository
            .created_at()
            .and_then(|time| Timestamp::new(time.secs(), 0).ok()),
        encryption,
        scan_on_push: repository
            .image_scanning_configuration()
            .is_some_and(aws_sdk_ecr::types::ImageScanningConfiguration::scan_on_push),
        tags: None,
        policy: None,
        lifecycle: None,
        catalog: None,
    })
}

fn encryption_type(call: &Call<'_>, kind: &ApiEncryption) -> Result<EncryptionType, RegistryError> {
    EncryptionType::parse(kind.as_str()).map_err(|_unknown| {
        call.malformed(format!(
            "the repository has the encryption `{}`, which this version does not know",
            cleaned(kind.as_str())
        ))
    })
}

/// Source: ECR API reference, `ListTagsForResource`.
pub(super) async fn resource_tags(
    paced: &Paced<'_>,
    repository: &ActualRepository,
) -> Result<ResourceTags, RegistryError> {
    let call = Call {
        registry: paced.registry,
        repository: &repository.name,
        action: "ecr:ListTagsForResource",
        operation: "reading the repository's tags",
    };
    let answer = paced.call(call.action, |client| {
        let request = client.list_tags_for_resource().resource_arn(&repository.arn);
        async move { request.send().await }
    });
    let answer = answer.await.map_err(|failure| call.failed(failure))?;
    let tags = answer.tags().iter();
    let tags = tags.map(|tag| (tag.key().to_owned(), tag.value().to_owned()));
    Ok(ResourceTags::of_registry(tags.collect()))
}

/// Source: ECR API reference, `GetRepositoryPolicy`.
pub(super) async fn policy(
    paced: &Paced<'_>,
    repository: &RepositoryName,
) -> Result<Document<String>, RegistryError> {
    let call = Call {
        registry: paced.registry,
        repository,
        action: "ecr:GetRepositoryPolicy",
        operation: "reading the repository's policy",
    };
    let answer = paced.call(call.action, |client| {
        let request = client
            .get_repository_policy()
            .set_registry_id(paced.account())
            .repository_name(repository.as_str());
        async move { request.send().await }
    });
    match answer.await {
        Ok(answer) => Ok(document(answer.policy_text())),
        Err(failure) if failure.code == "RepositoryPolicyNotFoundException" => Ok(Document::Absent),
        Err(failure) => Err(call.failed(failure)),
    }
}

/// Source: ECR API reference, `GetLifecyclePolicy`.
pub(super) async fn lifecycle(
    paced: &Paced<'_>,
    repository: &RepositoryName,
) -> Result<Document<String>, RegistryError> {
    let call = Call {
        registry: paced.registry,
        repository,
        action: "ecr:GetLifecyclePolicy",
        operation: "reading the repository's lifecycle policy",
    };
    let answer = paced.call(call.action, |client| {
        let request = client
            .get_lifecycle_policy()
            .set_registry_id(paced.account())
            .repository_name(repository.as_str());
        async move { request.send().await }
    });
    match answer.await {
        Ok(answer) => Ok(document(answer.lifecycle_policy_text())),
        Err(failure) if failure.code == "LifecyclePolicyNotFoundException" => Ok(Document::Absent),
        Err(failure) => Err(call.failed(failure)),
    }
}

pub(in crate::aws::ecr) fn document(text: Option<&str>) -> Document<String> {
    match text {
        Some(text) => Document::Says(text.to_owned()),
        None => Document::Absent,
    }
}
