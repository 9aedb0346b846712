//! One request and its answer: noted in the journal, and failed where a test ordered it.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::stream;
use http_body_util::BodyExt as _;

use super::base_url::Peer;
use crate::state::EmulatorState;
use crate::state::faults::FaultAction;
use crate::state::journal::HeldAt;

/// How a face words failures that are none of its own work.
#[derive(Debug)]
pub(crate) struct Wording {
    /// An error by its status, code and message.
    pub(crate) error: fn(u16, &str, &str) -> Response,
    /// Status and code of the answer to too many requests.
    pub(crate) throttled: (u16, &'static str),
    /// Code and message of a service that is down for a while.
    pub(crate) unavailable: (&'static str, &'static str),
    /// The code of any other failure of the service.
    pub(crate) internal: &'static str,
}

/// Plain HTTP.
static PLAIN: Wording = Wording {
    error: |status, _code, message| {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, message.to_owned()).into_response()
    },
    throttled: (400, "ThrottlingException"),
    unavailable: ("ServerException", "Internal server error"),
    internal: "ServerException",
};

impl Wording {
    /// What ECR says to too many requests. Source: ECR user guide, "Troubleshooting", and its API reference, "Common
    /// errors".
    fn throttled(&self) -> Response {
        let (status, code) = self.throttled;
        (self.error)(status, code, "Rate exceeded")
    }

    /// A status that a test ordered, in the face's words or in a load balancer's.
    fn failed(&self, status: u16, envelope: bool) -> Response {
        if !envelope {
            // What a load balancer in front of a service says.
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return (status, "<html><body><h1>Service unavailable</h1></body></html>").into_response();
        }
        let (code, message) = match status {
            429 => (self.throttled.1, "Rate exceeded"),
            503 => self.unavailable,
            _ => (self.internal, "Internal server error"),
        };
        (self.error)(status, code, message)
    }
}

/// What a request asks for.
#[derive(Debug)]
pub(crate) struct Call {
    operation: &'static str,
    repository: Option<String>,
    reference: Option<String>,
    wording: &'static Wording,
}

impl Call {
    pub(crate) fn new(operation: &'static str) -> Self {
        Self {
            operation,
            repository: None,
            reference: None,
            wording: &PLAIN,
        }
    }

    pub(crate) fn worded(self, wording: &'static Wording) -> Self {
        Self { wording, ..self }
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
    peer: Option<SocketAddr>,
}

impl<S: Sync> FromRequestParts<S> for Exchange {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let breaker = parts.extensions.get::<Breaker>().cloned().unwrap_or_default();
        let peer = parts.extensions.get::<Peer>().map(|Peer(address)| *address);
        Ok(Self { breaker, peer })
    }
}

impl Exchange {
    /// Carries `effect` out, unless a quota is used up or a fault says otherwise.
    pub(crate) async fn perform(
        &self,
        state: &EmulatorState,
        call: Call,
        effect: impl Future<Output = Response> + Send,
    ) -> Response {
        let repository = call.repository.as_deref();
        let entry = state.journal.open(
            state.clock.now(),
            call.operation,
            repository,
            call.reference.as_deref(),
            self.peer,
        );
        if !state.throttle.admits(call.operation, state.clock.now()) {
            let response = call.wording.throttled();
            entry.answer(response.status().as_u16());
            return response;
        }
        let response = match state.faults.take(call.operation, repository) {
            None => effect.await,
            Some(FaultAction::Status { status, envelope }) => call.wording.failed(status, envelope),
            Some(FaultAction::Error {
                code,
                message,
                status,
            }) => (call.wording.error)(status, &code, &message),
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
                entry.hold(HeldAt::BeforeEffect);
                std::future::pending().await
            }
            Some(FaultAction::HangAfter) => {
                let response = effect.await;
                entry.answer(response.status().as_u16());
                entry.hold(HeldAt::AfterEffect);
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

/// Breaks the connection of a request, as a network does.
#[derive(Debug, Clone, Default)]
pub(crate) struct Breaker(Arc<AtomicBool>);

impl Breaker {
    /// Nothing more is read or written; the peer sees a reset.
    pub(crate) fn trip(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Fails once it is tripped.
    pub(crate) fn check(&self) -> io::Result<()> {
        if self.0.load(Ordering::Acquire) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}
