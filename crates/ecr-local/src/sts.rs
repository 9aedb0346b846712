//! STS: the query protocol's calls that make somebody a role's session.
//!
//! Source: STS API reference; AWS query protocol (`Action=…&Version=2011-06-15`, XML answers).

mod assume_role;
mod parameters;
mod session;
mod web_identity;
mod xml;

use std::borrow::Cow;

use axum::response::Response;

use crate::emulator::Emulator;
use crate::iam::Principal;
use crate::refusal::Refusal;
use crate::sigv4::{self, BadSignature, SignedRequest};
pub(crate) use parameters::Parameters;
use xml::Element;

/// The only version of the API.
pub(crate) const VERSION: &str = "2011-06-15";

/// Errors by their code on the wire, which is not always the shape's name.
///
/// Source: STS API reference, botocore's `sts` model (`error.code`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct StsError {
    pub(crate) code: Cow<'static, str>,
    pub(crate) status: u16,
    pub(crate) message: String,
}

impl StsError {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        let status = match code {
            "AccessDenied"
            | "IDPRejectedClaim"
            | "RegionDisabledException"
            | "InvalidClientTokenId"
            | "SignatureDoesNotMatch"
            | "MissingAuthenticationToken"
            | "ExpiredToken" => 403,
            "InternalFailure" => 500,
            _ => 400,
        };
        Self {
            code: Cow::Borrowed(code),
            status,
            message: message.into(),
        }
    }

    fn internal(error: &Refusal) -> Self {
        tracing::error!(%error, "the embedded STS failed");
        Self::new(
            "InternalFailure",
            "The request processing has failed because of an internal error.",
        )
    }

    /// The error as STS answers it.
    pub(crate) fn into_response(self) -> Response {
        xml::error(&self)
    }
}

impl From<BadSignature> for StsError {
    fn from(bad: BadSignature) -> Self {
        let code = match bad {
            BadSignature::Missing => "MissingAuthenticationToken",
            BadSignature::Incomplete(_) => "IncompleteSignature",
            BadSignature::UnknownKey => "InvalidClientTokenId",
            BadSignature::Expired => "ExpiredToken",
            BadSignature::Wrong(_) => "SignatureDoesNotMatch",
        };
        Self::new(code, bad.to_string())
    }
}

/// Every operation of the API; only the first three are served.
const OPERATIONS: [&str; 11] = [
    "AssumeRole",
    "AssumeRoleWithWebIdentity",
    "GetCallerIdentity",
    "AssumeRoleWithSAML",
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
pub(crate) fn answer(emulator: &Emulator, parameters: &Parameters, request: &SignedRequest<'_>) -> Response {
    let operation = parameters.get("Action").unwrap_or_default();
    match run(emulator, operation, parameters, request) {
        Ok(element) => xml::answer(operation, element),
        Err(error) => xml::error(&error),
    }
}

fn run(
    emulator: &Emulator,
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
        return web_identity::assume_role(emulator, parameters);
    }
    let principal = if emulator.auth {
        sigv4::verify(request, &emulator.iam, "sts", &emulator.clock)?.principal
    } else {
        Principal::Administrator
    };
    match (operation, &principal) {
        ("AssumeRole", _) => assume_role::assume_role(emulator, parameters, &principal),
        ("GetCallerIdentity", _) => Ok(caller_identity(emulator, &principal)),
        ("GetFederationToken" | "GetSessionToken", Principal::Session(_)) => Err(denied(format!(
            "Cannot call {operation} with session credentials"
        ))),
        _ => Err(denied(format!(
            "User: {} is not authorized to perform: sts:{operation}",
            emulator.iam.arn(&principal)
        ))),
    }
}

fn denied(message: impl Into<String>) -> StsError {
    StsError::new("AccessDenied", message)
}

fn caller_identity(emulator: &Emulator, principal: &Principal) -> Element {
    let iam = &emulator.iam;
    Element::node(
        "GetCallerIdentityResult",
        vec![
            Element::text("Arn", iam.arn(principal)),
            Element::text("UserId", iam.user_id(principal)),
            Element::text("Account", iam.account_of(principal).to_string()),
        ],
    )
}
