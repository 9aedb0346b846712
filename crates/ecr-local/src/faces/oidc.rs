//! The issuer's addresses: discovery, keys, and where jobs ask for tokens.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::json;

use super::backend::Backend;
use crate::faces::base_url::BaseUrl;
use crate::faces::exchange::{Call, Exchange};
use crate::hosts::ISSUER;
use crate::services::oidc::Issuer;
use crate::state::EmulatorState;

/// Where jobs ask for tokens.
pub(crate) const TOKEN_PATH: &str = "/_gha/token";

/// The issuer's addresses.
pub(crate) fn routes() -> Router<Backend> {
    Router::new()
        .route("/.well-known/openid-configuration", get(configuration))
        .route("/.well-known/jwks", get(keys))
        .route(TOKEN_PATH, get(token))
}

/// Source: `OpenID` Connect Discovery 1.0, "`OpenID` Provider Metadata".
async fn configuration(base: BaseUrl) -> Response {
    axum::Json(json!({
        "issuer": ISSUER,
        "jwks_uri": format!("{base}/.well-known/jwks"),
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public", "pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid"],
    }))
    .into_response()
}

async fn keys(State(issuer): State<Arc<Issuer>>) -> Response {
    match tokio::task::spawn_blocking(move || issuer.keys()).await {
        Ok(Ok(keys)) => axum::Json(keys).into_response(),
        Ok(Err(_)) | Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[derive(Deserialize)]
struct TokenQuery {
    audience: Option<String>,
}

/// Source: GitHub docs, "`OpenID` Connect reference", "Methods for requesting the OIDC token".
async fn token(
    State(state): State<Arc<EmulatorState>>,
    State(issuer): State<Arc<Issuer>>,
    exchange: Exchange,
    Query(query): Query<TokenQuery>,
    headers: HeaderMap,
) -> Response {
    let call = Call::new("GetIdToken").reference(query.audience.clone());
    let answer = async {
        let shown = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| text.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map_or("", |(_, token)| token.trim());
        let wanted = issuer.request_token.expose_secret();
        let same =
            aws_lc_rs::constant_time::verify_slices_are_equal(shown.as_bytes(), wanted.as_bytes()).is_ok();
        if !same {
            return (StatusCode::UNAUTHORIZED, "Not Authorized").into_response();
        }
        let now = state.clock.now();
        let issue = move || issuer.token(query.audience.as_deref(), now);
        match tokio::task::spawn_blocking(issue).await {
            Ok(Ok(token)) => axum::Json(json!({"count": token.len(), "value": token})).into_response(),
            Ok(Err(_)) | Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    };
    exchange.perform(&state, call, answer).await
}
