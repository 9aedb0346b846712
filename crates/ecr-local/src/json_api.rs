//! APIs in the AWS JSON 1.1 protocol: the target header tells the operation, body and answer are JSON.
//!
//! A call goes through signature → input shape → permissions → handler.
//! Source: Smithy, "AWS JSON 1.1 protocol".

mod request;
mod shape;

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

pub(crate) use request::{Context, epoch_seconds, page_size, read, repository_name, with_token};
pub(crate) use shape::{Member, Shape, optional, required};

use crate::emulator::Emulator;
use crate::exchange::{Call, Exchange, Face};
use crate::iam::Principal;
use crate::refusal::Refusal;
use crate::server::{BaseUrl, Peer};
use crate::sigv4::{self, BadSignature, SignedRequest, Signer};
use crate::store::Registry;

/// An API.
#[derive(Debug)]
pub(crate) struct Service {
    /// What stands before the operation's name in the target header.
    pub(crate) target: &'static str,
    /// Its name in signatures, and before `:` in the actions of policies.
    pub(crate) name: &'static str,
    /// Tells which registry a call is for.
    pub(crate) registry: fn(&Emulator, &Signer, &Operation, &Value) -> Result<Registry, Refusal>,
    /// The operations that are served, in families.
    pub(crate) operations: &'static [&'static [Operation]],
}

/// What carries an operation out.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Handler {
    /// It reads and writes as long as it takes, in a thread of its own.
    Blocking(fn(&Context<'_>, Value) -> Result<Value, Refusal>),
    /// It never blocks, but waits for others.
    Waiting(for<'a> fn(&'a Context<'a>, Value) -> BoxFuture<'a, Result<Value, Refusal>>),
}

/// One operation.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) on: Resource,
    /// The members of the input; others are refused by nobody, as AWS does.
    pub(crate) input: &'static [Member],
    pub(crate) run: Handler,
}

/// What an operation needs a permission on.
///
/// Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon ECR".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resource {
    /// The repositories that the request names; any of the registry if it names none.
    Repository,
    /// Nothing that could be named: `*`.
    Registry,
}

impl Service {
    fn operation(&self, target: &str) -> Option<&'static Operation> {
        let wanted = target.strip_prefix(self.target)?;
        let mut all = self.operations.iter().copied().flatten();
        all.find(|operation| operation.name == wanted)
    }

    /// Answers one call.
    pub(crate) async fn answer(
        &'static self,
        emulator: &Arc<Emulator>,
        exchange: &Exchange,
        base: BaseUrl,
        target: &str,
        parts: Parts,
        body: Bytes,
    ) -> Response {
        let found = self.operation(target);
        let document: Result<Value, Refusal> = serde_json::from_slice(&body)
            .map_err(|error| Refusal::Serialization(format!("the body is not JSON: {error}")));
        let text = |name: &str| {
            let document = document.as_ref().ok()?;
            document.get(name)?.as_str().map(str::to_owned)
        };
        let call = Call::new(found.map_or("Unknown", |operation| operation.name))
            .face(Face::Json)
            .repository(text("repositoryName"))
            .reference(text("imageTag").or_else(|| text("imageDigest")));
        let source = parts.extensions.get::<Peer>().map(|Peer(address)| address.ip());
        let effect = async {
            let request = SignedRequest {
                method: &parts.method,
                uri: &parts.uri,
                headers: &parts.headers,
                body: &body,
            };
            let signer = match self.identify(emulator, &request) {
                Ok(signer) => signer,
                Err(bad) => return bad_signature(&bad),
            };
            let result = match (found, document) {
                (Some(operation), Ok(document)) => {
                    let call = Signed { base, signer, source };
                    self.run(Arc::clone(emulator), call, operation, document).await
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

    fn identify(&self, emulator: &Emulator, request: &SignedRequest<'_>) -> Result<Signer, BadSignature> {
        if !emulator.auth {
            return Ok(Signer {
                principal: Principal::Administrator,
                region: emulator.registry.region().clone(),
            });
        }
        sigv4::verify(request, &emulator.iam, self.name, &emulator.clock)
    }

    /// Carries an operation out.
    async fn run(
        &'static self,
        emulator: Arc<Emulator>,
        call: Signed,
        operation: &'static Operation,
        document: Value,
    ) -> Result<Value, Refusal> {
        match operation.run {
            Handler::Blocking(handler) => {
                let run = move || handler(&self.context(&emulator, &call, operation, &document)?, document);
                tokio::task::spawn_blocking(run).await?
            }
            Handler::Waiting(handler) => {
                let context = self.context(&emulator, &call, operation, &document)?;
                handler(&context, document).await
            }
        }
    }

    /// What a handler works with, if the input has its shape and the caller the permission.
    fn context<'a>(
        &self,
        emulator: &'a Arc<Emulator>,
        call: &'a Signed,
        operation: &Operation,
        document: &Value,
    ) -> Result<Context<'a>, Refusal> {
        shape::check(operation.input, document)?;
        let context = Context {
            emulator,
            principal: &call.signer.principal,
            source: call.source,
            base: &call.base,
            registry: (self.registry)(emulator, &call.signer, operation, document)?,
        };
        context.authorize(self.name, operation, document)?;
        Ok(context)
    }
}

/// A call whose signature is good.
struct Signed {
    base: BaseUrl,
    signer: Signer,
    source: Option<IpAddr>,
}

fn refused(refusal: &Refusal) -> Response {
    let status = if let Refusal::State(source) = refusal {
        tracing::error!(%source, "the embedded ECR's state failed");
        500
    } else {
        400
    };
    error_with(status, refusal.code(), &refusal.to_string(), refusal.members())
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
    error_with(status, code, message, Map::new())
}

/// The same, with members beside the message.
fn error_with(status: u16, code: &str, message: &str, mut members: Map<String, Value>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    members.insert("__type".to_owned(), code.into());
    members.insert("message".to_owned(), message.into());
    let mut response = respond(status, &Value::Object(members));
    if let Ok(code) = HeaderValue::from_str(code) {
        response.headers_mut().insert("x-amzn-errortype", code);
    }
    response
}

fn respond(status: StatusCode, value: &Value) -> Response {
    let request_id = crate::random::hex::<16>().unwrap_or_default();
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
