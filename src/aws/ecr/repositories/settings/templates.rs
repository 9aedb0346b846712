//! Templates of repositories that ECR makes by itself.

use std::collections::BTreeMap;

use aws_sdk_ecr::types::{
    EncryptionConfigurationForRepositoryCreationTemplate as ApiEncryption,
    EncryptionType as ApiEncryptionType, ImageTagMutability, ImageTagMutabilityExclusionFilter,
    RctAppliedFor, RepositoryCreationTemplate, Tag,
};

use super::{MAX_PAGES, OfRegistry};
use crate::aws::ecr::answer::Call;
use crate::aws::ecr::repositories::writing::{tags, worded};
use crate::aws::ecr::settings::mutability_of;
use crate::ports::RegistryError;
use tagship_domain::registry_settings::{CreationScenario, CreationTemplate, TemplatePrefix};
use tagship_domain::repositories::{
    DeclaredSettings, Document, Encryption, EncryptionType, LifecycleDocument, RepositoryPolicy, ResourceTags,
};

/// Source: ECR API reference, `DescribeRepositoryCreationTemplates`.
pub(super) async fn read(of: &OfRegistry<'_>) -> Result<Vec<CreationTemplate>, RegistryError> {
    let call = of.call(
        "ecr:DescribeRepositoryCreationTemplates",
        "reading the creation templates",
    );
    call.pages(
        MAX_PAGES,
        |next| {
            of.paced.call(call.action, move |client| {
                let request = client
                    .describe_repository_creation_templates()
                    .max_results(1000)
                    .set_next_token(next.clone());
                async move { request.send().await }
            })
        },
        |answer| {
            let rows = answer.repository_creation_templates().iter();
            let rows = rows.map(|template| actual(&call, template));
            Ok((rows.collect::<Result<_, _>>()?, answer.next_token()))
        },
    )
    .await
}

fn actual(call: &Call<'_>, one: &RepositoryCreationTemplate) -> Result<CreationTemplate, RegistryError> {
    let prefix = one
        .prefix()
        .ok_or_else(|| call.malformed("the answer holds a template without its prefix"))?;
    let encryption = one.encryption_configuration().map(|encryption| {
        Ok::<_, RegistryError>(Encryption {
            kind: EncryptionType::parse(encryption.encryption_type().as_str())
                .map_err(|error| call.malformed(error.to_string()))?,
            key: encryption
                .kms_key()
                .filter(|key| !key.is_empty())
                .map(str::to_owned),
        })
    });
    let pairs: BTreeMap<String, String> = one
        .resource_tags()
        .iter()
        .map(|tag| (tag.key().to_owned(), tag.value().to_owned()))
        .collect();
    // A policy that this version does not understand counts as none, and is put anew.
    let policy = one.repository_policy().filter(|text| !text.is_empty());
    let policy = policy.and_then(|text| RepositoryPolicy::parse(text).ok());
    let lifecycle = one.lifecycle_policy().filter(|text| !text.is_empty());
    let lifecycle = lifecycle.and_then(|text| LifecycleDocument::parse(text).ok());
    let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    Ok(CreationTemplate {
        prefix: TemplatePrefix::of_registry(prefix),
        applied_for: one
            .applied_for()
            .iter()
            .filter_map(|reason| CreationScenario::parse(reason.as_str()))
            .collect(),
        description: text(one.description()),
        role: text(one.custom_role_arn()),
        settings: DeclaredSettings {
            mutability: one
                .image_tag_mutability()
                .map(|setting| mutability_of(call, setting, one.image_tag_mutability_exclusion_filters()))
                .transpose()?,
            encryption: encryption.transpose()?,
            tags: ResourceTags::of_registry(pairs),
            policy: policy.map(Document::Says),
            lifecycle: lifecycle.map(Document::Says),
            ..DeclaredSettings::default()
        },
    })
}

/// What is declared of a template, as the API takes it.
struct Words {
    encryption: Option<ApiEncryption>,
    mutability: Option<ImageTagMutability>,
    filters: Option<Vec<ImageTagMutabilityExclusionFilter>>,
    tags: Option<Vec<Tag>>,
    policy: Option<String>,
    lifecycle: Option<String>,
    applied_for: Vec<RctAppliedFor>,
}

impl Words {
    fn of(call: &Call<'_>, template: &CreationTemplate) -> Result<Self, RegistryError> {
        let settings = &template.settings;
        let encryption = settings.encryption.as_ref().map(|encryption| {
            ApiEncryption::builder()
                .encryption_type(ApiEncryptionType::from(encryption.kind.as_str()))
                .set_kms_key(encryption.key.clone())
                .build()
                .map_err(|error| call.malformed(error.to_string()))
        });
        let (mutability, filters) = match &settings.mutability {
            None => (None, None),
            Some(mutability) => {
                let (mutability, filters) = worded(call, mutability)?;
                (Some(mutability), filters)
            }
        };
        let pairs = settings.tags.pairs();
        let reasons = template.applied_for.iter();
        Ok(Self {
            encryption: encryption.transpose()?,
            mutability,
            filters,
            tags: (!pairs.is_empty()).then(|| tags(call, pairs)).transpose()?,
            policy: text(settings.policy.as_ref(), RepositoryPolicy::to_text),
            lifecycle: text(settings.lifecycle.as_ref(), LifecycleDocument::to_text),
            applied_for: reasons
                .map(|one| RctAppliedFor::from(one.api_name().as_str()))
                .collect(),
        })
    }
}

/// An empty text removes a document.
fn text<T>(document: Option<&Document<T>>, text: impl Fn(&T) -> String) -> Option<String> {
    document.map(|document| document.says().map_or_else(String::new, text))
}

/// Source: ECR API reference, `CreateRepositoryCreationTemplate`. One that another run makes meanwhile gets what is declared.
pub(super) async fn create(of: &OfRegistry<'_>, template: &CreationTemplate) -> Result<(), RegistryError> {
    let call = of.call(
        "ecr:CreateRepositoryCreationTemplate",
        "making a creation template",
    );
    let words = Words::of(&call, template)?;
    let made = of.paced.call(call.action, |client| {
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let request = client
            .create_repository_creation_template()
            .prefix(template.prefix.as_str())
            .set_description(template.description.clone())
            .set_custom_role_arn(template.role.clone())
            .set_encryption_configuration(words.encryption.clone())
            .set_image_tag_mutability(words.mutability.clone())
            .set_image_tag_mutability_exclusion_filters(words.filters.clone())
            .set_resource_tags(words.tags.clone())
            .set_repository_policy(filled(&words.policy))
            .set_lifecycle_policy(filled(&words.lifecycle))
            .set_applied_for(Some(words.applied_for.clone()));
        async move { request.send().await }
    });
    match made.await {
        Err(failure) if failure.code == "TemplateAlreadyExistsException" => update(of, template).await,
        made => made.map(drop).map_err(|failure| of.failed(&call, failure)),
    }
}

/// Source: ECR API reference, `UpdateRepositoryCreationTemplate`. What is not declared stays.
pub(super) async fn update(of: &OfRegistry<'_>, template: &CreationTemplate) -> Result<(), RegistryError> {
    let call = of.call(
        "ecr:UpdateRepositoryCreationTemplate",
        "changing a creation template",
    );
    let words = Words::of(&call, template)?;
    let put = of.paced.call(call.action, |client| {
        let request = client
            .update_repository_creation_template()
            .prefix(template.prefix.as_str())
            .set_description(template.description.clone())
            .set_custom_role_arn(template.role.clone())
            .set_encryption_configuration(words.encryption.clone())
            .set_image_tag_mutability(words.mutability.clone())
            .set_image_tag_mutability_exclusion_filters(words.filters.clone())
            .set_resource_tags(words.tags.clone())
            .set_repository_policy(words.policy.clone())
            .set_lifecycle_policy(words.lifecycle.clone())
            .set_applied_for(Some(words.applied_for.clone()));
        async move { request.send().await }
    });
    put.await.map(drop).map_err(|failure| of.failed(&call, failure))
}

/// Source: ECR API reference, `DeleteRepositoryCreationTemplate`.
pub(super) async fn remove(of: &OfRegistry<'_>, prefix: &TemplatePrefix) -> Result<(), RegistryError> {
    let call = of.call(
        "ecr:DeleteRepositoryCreationTemplate",
        "removing a creation template",
    );
    let removed = of.paced.call(call.action, |client| {
        let request = client
            .delete_repository_creation_template()
            .prefix(prefix.as_str());
        async move { request.send().await }
    });
    match removed.await {
        Err(failure) if failure.code == "TemplateNotFoundException" => Ok(()),
        removed => removed.map(drop).map_err(|failure| call.failed(failure)),
    }
}
