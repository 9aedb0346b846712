//! Logins to registries.

use serde_json::{Value, json};

use crate::faces::json_api::{Context, Handler, Operation, Resource, Shape, epoch_seconds, optional};
use crate::refusal::Refusal;
use crate::services::login_tokens;

pub(crate) static OPERATIONS: &[Operation] = &[Operation {
    name: "GetAuthorizationToken",
    on: Resource::Registry,
    input: &[optional("registryIds", Shape::list(&Shape::REGISTRY_ID, 1, 10))],
    run: Handler::Blocking(get_token),
}];

/// `GetAuthorizationToken`. The registries that are named make no difference: a token is good for all that its
/// owner may use.
fn get_token(context: &Context<'_>, _document: Value) -> Result<Value, Refusal> {
    let (token, expires) = login_tokens::issue(context.state, context.principal, &context.registry)?;
    Ok(json!({"authorizationData": [{
        "authorizationToken": token,
        "expiresAt": epoch_seconds(expires),
        "proxyEndpoint": context.base.registry(&context.registry),
    }]}))
}
