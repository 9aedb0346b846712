//! Lifecycle policies.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::faces::json_api::{
    Context, Handler, Operation, Resource, Shape, epoch_seconds, optional, read, repository_name, required,
};
use crate::refusal::Refusal;
use crate::services::lifecycle::{POLICY, StoredPolicy, read_policy};
use crate::state::store::Owner;
use tagship_domain::reference::RepositoryName;

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        name: "PutLifecyclePolicy",
        on: Resource::Repository,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("repositoryName", Shape::REPOSITORY_NAME),
            required("lifecyclePolicyText", POLICY_TEXT),
        ],
        run: Handler::Blocking(put),
    },
    Operation {
        name: "GetLifecyclePolicy",
        on: Resource::Repository,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("repositoryName", Shape::REPOSITORY_NAME),
        ],
        run: Handler::Blocking(get),
    },
    Operation {
        name: "DeleteLifecyclePolicy",
        on: Resource::Repository,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("repositoryName", Shape::REPOSITORY_NAME),
        ],
        run: Handler::Blocking(delete),
    },
];

/// Source: ECR API reference, `PutLifecyclePolicy`.
pub(crate) const POLICY_TEXT: Shape = Shape::text(100, 30_720);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PutLifecyclePolicy {
    repository_name: String,
    lifecycle_policy_text: String,
}

/// `PutLifecyclePolicy`.
fn put(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: PutLifecyclePolicy = read(document)?;
    let name = repository_name(&request.repository_name)?;
    context.registry.repository(&name)?;
    read_policy(&request.lifecycle_policy_text)?;
    let text = by_priority(&request.lifecycle_policy_text)?;
    let policy = StoredPolicy::new(text.clone(), context.now());
    context
        .registry
        .put_document(Owner::Repository(&name), POLICY, policy)?;
    Ok(json!({
        "registryId": context.registry.account(),
        "repositoryName": name,
        "lifecyclePolicyText": text,
    }))
}

/// A policy's text as ECR gives it back: without spaces, its members in the order of the documentation.
/// Source: AWS CLI reference, `ecr put-lifecycle-policy`, example.
#[derive(Serialize, Deserialize)]
struct PolicyText {
    rules: Vec<RuleText>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RuleText {
    rule_priority: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    selection: SelectionText,
    action: ActionText,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SelectionText {
    tag_status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag_pattern_list: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag_prefix_list: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    storage_class: Option<String>,
    count_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    count_unit: Option<String>,
    count_number: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ActionText {
    r#type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_storage_class: Option<String>,
}

/// The text of a policy that was read, its rules by their priorities.
/// Source: notes on the `aws_ecr_lifecycle_policy` resource of Terraform's AWS provider.
fn by_priority(text: &str) -> Result<String, Refusal> {
    let mut policy: PolicyText = serde_json::from_str(text).map_err(Refusal::state)?;
    policy.rules.sort_by_key(|rule| rule.rule_priority);
    serde_json::to_string(&policy).map_err(Refusal::state)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfRepository {
    repository_name: String,
}

/// `GetLifecyclePolicy`.
fn get(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: OfRepository = read(document)?;
    let name = repository_name(&request.repository_name)?;
    let policy = context.registry.document(Owner::Repository(&name), POLICY)?;
    answer(context, &name, policy)
}

/// `DeleteLifecyclePolicy`.
fn delete(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: OfRepository = read(document)?;
    let name = repository_name(&request.repository_name)?;
    let policy = context
        .registry
        .change_document(Owner::Repository(&name), POLICY, |_| Ok(None))?;
    answer(context, &name, policy)
}

/// A policy that was not applied yet was last evaluated at the beginning of 1970, as ECR has it.
/// Source: AWS CLI reference, example of `delete-lifecycle-policy`.
fn answer(
    context: &Context<'_>,
    name: &RepositoryName,
    policy: Option<StoredPolicy>,
) -> Result<Value, Refusal> {
    let policy = policy.ok_or_else(|| not_found(context, name))?;
    Ok(json!({
        "registryId": context.registry.account(),
        "repositoryName": name,
        "lifecyclePolicyText": policy.text,
        "lastEvaluatedAt": epoch_seconds(policy.evaluated_at.unwrap_or_default()),
    }))
}

pub(crate) fn not_found(context: &Context<'_>, name: &RepositoryName) -> Refusal {
    Refusal::modelled(
        "LifecyclePolicyNotFoundException",
        format!(
            "Lifecycle policy does not exist for the repository with name '{name}' in the registry with id '{}'",
            context.registry.account()
        ),
    )
}
