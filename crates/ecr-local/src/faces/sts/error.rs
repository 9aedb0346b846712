//! What STS refuses, in its words.

use std::borrow::Cow;

use crate::refusal::Refusal;
use crate::services::sigv4::BadSignature;

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

    pub(super) fn internal(error: &Refusal) -> Self {
        tracing::error!(%error, "the embedded STS failed");
        Self::new(
            "InternalFailure",
            "The request processing has failed because of an internal error.",
        )
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

/// STS does not allow it.
pub(super) fn denied(message: impl Into<String>) -> StsError {
    StsError::new("AccessDenied", message)
}
