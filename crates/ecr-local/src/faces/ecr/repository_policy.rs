//! Policies of repositories.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::faces::json_api::{
    Context, Handler, Operation, Resource, Shape, optional, read, repository_name, required,
};
use crate::refusal::Refusal;
use crate::services::permissions::REPOSITORY_POLICY;
use crate::state::iam::{PolicyProblem, ResourcePolicy};
use crate::state::store::Owner;
use tagship_domain::reference::RepositoryName;

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        name: "SetRepositoryPolicy",
        on: Resource::Repository,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("repositoryName", Shape::REPOSITORY_NAME),
            required("policyText", POLICY_TEXT),
            optional("force", Shape::Boolean),
        ],
        run: Handler::Blocking(set),
    },
    Operation {
        name: "GetRepositoryPolicy",
        on: Resource::Repository,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("repositoryName", Shape::REPOSITORY_NAME),
        ],
        run: Handler::Blocking(get),
    },
    Operation {
        name: "DeleteRepositoryPolicy",
        on: Resource::Repository,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("repositoryName", Shape::REPOSITORY_NAME),
        ],
        run: Handler::Blocking(delete),
    },
];

/// Source: ECR API reference, `SetRepositoryPolicy` and `PutRegistryPolicy`.
pub(crate) const POLICY_TEXT: Shape = Shape::text(0, 10_240);

/// Reads a policy; `refusal` is what ECR says of one that it does not take.
///
/// What only the emulator does not take is reported.
pub(crate) fn checked(text: &str, refusal: &str) -> Result<ResourcePolicy, Refusal> {
    ResourcePolicy::parse(text).map_err(|problem| match problem {
        PolicyProblem::Invalid(_) => Refusal::parameter("PolicyText", refusal),
        PolicyProblem::NotEvaluated(_) => {
            Refusal::parameter("PolicyText", format_args!("{refusal}: {problem}"))
        }
    })
}

/// What ECR says of a policy that it does not take.
pub(crate) const INVALID: &str = "Invalid repository policy provided";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SetRepositoryPolicy {
    repository_name: String,
    policy_text: String,
    #[serde(default)]
    force: bool,
}

/// `SetRepositoryPolicy`. Who would lock out himself must say so by `force`.
pub(crate) fn set(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: SetRepositoryPolicy = read(document)?;
    let name = repository_name(&request.repository_name)?;
    let repository = context.registry.repository(&name)?;
    let policy = checked(&request.policy_text, INVALID)?;
    let action = context.registry.action("SetRepositoryPolicy");
    if !request.force && context.is_locked_out(policy, &action, &repository) {
        return Err(Refusal::parameter("PolicyText", INVALID));
    }
    context.registry.put_document(
        Owner::Repository(&name),
        REPOSITORY_POLICY,
        request.policy_text.clone(),
    )?;
    answer(context, &name, Some(request.policy_text))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfRepository {
    repository_name: String,
}

/// `GetRepositoryPolicy`.
pub(crate) fn get(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: OfRepository = read(document)?;
    let name = repository_name(&request.repository_name)?;
    let policy = context
        .registry
        .document(Owner::Repository(&name), REPOSITORY_POLICY)?;
    answer(context, &name, policy)
}

/// `DeleteRepositoryPolicy`.
pub(crate) fn delete(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: OfRepository = read(document)?;
    let name = repository_name(&request.repository_name)?;
    let policy = context
        .registry
        .change_document(Owner::Repository(&name), REPOSITORY_POLICY, |_| Ok(None))?;
    answer(context, &name, policy)
}

fn answer(context: &Context<'_>, name: &RepositoryName, policy: Option<String>) -> Result<Value, Refusal> {
    let account = context.registry.account();
    let policy = policy.ok_or_else(|| {
        Refusal::modelled(
            "RepositoryPolicyNotFoundException",
            format!(
                "Repository policy does not exist for the repository with name '{name}' in the registry with id '{account}'"
            ),
        )
    })?;
    Ok(json!({
        "registryId": account,
        "repositoryName": name,
        "policyText": policy,
    }))
}
