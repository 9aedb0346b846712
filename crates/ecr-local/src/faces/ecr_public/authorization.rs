//! Logins to public registries.

use serde_json::{Value, json};

use crate::faces::json_api::{Context, Handler, Operation, Resource, epoch_seconds};
use crate::refusal::Refusal;
use crate::services::login_tokens;

pub(super) static OPERATIONS: &[Operation] = &[Operation {
    name: "GetAuthorizationToken",
    on: Resource::Registry,
    input: &[],
    run: Handler::Blocking(get_token),
}];

/// `GetAuthorizationToken`: one token, where ECR has a list.
fn get_token(context: &Context<'_>, _document: Value) -> Result<Value, Refusal> {
    context.permit("sts:GetServiceBearerToken", "*")?;
    let (token, expires) = login_tokens::issue(context.state, context.principal, &context.registry, None)?;
    Ok(json!({"authorizationData": {
        "authorizationToken": token,
        "expiresAt": epoch_seconds(expires),
    }}))
}
