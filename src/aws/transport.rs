//! How the AWS SDK sends its requests: by the clients of [`crate::network`], as everything else is sent.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::ErrorKind;
use bytes::Bytes;
use reqwest::redirect::Policy;

use crate::network;
use tagship_domain::error::causes;

/// The pools of connections, by how long a connection may take to stand.
#[derive(Debug, Default)]
pub(super) struct Transport {
    clients: Mutex<BTreeMap<Option<Duration>, reqwest::Client>>,
}

impl HttpClient for Transport {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        let (connect, read) = (settings.connect_timeout(), settings.read_timeout());
        SharedHttpConnector::new(Connector {
            client: self.client(connect),
            patience: read.map(|read| read + connect.unwrap_or_default()),
        })
    }
}

impl Transport {
    /// The pool, made when it is needed; else why it cannot be made.
    fn client(&self, connect: Option<Duration>) -> Result<reqwest::Client, String> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&connect) {
            return Ok(client.clone());
        }
        let client = network::client(|builder| {
            // Requests are signed for their host.
            let builder = builder.redirect(Policy::none());
            match connect {
                Some(connect) => builder.connect_timeout(connect),
                None => builder,
            }
        });
        let client = client.map_err(|error| error.to_string())?;
        clients.insert(connect, client.clone());
        Ok(client)
    }
}

/// One pool, with the time that an answer may take to begin.
#[derive(Debug, Clone)]
struct Connector {
    client: Result<reqwest::Client, String>,
    patience: Option<Duration>,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connector = self.clone();
        HttpConnectorFuture::new(async move { connector.answer(request).await })
    }
}

impl Connector {
    async fn answer(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let client = self
            .client
            .map_err(|problem| ConnectorError::user(problem.into()))?;
        let request = request
            .try_into_http1x()
            .map_err(|error| ConnectorError::user(error.into()))?;
        let (head, body) = request.into_parts();
        // Every request is one JSON text or form.
        let body = body
            .bytes()
            .map(Bytes::copy_from_slice)
            .ok_or_else(|| ConnectorError::user("the request's body is not at hand".into()))?;
        let what = call_name(&head, &body);
        let request = reqwest::Request::try_from(http::Request::from_parts(head, body)).map_err(failure)?;
        let answer = oci_registry::send_logged(&client, request, what);
        let answer = match self.patience {
            Some(patience) => tokio::time::timeout(patience, answer)
                .await
                .map_err(|late| ConnectorError::timeout(late.into()))?,
            None => answer.await,
        };
        let answer: http::Response<reqwest::Body> = answer.map_err(failure)?.into();
        HttpResponse::try_from(answer.map(SdkBody::from_body_1_x))
            .map_err(|error| ConnectorError::other(error.into(), None))
    }
}

/// What the log calls a request: its operation and its server. A path or a body can hold what opens something.
///
/// Source: Smithy, "AWS JSON 1.1 protocol" and "AWS query protocol".
fn call_name(head: &http::request::Parts, body: &[u8]) -> String {
    let host = head.uri.authority().map_or("", |authority| authority.as_str());
    let host = host.rsplit('@').next().unwrap_or_default();
    let of_json = head
        .headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok()?.rsplit('.').next());
    let of_query = std::str::from_utf8(body)
        .ok()
        .and_then(|form| form.strip_prefix("Action=")?.split('&').next());
    match of_json.or(of_query) {
        Some(operation) => format!("{operation} at {host}"),
        None => format!("{} at {host}", head.method),
    }
}

/// What broke, as the SDK's own client says it: that decides what is tried again.
///
/// Source: `aws-smithy-http-client`, `client.rs`, `downcast_error`.
fn failure(error: reqwest::Error) -> ConnectorError {
    let error = error.without_url();
    let has = |is: fn(&(dyn std::error::Error + 'static)) -> bool| causes(&error).any(is);
    let is_torn = has(|cause| {
        cause
            .downcast_ref::<hyper::Error>()
            .is_some_and(hyper::Error::is_incomplete_message)
    });
    let is_closed = has(|cause| {
        cause.is::<io::Error>()
            || cause
                .downcast_ref::<hyper::Error>()
                .is_some_and(|error| error.is_closed() || error.is_canceled())
    });
    if error.is_timeout() {
        ConnectorError::timeout(error.into())
    } else if error.is_builder() {
        ConnectorError::user(error.into())
    } else if error.is_connect() || is_closed {
        ConnectorError::io(error.into())
    } else {
        let kind = is_torn.then_some(ErrorKind::TransientError);
        ConnectorError::other(error.into(), kind)
    }
}
