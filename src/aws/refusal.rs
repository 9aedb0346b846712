//! What STS's refusals of a web identity mean.

use crate::aws::claims::Claims;
use crate::aws::error::{AssumeDenied, IdentityError};
use crate::aws::failure::ApiFailure;
use crate::aws::retry_policy::RetryClass;
use crate::aws::role::RoleArn;
use tagship_domain::reference::Region;

const OPERATION: &str = "AssumeRoleWithWebIdentity";

/// The error for the user, and whether another try may help.
///
/// Source: STS API reference, `AssumeRoleWithWebIdentity`, errors; the words of a message are looked at only where
/// one code stands for several causes.
pub(super) fn of_web_identity(
    failure: ApiFailure,
    role: &RoleArn,
    region: &Region,
    claims: Option<Claims>,
) -> (IdentityError, RetryClass) {
    let account = role.account().clone();
    let said = |part: &str| failure.message.to_ascii_lowercase().contains(part);
    let issuer = claims.as_ref().map_or_else(
        || "the token's issuer".to_owned(),
        |claims| tagship_domain::error::cleaned(&claims.issuer),
    );
    let audience = claims
        .as_ref()
        .map(|claims| tagship_domain::error::cleaned(&claims.audience))
        .unwrap_or_default();
    let message = failure.message.clone();
    match failure.code.as_str() {
        "AccessDenied" | "AccessDeniedException" => {
            let role = role.to_string();
            let denied = Box::new(AssumeDenied { role, claims });
            (IdentityError::AssumeDenied(denied), RetryClass::Soon)
        }
        // STS fetches the issuer's keys, and many jobs at once overload that.
        "IDPCommunicationError" | "IDPCommunicationErrorException" => {
            (unavailable(message), RetryClass::Later)
        }
        "InvalidIdentityToken" | "InvalidIdentityTokenException" if said("verification key") => {
            (unavailable(message), RetryClass::Later)
        }
        "InvalidIdentityToken" | "InvalidIdentityTokenException" if said("no openidconnect provider") => (
            IdentityError::UnknownIssuer { account, issuer },
            RetryClass::Never,
        ),
        "InvalidIdentityToken" | "InvalidIdentityTokenException" if said("audience") => (
            IdentityError::WrongAudience { account, audience },
            RetryClass::Never,
        ),
        "InvalidIdentityToken"
        | "InvalidIdentityTokenException"
        | "IDPRejectedClaim"
        | "IDPRejectedClaimException"
        | "ExpiredTokenException"
        | "ExpiredToken" => (IdentityError::TokenRejected { message }, RetryClass::Soon),
        "RegionDisabledException" => {
            let region = region.clone();
            (
                IdentityError::RegionDisabled { account, region },
                RetryClass::Never,
            )
        }
        "ValidationError" if said("arn is invalid") => {
            let role = role.to_string();
            let problem = "is refused by AWS as invalid";
            (IdentityError::InvalidRole { role, problem }, RetryClass::Never)
        }
        _ => otherwise(failure, OPERATION),
    }
}

/// The error for the user when the role was to be assumed with the chain's credentials.
///
/// Source: STS API reference, `AssumeRole`, errors.
pub(super) fn of_chain(failure: ApiFailure, role: &RoleArn, region: &Region) -> (IdentityError, RetryClass) {
    match failure.code.as_str() {
        "AccessDenied" | "AccessDeniedException" => {
            let (role, message) = (role.to_string(), failure.message);
            let error = if message.contains("sts:TagSession") {
                IdentityError::TagsDenied { role, message }
            } else {
                IdentityError::ChainDenied { role, message }
            };
            (error, RetryClass::Soon)
        }
        "RegionDisabledException" => {
            let (account, region) = (role.account().clone(), region.clone());
            (
                IdentityError::RegionDisabled { account, region },
                RetryClass::Never,
            )
        }
        _ => otherwise(failure, "AssumeRole"),
    }
}

/// What is wrong with the policies and tags of a session, whoever asks for it; `None` if it is something else.
///
/// Source: STS API reference, `AssumeRole`, errors.
pub(super) fn of_session(failure: &ApiFailure, role: &RoleArn) -> Option<IdentityError> {
    let (role, message) = (role.to_string(), failure.message.clone());
    match failure.code.as_str() {
        "PackedPolicyTooLarge" | "PackedPolicyTooLargeException" => {
            Some(IdentityError::SessionTooLarge { role, message })
        }
        "MalformedPolicyDocument" | "MalformedPolicyDocumentException" => {
            Some(IdentityError::SessionPolicyRefused { role, message })
        }
        _ => None,
    }
}

/// What any call to STS may fail with.
pub(super) fn otherwise(failure: ApiFailure, operation: &str) -> (IdentityError, RetryClass) {
    if let Some(error) = failure.about_credentials() {
        return (error, RetryClass::Never);
    }
    let (operation, message) = (format!("`sts:{operation}`"), failure.message);
    if failure.is_connection_refused {
        (
            IdentityError::Unavailable { operation, message },
            RetryClass::Soon,
        )
    } else if failure.transient {
        (
            IdentityError::Unavailable { operation, message },
            RetryClass::Later,
        )
    } else {
        (IdentityError::Refused { operation, message }, RetryClass::Never)
    }
}

/// Whether the session would be longer than the role, or the chaining of roles, allows.
///
/// Source: STS API reference, `DurationSeconds`.
pub(super) fn is_too_long(failure: &ApiFailure) -> bool {
    failure.code == "ValidationError" && failure.message.contains("DurationSeconds exceeds")
}

fn unavailable(message: String) -> IdentityError {
    IdentityError::Unavailable {
        operation: format!("`sts:{OPERATION}`"),
        message,
    }
}
