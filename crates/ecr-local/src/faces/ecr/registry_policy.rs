//! Policies of registries.

use serde::Deserialize;
use serde_json::{Value, json};

use super::repository_policy::{POLICY_TEXT, checked};
use crate::faces::json_api::{Context, Handler, Operation, Resource, read, required};
use crate::refusal::Refusal;
use crate::services::permissions::REGISTRY_POLICY;
use crate::state::store::Owner;

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        name: "PutRegistryPolicy",
        on: Resource::Registry,
        input: &[required("policyText", POLICY_TEXT)],
        run: Handler::Blocking(put),
    },
    Operation {
        name: "GetRegistryPolicy",
        on: Resource::Registry,
        input: &[],
        run: Handler::Blocking(get),
    },
    Operation {
        name: "DeleteRegistryPolicy",
        on: Resource::Registry,
        input: &[],
        run: Handler::Blocking(delete),
    },
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PutRegistryPolicy {
    policy_text: String,
}

/// `PutRegistryPolicy`.
fn put(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: PutRegistryPolicy = read(document)?;
    checked(&request.policy_text, "Invalid registry policy provided")?;
    context
        .registry
        .put_document(Owner::Registry, REGISTRY_POLICY, request.policy_text.clone())?;
    answer(context, Some(request.policy_text))
}

/// `GetRegistryPolicy`.
fn get(context: &Context<'_>, _document: Value) -> Result<Value, Refusal> {
    let policy = context.registry.document(Owner::Registry, REGISTRY_POLICY)?;
    answer(context, policy)
}

/// `DeleteRegistryPolicy`.
fn delete(context: &Context<'_>, _document: Value) -> Result<Value, Refusal> {
    let policy = context
        .registry
        .change_document(Owner::Registry, REGISTRY_POLICY, |_| Ok(None))?;
    answer(context, policy)
}

fn answer(context: &Context<'_>, policy: Option<String>) -> Result<Value, Refusal> {
    let account = context.registry.account();
    let policy = policy.ok_or_else(|| {
        Refusal::modelled(
            "RegistryPolicyNotFoundException",
            format!("Registry policy does not exist in the registry with id '{account}'"),
        )
    })?;
    Ok(json!({"registryId": account, "policyText": policy}))
}
