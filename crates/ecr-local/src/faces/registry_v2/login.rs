//! Logins to private registries.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::faces::base_url::BaseUrl;
use crate::refusal::Refusal;
use crate::services::login_tokens::{TokenProblem, USER, open_private_token, open_token};
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

/// Finds out who sends a request to a private registry, and to which: HTTP Basic with the token of
/// `GetAuthorizationToken`, nothing else.
///
/// `named` is the registry that the host's name says. The plain port has no such name, and there the login says which
/// registry is meant.
pub(super) fn identify(
    state: &EmulatorState,
    named: Option<Registry>,
    headers: &HeaderMap,
) -> Result<(Principal, Registry), Refused> {
    if !state.auth {
        let registry = named.unwrap_or_else(|| state.registry.clone());
        return Ok((Principal::Administrator, registry));
    }
    let password = basic_password(headers).ok_or(Refused::Challenge)?;
    let token = match &named {
        Some(registry) => open_token(state, registry, &password),
        None => open_private_token(state, &password),
    };
    match token {
        Ok(token) => {
            let registry = named.unwrap_or_else(|| token.registry(state));
            Ok((token.principal, registry))
        }
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
