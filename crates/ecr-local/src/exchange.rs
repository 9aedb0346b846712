//! One request and its answer: noted in the journal, and failed where a test ordered it.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::stream;
use http_body_util::BodyExt as _;

use crate::data_plane::OciError;
use crate::emulator::Emulator;
use crate::faults::FaultAction;
use crate::journal::Held;
use crate::server::Breaker;
use crate::{json_api, sts};

/// How an interface words its errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Face {
    /// AWS JSON 1.1.
    Json,
    /// The AWS query protocol.
    Query,
    /// The OCI distribution specification.
    Oci,
    /// Plain HTTP.
    Plain,
}

/// What a request asks for.
#[derive(Debug)]
pub(crate) struct Call {
    operation: &'static str,
    repository: Option<String>,
    reference: Option<String>,
    face: Face,
}

impl Call {
    pub(crate) fn new(operation: &'static str) -> Self {
        Self {
            operation,
            repository: None,
            reference: None,
            face: Face::Plain,
        }
    }

    pub(crate) fn face(self, face: Face) -> Self {
        Self { face, ..self }
    }

    pub(crate) fn repository(self, repository: Option<String>) -> Self {
        Self { repository, ..self }
    }

    pub(crate) fn reference(self, reference: Option<String>) -> Self {
        // The journal stays small whatever clients send.
        const LONGEST: usize = 512;
        let reference = reference.map(|text| text.chars().take(LONGEST).collect());
        Self { reference, ..self }
    }
}

/// The connection's side of a request.
#[derive(Debug)]
pub(crate) struct Exchange {
    breaker: Breaker,
}

impl<S: Sync> FromRequestParts<S> for Exchange {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let breaker = parts.extensions.get::<Breaker>().cloned().unwrap_or_default();
        Ok(Self { breaker })
    }
}

impl Exchange {
    /// Carries `effect` out, unless a quota is used up or a fault says otherwise.
    pub(crate) async fn perform(
        &self,
        emulator: &Emulator,
        call: Call,
        effect: impl Future<Output = Response> + Send,
    ) -> Response {
        let repository = call.repository.as_deref();
        let entry = emulator.journal.open(
            emulator.clock.now(),
            call.operation,
            repository,
            call.reference.as_deref(),
        );
        if !emulator.throttle.admits(call.operation, emulator.clock.now()) {
            let response = throttled(call.face);
            entry.answer(response.status().as_u16());
            return response;
        }
        let response = match emulator.faults.take(call.operation, repository) {
            None => effect.await,
            Some(FaultAction::Status { status, envelope }) => fail(call.face, status, envelope),
            Some(FaultAction::Error {
                code,
                message,
                status,
            }) => error(call.face, status, &code, &message),
            Some(FaultAction::Reset) => {
                self.breaker.trip();
                return StatusCode::INTERNAL_SERVER_ERROR.into_response();
            }
            Some(FaultAction::ResetMidBody) => self.cut(effect.await, true).await,
            Some(FaultAction::Truncate) => self.cut(effect.await, false).await,
            Some(FaultAction::Delay { milliseconds }) => {
                tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                effect.await
            }
            Some(FaultAction::Hang) => {
                entry.hold(Held::BeforeEffect);
                std::future::pending().await
            }
            Some(FaultAction::HangAfter) => {
                let response = effect.await;
                entry.answer(response.status().as_u16());
                entry.hold(Held::AfterEffect);
                std::future::pending().await
            }
        };
        entry.answer(response.status().as_u16());
        response
    }

    /// The first half of an answer, after which the connection ends; none of it where it has no body.
    async fn cut(&self, response: Response, reset: bool) -> Response {
        let (parts, body) = response.into_parts();
        let whole = body
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes)
            .unwrap_or_default();
        if whole.is_empty() {
            self.breaker.trip();
        }
        let half = whole.slice(..whole.len() / 2);
        let breaker = self.breaker.clone();
        let end = async move {
            // Gives the server the time to send what it has.
            tokio::task::yield_now().await;
            if reset {
                breaker.trip();
            }
            Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
        };
        let stream = stream::StreamExt::chain(
            stream::once(async move { Ok::<Bytes, std::io::Error>(half) }),
            stream::once(end),
        );
        let mut response = Response::from_parts(parts, Body::from_stream(stream));
        // So that the client can tell that something is missing.
        response
            .headers_mut()
            .insert(axum::http::header::CONTENT_LENGTH, whole.len().into());
        response
    }
}

/// What ECR says to too many requests. Source: ECR user guide, "Troubleshooting", and its API reference, "Common
/// errors".
fn throttled(face: Face) -> Response {
    match face {
        Face::Oci => error(face, 429, "TOOMANYREQUESTS", "Rate exceeded"),
        Face::Query => error(face, 400, "Throttling", "Rate exceeded"),
        Face::Json | Face::Plain => error(face, 400, "ThrottlingException", "Rate exceeded"),
    }
}

fn fail(face: Face, status: u16, envelope: bool) -> Response {
    if !envelope {
        // What a load balancer in front of a service says.
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        return (status, "<html><body><h1>Service unavailable</h1></body></html>").into_response();
    }
    let (code, message) = match (face, status) {
        (Face::Oci, 429) => ("TOOMANYREQUESTS", "Rate exceeded"),
        (Face::Oci, 503) => ("UNAVAILABLE", "Service unavailable"),
        (Face::Oci, _) => ("UNKNOWN", "Internal server error"),
        (Face::Query, 429) => ("Throttling", "Rate exceeded"),
        (Face::Query, 503) => ("ServiceUnavailable", "Service unavailable"),
        (Face::Query, _) => ("InternalFailure", "Internal server error"),
        (_, 429) => ("ThrottlingException", "Rate exceeded"),
        (_, _) => ("ServerException", "Internal server error"),
    };
    error(face, status, code, message)
}

fn error(face: Face, status: u16, code: &str, message: &str) -> Response {
    match face {
        Face::Json => json_api::error(status, code, message),
        Face::Query => sts::StsError {
            code: code.to_owned().into(),
            status,
            message: message.to_owned(),
        }
        .into_response(),
        Face::Oci => OciError::new(status, code.to_owned(), message).into_response(),
        Face::Plain => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, message.to_owned()).into_response()
        }
    }
}
