//! Logins to registries, private and public.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::faces::json_api::{Context, Handler, Operation, Resource, Shape, epoch_seconds, optional, read};
use crate::refusal::Refusal;
use crate::services::login_tokens;
use tagship_domain::reference::AccountId;

/// The operation of ECR.
pub(super) static OPERATIONS: &[Operation] = &[Operation {
    name: "GetAuthorizationToken",
    on: Resource::Registry,
    input: &[optional("registryIds", Shape::list(&Shape::REGISTRY_ID, 1, 10))],
    run: Handler::Blocking(get_token),
}];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GetAuthorizationToken {
    #[serde(default)]
    registry_ids: Vec<AccountId>,
}

/// `GetAuthorizationToken`. A token is good for all registries that its owner may use, whichever are named; the first
/// that is named is the one that a login at an address without a name leads to.
fn get_token(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: GetAuthorizationToken = read(document)?;
    let account = request.registry_ids.into_iter().next();
    let (token, expires) = login_tokens::issue(context.state, context.principal, &context.registry, account)?;
    Ok(json!({"authorizationData": [{
        "authorizationToken": token,
        "expiresAt": epoch_seconds(expires),
        "proxyEndpoint": context.base.registry(&context.registry),
    }]}))
}

/// The operation of ECR Public.
pub(super) static PUBLIC_OPERATIONS: &[Operation] = &[Operation {
    name: "GetAuthorizationToken",
    on: Resource::Registry,
    input: &[],
    run: Handler::Blocking(get_public_token),
}];

/// `GetAuthorizationToken` of ECR Public: one token, where ECR has a list.
fn get_public_token(context: &Context<'_>, _document: Value) -> Result<Value, Refusal> {
    context.permit("sts:GetServiceBearerToken", "*")?;
    let (token, expires) = login_tokens::issue(context.state, context.principal, &context.registry, None)?;
    Ok(json!({"authorizationData": {
        "authorizationToken": token,
        "expiresAt": epoch_seconds(expires),
    }}))
}
