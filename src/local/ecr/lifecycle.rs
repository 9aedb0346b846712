use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::reference::RepositoryName;
use crate::local::json_api::{
    Context, Operation, Resource, Shape, epoch_seconds, optional, read, repository_name, required,
};
use crate::local::lifecycle::{POLICY, StoredPolicy, read_policy};
use crate::local::refusal::Refusal;
use crate::local::store::Owner;

pub(super) static OPERATIONS: &[Operation] = &[
    Operation {
        name: "PutLifecyclePolicy",
        on: Resource::Repository,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("repositoryName", Shape::REPOSITORY_NAME),
            required("lifecyclePolicyText", POLICY_TEXT),
        ],
        run: put,
    },
    Operation {
        name: "GetLifecyclePolicy",
        on: Resource::Repository,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("repositoryName", Shape::REPOSITORY_NAME),
        ],
        run: get,
    },
    Operation {
        name: "DeleteLifecyclePolicy",
        on: Resource::Repository,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("repositoryName", Shape::REPOSITORY_NAME),
        ],
        run: delete,
    },
];

/// Source: ECR API reference, `PutLifecyclePolicy`.
pub(super) const POLICY_TEXT: Shape = Shape::text(100, 30_720);

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

/// A policy as ECR gives it back: its rules by their priorities, without spaces.
/// Source: notes on the `aws_ecr_lifecycle_policy` resource of Terraform's AWS provider.
fn by_priority(text: &str) -> Result<String, Refusal> {
    let mut policy: Value = serde_json::from_str(text).map_err(Refusal::state)?;
    if let Some(rules) = policy.get_mut("rules").and_then(Value::as_array_mut) {
        rules.sort_by_key(|rule| rule.get("rulePriority").and_then(Value::as_u64));
    }
    Ok(policy.to_string())
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

pub(super) fn not_found(context: &Context<'_>, name: &RepositoryName) -> Refusal {
    Refusal::modelled(
        "LifecyclePolicyNotFoundException",
        format!(
            "Lifecycle policy does not exist for the repository with name '{name}' in the registry with id '{}'",
            context.registry.account()
        ),
    )
}
