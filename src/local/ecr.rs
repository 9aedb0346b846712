//! ECR's API: AWS JSON 1.1 with the target prefix `AmazonEC2ContainerRegistry_V20150921`.
//!
//! Source: ECR API reference; Smithy, "AWS JSON 1.1 protocol".

mod authorization;
mod deletion;
mod images;
mod listing;
mod repositories;
mod request;

use std::sync::Arc;

use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use serde_json::{Value, json};

pub(crate) use authorization::{TokenProblem, USER, open_token};
use request::Context;

use crate::local::emulator::Emulator;
use crate::local::exchange::{Call, Exchange, Face};
use crate::local::iam::Principal;
use crate::local::refusal::Refusal;
use crate::local::server::BaseUrl;
use crate::local::sigv4::{self, BadSignature, SignedRequest};

const TARGET_PREFIX: &str = "AmazonEC2ContainerRegistry_V20150921.";

/// What carries an operation out.
type Handler = fn(&Context<'_>, Value) -> Result<Value, Refusal>;

/// The operations that are served.
const OPERATIONS: &[(&str, Handler)] = &[
    ("BatchCheckLayerAvailability", images::batch_check_layers),
    ("BatchDeleteImage", deletion::batch_delete),
    ("BatchGetImage", images::batch_get),
    ("CreateRepository", repositories::create),
    ("DeleteRepository", repositories::delete),
    ("DescribeImages", listing::describe_images),
    ("DescribeRepositories", repositories::describe),
    ("GetAuthorizationToken", authorization::get_token),
    ("ListImages", listing::list_images),
    ("PutImage", images::put),
    ("PutImageTagMutability", repositories::put_mutability),
];

/// Answers one call.
pub(crate) async fn answer(
    emulator: &Arc<Emulator>,
    exchange: &Exchange,
    base: BaseUrl,
    target: &str,
    parts: Parts,
    body: Bytes,
) -> Response {
    let found = target.strip_prefix(TARGET_PREFIX).and_then(|wanted| {
        OPERATIONS
            .iter()
            .find(|(operation, _)| *operation == wanted)
            .copied()
    });
    let document: Result<Value, Refusal> = serde_json::from_slice(&body)
        .map_err(|error| Refusal::Serialization(format!("the body is not JSON: {error}")));
    let text = |name: &str| {
        let document = document.as_ref().ok()?;
        document.get(name)?.as_str().map(str::to_owned)
    };
    let call = Call::new(found.map_or("Unknown", |(operation, _)| operation))
        .face(Face::Json)
        .repository(text("repositoryName"))
        .reference(text("imageTag").or_else(|| text("imageDigest")));
    let effect = async {
        let signed = SignedRequest {
            method: &parts.method,
            uri: &parts.uri,
            headers: &parts.headers,
            body: &body,
        };
        let principal = match identify(emulator, &signed) {
            Ok(principal) => principal,
            Err(bad) => return bad_signature(&bad),
        };
        let result = match (found, document) {
            (Some((operation, handler)), Ok(document)) => {
                run(
                    Arc::clone(emulator),
                    base,
                    principal,
                    operation,
                    handler,
                    document,
                )
                .await
            }
            (None, _) => Err(Refusal::UnknownOperation(String::new())),
            (_, Err(refusal)) => Err(refusal),
        };
        match result {
            Ok(value) => respond(StatusCode::OK, &value),
            Err(refusal) => refused(&refusal),
        }
    };
    exchange.perform(emulator, call, effect).await
}

fn identify(emulator: &Emulator, request: &SignedRequest<'_>) -> Result<Principal, BadSignature> {
    if !emulator.auth {
        return Ok(Principal::Administrator);
    }
    sigv4::verify(
        request,
        &emulator.iam,
        "ecr",
        emulator.registry.region(),
        emulator.clock.now(),
    )
}

/// Carries an operation out where it may block.
async fn run(
    emulator: Arc<Emulator>,
    base: BaseUrl,
    principal: Principal,
    operation: &'static str,
    handler: Handler,
    document: Value,
) -> Result<Value, Refusal> {
    tokio::task::spawn_blocking(move || {
        let context = Context {
            emulator: &emulator,
            principal: &principal,
            base: &base,
        };
        context.authorize(operation, &document)?;
        handler(&context, document)
    })
    .await?
}

fn refused(refusal: &Refusal) -> Response {
    let status = if let Refusal::State(source) = refusal {
        tracing::error!(%source, "the embedded ECR's state failed");
        500
    } else {
        400
    };
    error(status, refusal.code(), &refusal.to_string())
}

fn bad_signature(bad: &BadSignature) -> Response {
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
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = respond(status, &json!({"__type": code, "message": message}));
    if let Ok(code) = HeaderValue::from_str(code) {
        response.headers_mut().insert("x-amzn-errortype", code);
    }
    response
}

fn respond(status: StatusCode, value: &Value) -> Response {
    let request_id = crate::local::random::hex::<16>().unwrap_or_default();
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
