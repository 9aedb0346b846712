//! A request under `/v2`: which registry it is for, who sends it, and what answers it.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get};

use super::error::{OciError, WORDING};
use super::request::DataPlaneRequest;
use super::route::{Endpoint, Route};
use super::{blobs, catalog, login, manifests, public, removal, tags, uploads};
use crate::faces::backend::Backend;
use crate::faces::base_url::BaseUrl;
use crate::faces::exchange::{Call, Exchange};
use crate::hosts::AwsHost;

const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

/// The addresses of the registries at the port that serves other hosts too.
pub(crate) fn routes() -> Router<Backend> {
    Router::new()
        .route("/v2/", any(answer))
        .route("/v2", any(answer))
        .route("/v2/{*path}", any(answer))
        .route("/token/", get(public::token_by_name))
}

/// The addresses of the public registries at a port of their own.
pub(crate) fn public_routes() -> Router<Backend> {
    Router::new()
        .route("/token/", get(public::token))
        .route("/token", get(public::token))
        .route("/v2/", any(public_answer))
        .route("/v2", any(public_answer))
        .route("/v2/{*path}", any(public_answer))
}

/// Which registries a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Visibility {
    Private,
    Public,
}

/// Answers one request under `/v2` to the registry that the host's name says: a private one unless it is the host
/// of the public ones.
async fn answer(
    State(backend): State<Backend>,
    exchange: Exchange,
    base: BaseUrl,
    request: Request,
) -> Response {
    let visibility = match base.endpoint() {
        Some(AwsHost::PublicRegistry) => Visibility::Public,
        _ => Visibility::Private,
    };
    answer_as(visibility, backend, exchange, base, request).await
}

/// Answers one request under `/v2` to the public registries.
async fn public_answer(
    State(backend): State<Backend>,
    exchange: Exchange,
    base: BaseUrl,
    request: Request,
) -> Response {
    answer_as(Visibility::Public, backend, exchange, base, request).await
}

async fn answer_as(
    visibility: Visibility,
    backend: Backend,
    exchange: Exchange,
    base: BaseUrl,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let route = Route::parse(&parts.method, &parts.uri, backend.state.quirks.digests());
    let call = match &route {
        Ok(route) => Call::new(route.operation(&parts.method))
            .repository(route.repository().map(ToString::to_string))
            .reference(route.reference()),
        Err(_) => Call::new("Unknown"),
    };
    let effect = async {
        let mut response = match respond(visibility, &backend, &base, &parts, route, body).await {
            Ok(response) => response,
            Err(error) => error.into_response(),
        };
        response
            .headers_mut()
            .insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
        response
    };
    exchange
        .perform(&backend.state, call.worded(&WORDING), effect)
        .await
}

async fn respond(
    visibility: Visibility,
    backend: &Backend,
    base: &BaseUrl,
    parts: &Parts,
    route: Result<Route, OciError>,
    body: Body,
) -> Result<Response, OciError> {
    let state = &backend.state;
    let by_name = match base.endpoint() {
        Some(AwsHost::Registry(account, region)) => Some(state.registry_at(account, region)),
        _ => None,
    };
    let identified = match visibility {
        Visibility::Private => login::identify(state, by_name, &parts.headers)
            .map(|(principal, registry)| (Some(principal), registry)),
        Visibility::Public => {
            public::identify(state, &parts.headers).map(|principal| (principal, state.registry.clone()))
        }
    };
    let (principal, registry) = match (identified, visibility) {
        (Ok(identified), _) => identified,
        (Err(login::Refused::Challenge), Visibility::Private) => return Ok(login::challenge(base)),
        (Err(login::Refused::Challenge), Visibility::Public) => return Ok(public::challenge(base)),
        (Err(login::Refused::Expired(refusal)), _) => return Err(refusal.into()),
    };
    let is_strict = state.quirks.strict_oci;
    let route = route.map_err(|error| {
        if is_strict {
            error.by_specification()
        } else {
            error
        }
    })?;
    let (named, endpoint) = match route {
        Route::Ping => return Ok(StatusCode::OK.into_response()),
        Route::Catalog if visibility == Visibility::Public => return Err(OciError::unsupported()),
        Route::Catalog => return catalog::list(state, base, parts, principal.as_ref(), registry).await,
        Route::Repository(named, endpoint) => (named, endpoint),
    };
    if endpoint.deletes() && !is_strict {
        return Err(OciError::unsupported());
    }
    let (registry, repository) = match visibility {
        Visibility::Private => (registry, named.clone()),
        Visibility::Public => public::place(state, &named)?,
    };
    let request = DataPlaneRequest {
        state,
        pushes: &backend.pushes,
        addresses: &backend.addresses,
        base,
        parts,
        principal,
        registry,
        named,
    };
    request.permit(&repository, &endpoint)?;
    match endpoint {
        Endpoint::GetManifest(reference) => manifests::get(&request, repository, reference).await,
        Endpoint::PutManifest(reference) => manifests::put(&request, repository, reference, body).await,
        Endpoint::DeleteManifest(reference) => removal::manifest(&request, repository, reference).await,
        Endpoint::DeleteBlob(digest) => removal::blob(&request, repository, digest).await,
        Endpoint::GetBlob(digest) => blobs::get(&request, repository, digest).await,
        Endpoint::StartUpload => uploads::start(&request, repository).await,
        Endpoint::UploadStatus(id) => uploads::status(&request, &repository, &id),
        Endpoint::UploadPart(id) => uploads::part(&request, repository, &id, body).await,
        Endpoint::CompleteUpload(id) => uploads::complete(&request, repository, &id, body).await,
        Endpoint::CancelUpload(id) => uploads::cancel(&request, &repository, &id),
        Endpoint::ListTags => tags::list(&request, repository).await,
        Endpoint::ListReferrers(digest) => tags::referrers(&request, repository, digest).await,
    }
}
