//! An API: its operations, and how a call of one is answered.

use std::net::IpAddr;

use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use bytes::Bytes;
use serde_json::Value;

use super::context::Context;
use super::operation::{Handler, Operation};
use super::shape;
use super::wording::{WORDING, bad_signature, refused, respond};
use crate::faces::backend::Backend;
use crate::faces::base_url::{BaseUrl, Peer};
use crate::faces::exchange::{Call, Exchange};
use crate::refusal::Refusal;
use crate::services::sigv4::{self, BadSignature, SignedRequest, Signer};
use crate::state::EmulatorState;
use crate::state::iam::Principal;
use crate::state::store::Registry;

/// An API.
#[derive(Debug)]
pub(crate) struct Service {
    /// What stands before the operation's name in the target header.
    pub(crate) target: &'static str,
    /// Its name in signatures, and before `:` in the actions of policies.
    pub(crate) name: &'static str,
    /// Says which registry a call is for.
    pub(crate) registry: fn(&EmulatorState, &Signer, &Operation, &Value) -> Result<Registry, Refusal>,
    /// The operations that are served, in families.
    pub(crate) operations: &'static [&'static [Operation]],
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
        backend: &Backend,
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
            .worded(&WORDING)
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
            let signer = match self.identify(&backend.state, &request) {
                Ok(signer) => signer,
                Err(bad) => return bad_signature(&bad),
            };
            let result = match (found, document) {
                (Some(operation), Ok(document)) => {
                    let call = Signed { base, signer, source };
                    self.run(backend.clone(), call, operation, document).await
                }
                (None, _) => Err(Refusal::UnknownOperation(String::new())),
                (_, Err(refusal)) => Err(refusal),
            };
            match result {
                Ok(value) => respond(StatusCode::OK, &value),
                Err(refusal) => refused(&refusal),
            }
        };
        exchange.perform(&backend.state, call, effect).await
    }

    fn identify(&self, state: &EmulatorState, request: &SignedRequest<'_>) -> Result<Signer, BadSignature> {
        if !state.auth {
            return Ok(Signer {
                principal: Principal::Administrator,
                region: state.registry.region().clone(),
            });
        }
        sigv4::verify(request, &state.iam, self.name, &state.clock)
    }

    /// Carries an operation out.
    async fn run(
        &'static self,
        backend: Backend,
        call: Signed,
        operation: &'static Operation,
        document: Value,
    ) -> Result<Value, Refusal> {
        match operation.run {
            Handler::Blocking(handler) => {
                let run = move || handler(&self.context(&backend, &call, operation, &document)?, document);
                tokio::task::spawn_blocking(run).await?
            }
            Handler::Waiting(handler) => {
                let context = self.context(&backend, &call, operation, &document)?;
                handler(&context, document).await
            }
        }
    }

    /// What a handler works with, if the input has its shape and the caller the permission.
    fn context<'a>(
        &self,
        backend: &'a Backend,
        call: &'a Signed,
        operation: &Operation,
        document: &Value,
    ) -> Result<Context<'a>, Refusal> {
        shape::check(operation.input, document)?;
        let context = Context {
            state: &backend.state,
            pushes: &backend.pushes,
            addresses: &backend.addresses,
            principal: &call.signer.principal,
            source: call.source,
            base: &call.base,
            registry: (self.registry)(&backend.state, &call.signer, operation, document)?,
        };
        operation.authorize(&context, self.name, document)?;
        Ok(context)
    }
}

/// A call whose signature is good.
struct Signed {
    base: BaseUrl,
    signer: Signer,
    source: Option<IpAddr>,
}
