//! Logins to private registries.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::faces::base_url::BaseUrl;
use crate::refusal::Refusal;
use crate::services::login_tokens::{TokenProblem, USER, open_token};
use crate::state::EmulatorState;
use crate::state::iam::Principal;
use crate::state::store::Registry;

/// Why a request is not let in.
#[derive(Debug)]
pub(super) enum Refused {
    /// It has no login, or a wrong one.
    Challenge,
    /// Its token was good once.
    Expired(Refusal),
}

/// Finds out who sends a request to a private registry: HTTP Basic with the token of `GetAuthorizationToken`,
/// nothing else.
pub(super) fn identify(
    state: &EmulatorState,
    registry: &Registry,
    headers: &HeaderMap,
) -> Result<Principal, Refused> {
    if !state.auth {
        return Ok(Principal::Administrator);
    }
    let password = basic_password(headers).ok_or(Refused::Challenge)?;
    match open_token(state, registry, &password) {
        Ok(token) => Ok(token.principal),
        Err(TokenProblem::Unknown) => Err(Refused::Challenge),
        Err(TokenProblem::Expired) => Err(Refused::Expired(Refusal::TokenExpired)),
    }
}

/// The password of the user `AWS`. Source: RFC 7617.
pub(super) fn basic_password(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, credentials) = text.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(credentials.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    (user == USER).then(|| password.to_owned())
}

/// ECR's challenge: the body has 15 bytes, and the service is always the same.
pub(super) fn challenge(base: &BaseUrl) -> Response {
    let mut response = (StatusCode::UNAUTHORIZED, "Not Authorized\n").into_response();
    let challenge = format!("Basic realm=\"{base}/\",service=\"ecr.amazonaws.com\"");
    if let Ok(challenge) = HeaderValue::from_str(&challenge) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}
