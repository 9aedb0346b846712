//! What a failed call to an AWS API came to.

use std::error::Error;
use std::io;

use aws_config::imds::client::error::ImdsError;
use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextMut;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use http_body_util::{LengthLimitError, Limited};

use crate::aws::IdentityError;
use tagship_domain::error::{causes, cleaned, innermost};

/// What a failed call to an AWS API came to. The SDK's own errors print as `service error`, which says nothing.
#[derive(Debug, Clone)]
pub(super) struct ApiFailure {
    /// The error code of the answer, such as `AccessDenied`.
    pub(super) code: String,
    /// The service's words, or what broke on the way.
    pub(super) message: String,
    /// Whether the same call may succeed later.
    pub(super) transient: bool,
    /// Whether nothing listens where the call was sent.
    pub(super) is_connection_refused: bool,
    /// Whether no answer came, however often it was asked.
    pub(super) is_silence: bool,
    /// Why there are no credentials, when the call failed before it was sent.
    pub(super) identity: Option<IdentityError>,
}

impl ApiFailure {
    /// Source: "Common Errors" of the STS and ECR API references, and the codes that the SDK knows as throttling.
    const THROTTLING: [&str; 7] = [
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottledException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "RequestThrottled",
    ];

    pub(super) fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        if let Some(identity) = identity_cause(error) {
            return Self {
                code: String::new(),
                message: identity.to_string(),
                transient: false,
                is_connection_refused: false,
                is_silence: false,
                identity: Some(identity),
            };
        }
        let status = error.raw_response().map(|response| response.status().as_u16());
        let service = error.as_service_error().map(ProvideErrorMetadata::meta);
        let code = cleaned(service.and_then(|meta| meta.code()).unwrap_or_default());
        let said = service.and_then(|meta| meta.message()).map(cleaned);
        let on_the_way = match error {
            SdkError::DispatchFailure(failure) => !failure.is_user(),
            SdkError::TimeoutError(_) | SdkError::ResponseError(_) => true,
            _ => false,
        };
        let message = match (said, status) {
            (Some(said), _) if code.is_empty() => said,
            (Some(said), _) => format!("{said} ({code})"),
            // An answer that says yes, and whose body is too large, torn or no answer of this operation.
            (None, Some(200..=299)) if is_too_long(error) => {
                "its answer is longer than the API's answers are".to_owned()
            }
            (None, Some(200..=299)) => format!("its answer cannot be read: {}", innermost(error)),
            (None, Some(status)) if code.is_empty() => format!("it answers with HTTP status {status}"),
            (None, Some(status)) => format!("it answers with {code}, HTTP status {status}"),
            (None, None) if is_timeout(error) => "no answer in time".to_owned(),
            (None, None) => innermost(error),
        };
        Self {
            transient: on_the_way
                || status.is_some_and(|status| status >= 500 || status == 429)
                || Self::THROTTLING.contains(&code.as_str()),
            is_connection_refused: is_connection_refused(error),
            is_silence: status.is_none() && is_timeout(error),
            code,
            message,
            identity: None,
        }
    }

    /// Whether there were too many calls.
    pub(super) fn is_throttled(&self) -> bool {
        Self::THROTTLING.contains(&self.code.as_str())
    }

    /// Whether the credentials ended between their issue and the call.
    pub(super) fn is_expired_credentials(&self) -> bool {
        matches!(
            self.code.as_str(),
            "ExpiredToken" | "ExpiredTokenException" | "RequestExpired"
        )
    }

    /// What every AWS API says of credentials that are no good; `None` if it is about something else.
    ///
    /// Source: "Common Errors" of the STS and ECR API references.
    pub(super) fn about_credentials(&self) -> Option<IdentityError> {
        let message = self.message.clone();
        if let Some(identity) = &self.identity {
            return Some(identity.clone());
        }
        if self.is_expired_credentials() {
            return Some(IdentityError::Expired { message });
        }
        let refused = matches!(
            self.code.as_str(),
            "UnrecognizedClientException"
                | "InvalidClientTokenId"
                | "InvalidSignatureException"
                | "SignatureDoesNotMatch"
                | "IncompleteSignature"
                | "IncompleteSignatureException"
                | "MissingAuthenticationToken"
                | "MissingAuthenticationTokenException"
                | "AuthFailure"
        );
        refused.then_some(IdentityError::CredentialsRefused { message })
    }

    /// Whether IAM does not allow the call.
    pub(super) fn is_access_denied(&self) -> bool {
        matches!(
            self.code.as_str(),
            "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation"
        )
    }
}

/// Whether nothing listens where a request was sent, so that waiting for long does not help.
pub(super) fn is_connection_refused(error: &(dyn Error + 'static)) -> bool {
    causes(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::ConnectionRefused)
}

/// What a credentials provider failed with, from below the SDK's wrappers.
pub(super) fn identity_cause(error: &(dyn Error + 'static)) -> Option<IdentityError> {
    let ours = || causes(error).find_map(|cause| cause.downcast_ref::<IdentityError>().cloned());
    let chains = || causes(error).find_map(|cause| cause.downcast_ref::<CredentialsError>().map(from_chain));
    ours().or_else(chains)
}

/// What the ordinary chain failed with.
pub(super) fn from_chain(error: &CredentialsError) -> IdentityError {
    match error {
        CredentialsError::CredentialsNotLoaded(_) => IdentityError::None,
        // The last of the chain. Machines that are not Amazon's have such a service too, which knows no credentials.
        other if causes(other).any(is_refused_token) => IdentityError::None,
        other => IdentityError::Chain {
            message: innermost(other),
        },
    }
}

/// Whether the machine's metadata service gives no token, without which it is asked nothing.
fn is_refused_token(cause: &(dyn Error + 'static)) -> bool {
    matches!(
        cause.downcast_ref::<ImdsError>(),
        Some(ImdsError::FailedToLoadToken(_))
    )
}

/// Whether [`Bounded`] broke the answer off.
fn is_too_long(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(<dyn Error>::is::<LengthLimitError>)
}

fn is_timeout<E, R>(error: &SdkError<E, R>) -> bool {
    match error {
        SdkError::TimeoutError(_) => true,
        SdkError::DispatchFailure(failure) => failure.is_timeout(),
        _ => false,
    }
}

/// Breaks off an answer that is longer than this many bytes, before the SDK reads it whole.
#[derive(Debug)]
pub(super) struct Bounded(pub(super) u64);

#[aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint]
impl Intercept for Bounded {
    fn name(&self) -> &'static str {
        "bounded answers"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let most = usize::try_from(self.0).unwrap_or(usize::MAX);
        let body = context.response_mut().body_mut();
        let whole = std::mem::replace(body, SdkBody::taken());
        *body = SdkBody::from_body_1_x(Limited::new(whole, most));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecr::operation::put_image::PutImageError;
    use aws_smithy_runtime_api::http::StatusCode;

    use super::*;

    #[test]
    fn an_answer_that_says_yes_and_cannot_be_read_says_why() {
        let yes = HttpResponse::new(StatusCode::try_from(200).unwrap(), SdkBody::empty());
        let torn = SdkError::<PutImageError, _>::response_error("no JSON", yes);
        assert_eq!(
            ApiFailure::of(&torn).message,
            "its answer cannot be read: no JSON"
        );
    }

    #[test]
    fn only_what_gave_no_answer_is_silent() {
        let late = SdkError::<PutImageError, _>::timeout_error("20 s");
        assert!(ApiFailure::of(&late).is_silence);
        let answer = HttpResponse::new(StatusCode::try_from(503).unwrap(), SdkBody::empty());
        let overloaded = SdkError::<PutImageError, _>::response_error("503", answer);
        let failure = ApiFailure::of(&overloaded);
        assert!(failure.transient && !failure.is_silence);
    }
}
