//! Answers in the AWS JSON 1.1 protocol.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value};

use crate::faces::exchange::Wording;
use crate::refusal::Refusal;
use crate::services::sigv4::BadSignature;

/// What clients of these APIs read of failures that tests order.
pub(super) static WORDING: Wording = Wording {
    error,
    throttled: (400, "ThrottlingException"),
    unavailable: ("ServerException", "Internal server error"),
    internal: "ServerException",
};

pub(super) fn refused(refusal: &Refusal) -> Response {
    let status = if let Refusal::State(source) = refusal {
        tracing::error!(%source, "the embedded ECR's state failed");
        500
    } else {
        400
    };
    error_with(status, refusal.code(), &refusal.to_string(), refusal.members())
}

pub(super) fn bad_signature(bad: &BadSignature) -> Response {
    let code = match bad {
        BadSignature::Missing => "MissingAuthenticationToken",
        BadSignature::Incomplete(_) => "IncompleteSignatureException",
        BadSignature::UnknownKey => "UnrecognizedClientException",
        BadSignature::Expired => "ExpiredTokenException",
        BadSignature::Wrong(_) => "InvalidSignatureException",
    };
    error(400, code, &bad.to_string())
}

/// An error as the API answers it.
pub(crate) fn error(status: u16, code: &str, message: &str) -> Response {
    error_with(status, code, message, Map::new())
}

/// The same, with members beside the message.
fn error_with(status: u16, code: &str, message: &str, mut members: Map<String, Value>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    members.insert("__type".to_owned(), code.into());
    members.insert("message".to_owned(), message.into());
    let mut response = respond(status, &Value::Object(members));
    if let Ok(code) = HeaderValue::from_str(code) {
        response.headers_mut().insert("x-amzn-errortype", code);
    }
    response
}

pub(super) fn respond(status: StatusCode, value: &Value) -> Response {
    let request_id = crate::random::hex::<16>().unwrap_or_default();
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/x-amz-json-1.1"),
        ),
        (
            header::HeaderName::from_static("x-amzn-requestid"),
            HeaderValue::from_str(&request_id).unwrap_or_else(|_| HeaderValue::from_static("")),
        ),
    ];
    (status, headers, value.to_string()).into_response()
}
