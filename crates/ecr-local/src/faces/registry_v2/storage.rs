//! Where blobs are read from without a login, as from S3: at a second origin where the registry redirects to it.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use super::blobs;
use crate::faces::backend::Backend;
use crate::faces::base_url::STORAGE_PATH;
use crate::faces::exchange::{Call, Exchange};
use crate::services::storage_grants::StorageGrant;
use crate::state::EmulatorState;

/// The addresses of storage.
pub(crate) fn routes() -> Router<Backend> {
    Router::new().route(&format!("{STORAGE_PATH}{{grant}}"), get(answer))
}

/// Answers one request for a blob in storage.
async fn answer(
    State(state): State<Arc<EmulatorState>>,
    exchange: Exchange,
    Path(path): Path<String>,
    request: Request,
) -> Response {
    let grant = StorageGrant::open(&state, &path);
    let reference = grant.as_ref().map(|grant| grant.digest.to_string());
    let call = Call::new("GetStorage").reference(reference);
    let effect = async {
        // As S3 does: a client that sends its registry login on has leaked it.
        if request.headers().contains_key(header::AUTHORIZATION) {
            return refuse(StatusCode::BAD_REQUEST, "InvalidArgument");
        }
        let Some(grant) = grant.filter(|grant| grant.is_good_at(state.clock.now())) else {
            return refuse(StatusCode::FORBIDDEN, "AccessDenied");
        };
        let (parts, _) = request.into_parts();
        match blobs::serve(&state, &parts, grant.digest, grant.size).await {
            Ok(response) => response,
            Err(error) => error.into_response(),
        }
    };
    exchange.perform(&state, call, effect).await
}

/// An error in S3's form. Source: S3 API reference, "Error responses".
fn refuse(status: StatusCode, code: &str) -> Response {
    let content_type = [(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"))];
    let body = format!("<Error><Code>{code}</Code></Error>");
    (status, content_type, body).into_response()
}
