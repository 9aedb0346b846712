//! Repositories.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::resource_tags::{RESOURCE_TAGS, ResourceTag, with_tags};
use super::scanning::{SCAN_ON_PUSH, ScanOnPush};
use crate::faces::json_api::{
    Context, Handler, Operation, Resource, Shape, epoch_seconds, optional, page_size, read, repository_name,
    required, with_token,
};
use crate::refusal::Refusal;
use crate::services::creation::with_key;
use crate::state::store::{Encryption, ExclusionFilter, MutabilitySetting, NewRepository, Repository};

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        name: "CreateRepository",
        on: Resource::Repository,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("repositoryName", Shape::REPOSITORY_NAME),
            optional("tags", RESOURCE_TAGS),
            optional("imageTagMutability", TAG_MUTABILITY),
            optional("imageTagMutabilityExclusionFilters", EXCLUSION_FILTERS),
            optional("imageScanningConfiguration", SCAN_ON_PUSH),
            optional("encryptionConfiguration", ENCRYPTION),
        ],
        run: Handler::Blocking(create),
    },
    Operation {
        name: "DeleteRepository",
        on: Resource::Repository,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("repositoryName", Shape::REPOSITORY_NAME),
            optional("force", Shape::Boolean),
        ],
        run: Handler::Blocking(delete),
    },
    Operation {
        name: "DescribeRepositories",
        on: Resource::Repository,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            optional("repositoryNames", Shape::list(&Shape::REPOSITORY_NAME, 1, 100)),
            optional("nextToken", Shape::ANY_TEXT),
            optional("maxResults", Shape::Integer { min: 1, max: 1000 }),
        ],
        run: Handler::Blocking(describe),
    },
    Operation {
        name: "PutImageTagMutability",
        on: Resource::Repository,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("repositoryName", Shape::REPOSITORY_NAME),
            required("imageTagMutability", TAG_MUTABILITY),
            optional("imageTagMutabilityExclusionFilters", EXCLUSION_FILTERS),
        ],
        run: Handler::Blocking(put_mutability),
    },
];

/// Source: ECR API reference, `imageTagMutability`.
pub(crate) const TAG_MUTABILITY: Shape = Shape::Enum(&[
    "MUTABLE",
    "IMMUTABLE",
    "IMMUTABLE_WITH_EXCLUSION",
    "MUTABLE_WITH_EXCLUSION",
]);

/// Source: ECR API reference, `ImageTagMutabilityExclusionFilter`.
pub(crate) const EXCLUSION_FILTERS: Shape = Shape::list(
    &Shape::Structure(&[
        required("filterType", Shape::Enum(&["WILDCARD"])),
        required("filter", Shape::pattern(1, 128, "[0-9a-zA-Z._*-]{1,128}")),
    ]),
    1,
    5,
);

/// Source: ECR API reference, `EncryptionConfiguration`.
pub(crate) const ENCRYPTION: Shape = Shape::Structure(&[
    required("encryptionType", Shape::Enum(&["AES256", "KMS", "KMS_DSSE"])),
    optional("kmsKey", Shape::text(1, 2048)),
]);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateRepository {
    repository_name: String,
    #[serde(default)]
    tags: Vec<ResourceTag>,
    image_tag_mutability: Option<String>,
    image_tag_mutability_exclusion_filters: Option<Vec<ExclusionFilter>>,
    image_scanning_configuration: Option<ScanOnPush>,
    encryption_configuration: Option<Encryption>,
}

/// `CreateRepository`.
pub(crate) fn create(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: CreateRepository = read(document)?;
    let name = repository_name(&request.repository_name)?;
    let mut new = NewRepository::named(name);
    if request.image_tag_mutability.is_some() || request.image_tag_mutability_exclusion_filters.is_some() {
        new.mutability = MutabilitySetting {
            image_tag_mutability: request
                .image_tag_mutability
                .unwrap_or(new.mutability.image_tag_mutability),
            image_tag_mutability_exclusion_filters: request.image_tag_mutability_exclusion_filters,
        };
    }
    if let Some(encryption) = request.encryption_configuration {
        new.encryption = with_key(encryption, &context.state.iam, &context.registry);
    }
    new.scan_on_push = request
        .image_scanning_configuration
        .is_some_and(|scanning| scanning.scan_on_push);
    new.tags = with_tags(BTreeMap::new(), request.tags)?;
    // Source: ECR user guide, "Tagging a private repository": tags on creation need a permission of their own.
    if !new.tags.is_empty() {
        let resource = context.registry.arn(new.name.as_str());
        context.permit(&context.registry.action("TagResource"), &resource)?;
    }
    let repository = context.registry.create_repository(new, context.now())?;
    Ok(json!({"repository": describe_one(context, &repository)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DescribeRepositories {
    repository_names: Option<Vec<String>>,
    next_token: Option<String>,
    max_results: Option<usize>,
}

/// `DescribeRepositories`.
pub(crate) fn describe(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: DescribeRepositories = read(document)?;
    let names = request.repository_names.unwrap_or_default();
    if names.is_empty() {
        let page = context
            .registry
            .repositories(request.next_token.as_deref(), page_size(request.max_results))?;
        let described: Vec<Value> = page
            .items
            .iter()
            .map(|repository| describe_one(context, repository))
            .collect();
        return Ok(with_token(json!({"repositories": described}), page.next));
    }
    if request.next_token.is_some() || request.max_results.is_some() {
        return Err(Refusal::parameter(
            "repositoryNames",
            "cannot be used together with maxResults or nextToken",
        ));
    }
    let described = names
        .iter()
        .map(|name| {
            let repository = context.registry.repository(&repository_name(name)?)?;
            Ok(describe_one(context, &repository))
        })
        .collect::<Result<Vec<Value>, Refusal>>()?;
    Ok(json!({"repositories": described}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeleteRepository {
    repository_name: String,
    #[serde(default)]
    force: bool,
}

/// `DeleteRepository`.
pub(crate) fn delete(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: DeleteRepository = read(document)?;
    let name = repository_name(&request.repository_name)?;
    let repository = context.registry.delete_repository(&name, request.force)?;
    Ok(json!({"repository": describe_one(context, &repository)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PutImageTagMutability {
    repository_name: String,
    #[serde(flatten)]
    setting: MutabilitySetting,
}

/// `PutImageTagMutability`.
fn put_mutability(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: PutImageTagMutability = read(document)?;
    let name = repository_name(&request.repository_name)?;
    context.registry.set_mutability(&name, request.setting.clone())?;
    let mut answer = json!({
        "registryId": context.registry.account(),
        "repositoryName": name,
    });
    extend(&mut answer, &request.setting)?;
    Ok(answer)
}

fn describe_one(context: &Context<'_>, repository: &Repository) -> Value {
    let mut described = json!({
        "repositoryArn": context.registry.arn(repository.name.as_str()),
        "registryId": context.registry.account(),
        "repositoryName": repository.name,
        "repositoryUri": context.repository_uri(&repository.name),
        "createdAt": epoch_seconds(repository.created_at),
        "imageScanningConfiguration": {"scanOnPush": repository.scan_on_push},
        "encryptionConfiguration": repository.encryption,
        "imageTagMutability": repository.mutability.image_tag_mutability,
    });
    if let (Some(filters), Some(fields)) = (
        &repository.mutability.image_tag_mutability_exclusion_filters,
        described.as_object_mut(),
    ) {
        fields.insert("imageTagMutabilityExclusionFilters".to_owned(), json!(filters));
    }
    described
}

/// Adds the fields of `more`.
fn extend(answer: &mut Value, more: &MutabilitySetting) -> Result<(), Refusal> {
    if let (Some(fields), Value::Object(more)) = (
        answer.as_object_mut(),
        serde_json::to_value(more).map_err(Refusal::state)?,
    ) {
        fields.extend(more);
    }
    Ok(())
}
