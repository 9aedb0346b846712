//! What public registries have of their own: repositories under an alias, bearer tokens, pulls by everybody.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::error::{OciError, WORDING, no_such_repository};
use super::login::{Refused, basic_password};
use crate::faces::base_url::BaseUrl;
use crate::faces::exchange::{Call, Exchange};
use crate::hosts::{AwsHost, PUBLIC_REGISTRY};
use crate::refusal::Refusal;
use crate::services::login_tokens::{TokenProblem, open_token};
use crate::state::EmulatorState;
use crate::state::iam::Principal;
use crate::state::store::{Alias, Registry};
use tagship_domain::reference::RepositoryName;

/// How long a bearer token is good for, if the login is.
const LIFE: SignedDuration = SignedDuration::from_hours(1);

/// The purpose that bearer tokens are sealed for.
const PURPOSE: &str = "public bearer";

/// What a bearer token says.
#[derive(Serialize, Deserialize)]
struct Bearer {
    /// Absent where it was asked for without a login.
    principal: Option<Principal>,
    expires: Timestamp,
}

/// Finds out who sends a request. Source: distribution registry documentation, "Token Authentication Specification".
pub(super) fn identify(state: &EmulatorState, headers: &HeaderMap) -> Result<Option<Principal>, Refused> {
    if !state.auth {
        return Ok(Some(Principal::Administrator));
    }
    headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .and_then(|(_, token)| state.iam.seal.open(PURPOSE, token.trim()))
        .filter(|bearer: &Bearer| bearer.expires > state.clock.now())
        .map(|bearer| bearer.principal)
        .ok_or(Refused::Challenge)
}

/// ECR Public's challenge.
pub(super) fn challenge(base: &BaseUrl) -> Response {
    let mut response = OciError::new(401, "DENIED", "Not Authorized").into_response();
    let challenge = format!("Bearer realm=\"{base}/token/\",service=\"{PUBLIC_REGISTRY}\",scope=\"aws\"");
    if let Ok(challenge) = HeaderValue::from_str(&challenge) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

/// The registry that a repository is in, and its name there: the first part of `named` is the registry's alias.
pub(super) fn place(
    state: &EmulatorState,
    named: &RepositoryName,
) -> Result<(Registry, RepositoryName), OciError> {
    let (alias, name) = named.as_str().split_once('/').unwrap_or(("", named.as_str()));
    let missing = || no_such_repository(name, alias);
    let account = Alias::account(alias).ok_or_else(missing)?;
    let repository = RepositoryName::parse(name).map_err(|_invalid| missing())?;
    Ok((state.registry.public_of(account), repository))
}

/// [`token`] at the port that serves other hosts too.
pub(super) async fn token_by_name(
    state: State<Arc<EmulatorState>>,
    exchange: Exchange,
    base: BaseUrl,
    headers: HeaderMap,
) -> Response {
    match base.endpoint() {
        Some(AwsHost::PublicRegistry) => token(state, exchange, headers).await,
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// `GET /token/`: a bearer token, for who logs in with a password of `GetAuthorizationToken`, and for anybody else.
pub(super) async fn token(
    State(state): State<Arc<EmulatorState>>,
    exchange: Exchange,
    headers: HeaderMap,
) -> Response {
    let call = Call::new("GetBearerToken").worded(&WORDING);
    let answer = async { grant(&state, &headers).unwrap_or_else(OciError::into_response) };
    exchange.perform(&state, call, answer).await
}

fn grant(state: &EmulatorState, headers: &HeaderMap) -> Result<Response, OciError> {
    let now = state.clock.now();
    let mut expires = now.checked_add(LIFE).unwrap_or(Timestamp::MAX);
    let mut principal = None;
    if headers.contains_key(header::AUTHORIZATION) {
        let invalid = || OciError::new(400, "DENIED", "Your Authorization Token is invalid.");
        let password = basic_password(headers).ok_or_else(invalid)?;
        let registry = state.registry.public_of(state.iam.account.clone());
        let login = open_token(state, &registry, &password).map_err(|problem| match problem {
            TokenProblem::Unknown => invalid(),
            TokenProblem::Expired => Refusal::TokenExpired.into(),
        })?;
        expires = expires.min(login.expires);
        principal = Some(login.principal);
    }
    let token = state
        .iam
        .seal
        .seal(PURPOSE, &Bearer { principal, expires })
        .map_err(Refusal::from)?;
    let body = json!({
        "token": token.expose_secret(),
        "expires_in": expires.duration_since(now).as_secs(),
    });
    let content_type = [(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json; charset=utf-8"),
    )];
    Ok((StatusCode::OK, content_type, body.to_string()).into_response())
}
