//! STS: the query protocol's calls that turn a web identity into credentials.
//!
//! Source: STS API reference; AWS query protocol (`Action=…&Version=2011-06-15`, XML answers).

mod web_identity;
mod xml;

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::response::Response;

use crate::local::emulator::Emulator;
use crate::local::iam::Principal;
use crate::local::refusal::Refusal;
use crate::local::sigv4::{self, BadSignature, SignedRequest};
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

/// The parameters of a call.
#[derive(Debug)]
pub(crate) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Reads a form body.
    pub(crate) fn parse(body: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(body).into_owned().collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn action(&self) -> &str {
        self.get("Action").unwrap_or_default()
    }
}

/// The operation, as the journal names it.
pub(crate) fn operation(parameters: &Parameters) -> &'static str {
    match parameters.action() {
        "AssumeRoleWithWebIdentity" => "AssumeRoleWithWebIdentity",
        "GetCallerIdentity" => "GetCallerIdentity",
        _ => "Unknown",
    }
}

/// Answers one call.
pub(crate) fn answer(emulator: &Emulator, parameters: &Parameters, request: &SignedRequest<'_>) -> Response {
    let operation = parameters.action();
    let result = if parameters
        .get("Version")
        .is_some_and(|version| version != VERSION)
    {
        Err(unknown(operation))
    } else {
        match operation {
            "AssumeRoleWithWebIdentity" => web_identity::assume_role(emulator, parameters),
            "GetCallerIdentity" => caller_identity(emulator, request),
            _ => Err(unknown(operation)),
        }
    };
    match result {
        Ok(element) => xml::answer(operation, element),
        Err(error) => xml::error(&error),
    }
}

fn unknown(operation: &str) -> StsError {
    StsError::new(
        "InvalidAction",
        format!(
            "Could not find operation {} for version {VERSION}",
            operation.escape_debug()
        ),
    )
}

fn caller_identity(emulator: &Emulator, request: &SignedRequest<'_>) -> Result<Element, StsError> {
    let principal = if emulator.auth {
        sigv4::verify(request, &emulator.iam, "sts", &emulator.clock)?.principal
    } else {
        Principal::Administrator
    };
    Ok(Element::node(
        "GetCallerIdentityResult",
        vec![
            Element::text("Arn", emulator.iam.arn(&principal)),
            Element::text("UserId", emulator.iam.user_id(&principal)),
            Element::text("Account", emulator.iam.account.to_string()),
        ],
    ))
}
