//! The one address of all AWS APIs: finds out which is called.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;

use super::backend::Backend;
use super::base_url::BaseUrl;
use super::exchange::{Call, Exchange};
use super::{ecr, ecr_public, json_api, sts};
use crate::services::sigv4::SignedRequest;

/// The most bytes of an API request: a layer part of 20,971,520 bytes in base64, and what goes with it.
const MAX_API_BODY: usize = 28 * 1024 * 1024;

/// The address.
pub(super) fn routes() -> Router<Backend> {
    Router::new().route("/", post(answer))
}

/// Answers a call: the JSON APIs have a target header, the others are of STS.
async fn answer(
    State(backend): State<Backend>,
    exchange: Exchange,
    base: BaseUrl,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_API_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    if let Some(target) = parts.headers.get("x-amz-target") {
        let target = target.to_str().unwrap_or_default().to_owned();
        let services = [&ecr::SERVICE, &ecr_public::SERVICE];
        let service = services
            .into_iter()
            .find(|service| target.starts_with(service.target))
            .unwrap_or(&ecr::SERVICE);
        return service
            .answer(&backend, &exchange, base, &target, parts, body)
            .await;
    }
    let is_form = parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|text| text.starts_with("application/x-www-form-urlencoded"));
    if !is_form {
        return json_api::error(404, "UnknownOperationException", "");
    }
    let parameters = sts::Parameters::parse(&body);
    let call = Call::new(sts::operation(&parameters))
        .worded(&sts::WORDING)
        .reference(parameters.get("RoleArn").map(str::to_owned));
    let shared = backend.clone();
    let effect = async {
        let work = move || {
            let request = SignedRequest {
                method: &parts.method,
                uri: &parts.uri,
                headers: &parts.headers,
                body: &body,
            };
            sts::answer(&shared.state, &shared.issuer, &parameters, &request)
        };
        tokio::task::spawn_blocking(work)
            .await
            .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
    };
    exchange.perform(&backend.state, call, effect).await
}
