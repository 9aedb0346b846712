use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::request::{Context, epoch_seconds, page_size, read, repository_name};
use crate::local::refusal::Refusal;
use crate::local::store::{Encryption, ExclusionFilter, MutabilitySetting, NewRepository, Repository};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateRepository {
    registry_id: Option<String>,
    repository_name: String,
    #[serde(default)]
    tags: Vec<ResourceTag>,
    image_tag_mutability: Option<String>,
    image_tag_mutability_exclusion_filters: Option<Vec<ExclusionFilter>>,
    image_scanning_configuration: Option<Scanning>,
    encryption_configuration: Option<Encryption>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ResourceTag {
    key: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Scanning {
    #[serde(default)]
    scan_on_push: bool,
}

/// `CreateRepository`.
pub(super) fn create(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: CreateRepository = read(document)?;
    let name = repository_name(&request.repository_name)?;
    context.check_registry(request.registry_id.as_deref(), name.as_str())?;
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
        if !matches!(encryption.encryption_type.as_str(), "AES256" | "KMS" | "KMS_DSSE") {
            return Err(Refusal::parameter(
                "encryptionConfiguration.encryptionType",
                "Member must satisfy enum value set: [AES256, KMS, KMS_DSSE]",
            ));
        }
        new.encryption = encryption;
    }
    new.scan_on_push = request
        .image_scanning_configuration
        .is_some_and(|scanning| scanning.scan_on_push);
    new.tags = request
        .tags
        .into_iter()
        .map(|tag| (tag.key, tag.value))
        .collect::<BTreeMap<_, _>>();
    let repository = context
        .registry()
        .create_repository(new, context.emulator.clock.now())?;
    Ok(json!({"repository": describe_one(context, &repository)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DescribeRepositories {
    registry_id: Option<String>,
    repository_names: Option<Vec<String>>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

/// `DescribeRepositories`.
pub(super) fn describe(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: DescribeRepositories = read(document)?;
    let names = request.repository_names.unwrap_or_default();
    context.check_registry(
        request.registry_id.as_deref(),
        names.first().map_or("", String::as_str),
    )?;
    if names.is_empty() {
        let page = context
            .registry()
            .repositories(request.next_token.as_deref(), page_size(request.max_results)?)?;
        let described: Vec<Value> = page
            .items
            .iter()
            .map(|repository| describe_one(context, repository))
            .collect();
        let mut answer = json!({"repositories": described});
        if let (Some(next), Some(fields)) = (page.next, answer.as_object_mut()) {
            fields.insert("nextToken".to_owned(), next.into());
        }
        return Ok(answer);
    }
    if request.next_token.is_some() || request.max_results.is_some() {
        return Err(Refusal::parameter(
            "repositoryNames",
            "cannot be used together with maxResults or nextToken",
        ));
    }
    if names.len() > 100 {
        return Err(Refusal::parameter(
            "repositoryNames",
            "Member must have length less than or equal to 100",
        ));
    }
    let described = names
        .iter()
        .map(|name| {
            let repository = context.registry().repository(&repository_name(name)?)?;
            Ok(describe_one(context, &repository))
        })
        .collect::<Result<Vec<Value>, Refusal>>()?;
    Ok(json!({"repositories": described}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeleteRepository {
    registry_id: Option<String>,
    repository_name: String,
    #[serde(default)]
    force: bool,
}

/// `DeleteRepository`.
pub(super) fn delete(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: DeleteRepository = read(document)?;
    let name = repository_name(&request.repository_name)?;
    context.check_registry(request.registry_id.as_deref(), name.as_str())?;
    let repository = context.registry().delete_repository(&name, request.force)?;
    Ok(json!({"repository": describe_one(context, &repository)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PutImageTagMutability {
    registry_id: Option<String>,
    repository_name: String,
    #[serde(flatten)]
    setting: MutabilitySetting,
}

/// `PutImageTagMutability`.
pub(super) fn put_mutability(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: PutImageTagMutability = read(document)?;
    let name = repository_name(&request.repository_name)?;
    context.check_registry(request.registry_id.as_deref(), name.as_str())?;
    context
        .registry()
        .set_mutability(&name, request.setting.clone())?;
    let mut answer = json!({
        "registryId": context.registry().account(),
        "repositoryName": name,
    });
    extend(&mut answer, &request.setting)?;
    Ok(answer)
}

fn describe_one(context: &Context<'_>, repository: &Repository) -> Value {
    let mut described = json!({
        "repositoryArn": context.registry().arn(repository.name.as_str()),
        "registryId": context.registry().account(),
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
