//! A call of STS: who makes it, and what carries it out.

use axum::response::Response;

use super::error::{StsError, VERSION, denied};
use super::parameters::Parameters;
use super::xml::{self, Element};
use super::{assume_role, web_identity};
use crate::services::oidc::Issuer;
use crate::services::sigv4::{self, SignedRequest};
use crate::state::EmulatorState;
use crate::state::iam::Principal;

/// Every operation of the API; only the first four are served.
const OPERATIONS: [&str; 11] = [
    "AssumeRole",
    "AssumeRoleWithWebIdentity",
    "AssumeRoleWithSAML",
    "GetCallerIdentity",
    "AssumeRoot",
    "DecodeAuthorizationMessage",
    "GetAccessKeyInfo",
    "GetDelegatedAccessToken",
    "GetFederationToken",
    "GetSessionToken",
    "GetWebIdentityToken",
];

/// The operation, as the journal names it.
pub(crate) fn operation(parameters: &Parameters) -> &'static str {
    let wanted = parameters.get("Action").unwrap_or_default();
    OPERATIONS
        .into_iter()
        .find(|operation| *operation == wanted)
        .unwrap_or("Unknown")
}

/// Answers one call.
pub(crate) fn answer(
    state: &EmulatorState,
    issuer: &Issuer,
    parameters: &Parameters,
    request: &SignedRequest<'_>,
) -> Response {
    let operation = parameters.get("Action").unwrap_or_default();
    match run(state, issuer, operation, parameters, request) {
        Ok(element) => xml::answer(operation, element),
        Err(error) => xml::error(&error),
    }
}

fn run(
    state: &EmulatorState,
    issuer: &Issuer,
    operation: &str,
    parameters: &Parameters,
    request: &SignedRequest<'_>,
) -> Result<Element, StsError> {
    let version = parameters.get("Version");
    if version.is_some_and(|version| version != VERSION) || !OPERATIONS.contains(&operation) {
        return Err(StsError::new(
            "InvalidAction",
            format!(
                "Could not find operation {} for version {VERSION}",
                operation.escape_debug()
            ),
        ));
    }
    if operation == "AssumeRoleWithWebIdentity" {
        return web_identity::assume_role(state, issuer, parameters);
    }
    if operation == "AssumeRoleWithSAML" {
        return web_identity::assume_role_with_saml(parameters);
    }
    let principal = if state.auth {
        sigv4::verify(request, &state.iam, "sts", &state.clock)?.principal
    } else {
        Principal::Administrator
    };
    match (operation, &principal) {
        ("AssumeRole", _) => assume_role::assume_role(state, parameters, &principal),
        ("GetCallerIdentity", _) => Ok(caller_identity(state, &principal)),
        ("GetFederationToken" | "GetSessionToken", Principal::Session(_)) => Err(denied(format!(
            "Cannot call {operation} with session credentials"
        ))),
        _ => Err(denied(format!(
            "User: {} is not authorized to perform: sts:{operation}",
            state.iam.arn(&principal)
        ))),
    }
}

fn caller_identity(state: &EmulatorState, principal: &Principal) -> Element {
    let iam = &state.iam;
    Element::node(
        "GetCallerIdentityResult",
        vec![
            Element::text("Arn", iam.arn(principal)),
            Element::text("UserId", iam.user_id(principal)),
            Element::text("Account", iam.account_of(principal).to_string()),
        ],
    )
}
