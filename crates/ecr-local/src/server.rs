//! The HTTP server: one port for all faces.

mod base_url;
mod connection;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get, post};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, DropGuard};

pub(crate) use base_url::BaseUrl;
pub(crate) use connection::{Breaker, Peer};

use crate::data_plane::storage;
use crate::emulator::Emulator;
use crate::exchange::{Call, Exchange, Face};
use crate::sigv4::SignedRequest;
use crate::{admin, data_plane, ecr, json_api, oidc, sts};

/// How long requests that are under way may take once the server stops.
const GRACE: Duration = Duration::from_secs(2);

/// The most bytes of an API request: a layer part of 20,971,520 bytes in base64, and what goes with it.
const MAX_API_BODY: usize = 28 * 1024 * 1024;

/// A server that runs; dropping it stops it.
#[derive(Debug)]
pub(crate) struct Server {
    stop: DropGuard,
    task: JoinHandle<()>,
}

impl Server {
    /// Serves `emulator` to who connects to `listener`.
    pub(crate) fn start(listener: TcpListener, emulator: Arc<Emulator>, admin: bool) -> Self {
        Self::serve(listener, router(emulator, admin), None)
    }

    /// Serves the same with TLS, under the names of AWS too.
    pub(crate) fn start_tls(
        listener: TcpListener,
        emulator: Arc<Emulator>,
        admin: bool,
        tls: TlsAcceptor,
    ) -> Self {
        Self::serve(listener, router(emulator, admin), Some(tls))
    }

    /// Serves the public registries.
    pub(crate) fn start_public(listener: TcpListener, emulator: Arc<Emulator>) -> Self {
        let router = Router::new()
            .route("/token/", get(data_plane::public_token))
            .route("/token", get(data_plane::public_token))
            .route("/v2/", any(data_plane::public_answer))
            .route("/v2", any(data_plane::public_answer))
            .route("/v2/{*path}", any(data_plane::public_answer))
            .with_state(emulator);
        Self::serve(listener, router, None)
    }

    /// Serves the second origin, where blobs are read from.
    pub(crate) fn start_storage(listener: TcpListener, emulator: Arc<Emulator>) -> Self {
        Self::serve(listener, storage_routes().with_state(emulator), None)
    }

    fn serve(listener: TcpListener, router: Router, tls: Option<TlsAcceptor>) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(accept(listener, router, tls, stop.clone()));
        Self {
            stop: stop.drop_guard(),
            task,
        }
    }

    /// Stops accepting, lets requests finish for a short while, and ends all connections.
    pub(crate) async fn stop(self) {
        drop(self.stop);
        if let Err(error) = self.task.await {
            tracing::debug!(%error, "the embedded ECR ended badly");
        }
    }
}

fn router(emulator: Arc<Emulator>, admin: bool) -> Router {
    let mut router = Router::new()
        .route("/", post(api))
        .route("/v2/", any(data_plane::answer))
        .route("/v2", any(data_plane::answer))
        .route("/v2/{*path}", any(data_plane::answer))
        .route("/token/", get(data_plane::public_token_by_name))
        .merge(storage_routes())
        .merge(oidc::routes())
        .merge(admin::health());
    if admin {
        router = router.merge(admin::routes());
    }
    router.with_state(emulator)
}

fn storage_routes() -> Router<Arc<Emulator>> {
    let path = format!("{}{{grant}}", storage::PATH);
    Router::new().route(&path, get(storage::answer))
}

/// The AWS APIs: told apart by the target header, which only JSON calls have.
async fn api(
    State(emulator): State<Arc<Emulator>>,
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
        let services = [&ecr::SERVICE, &ecr::public::SERVICE];
        let service = services
            .into_iter()
            .find(|service| target.starts_with(service.target))
            .unwrap_or(&ecr::SERVICE);
        return service
            .answer(&emulator, &exchange, base, &target, parts, body)
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
        .face(Face::Query)
        .reference(parameters.get("RoleArn").map(str::to_owned));
    let shared = Arc::clone(&emulator);
    let effect = async {
        let work = move || {
            let request = SignedRequest {
                method: &parts.method,
                uri: &parts.uri,
                headers: &parts.headers,
                body: &body,
            };
            sts::answer(&shared, &parameters, &request)
        };
        tokio::task::spawn_blocking(work)
            .await
            .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
    };
    exchange.perform(&emulator, call, effect).await
}

async fn accept(listener: TcpListener, router: Router, tls: Option<TlsAcceptor>, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(connection::serve(stream, peer, router.clone(), tls.clone(), stop.clone()));
                }
                Err(error) => {
                    // Out of file descriptors, most likely: others must close theirs first.
                    tracing::debug!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    let finish = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, finish).await.is_err() {
        connections.shutdown().await;
    }
}

/// The request's body as the routers take it.
fn body_of(incoming: hyper::body::Incoming) -> Body {
    Body::new(incoming)
}

/// Where clients on this machine reach a server that listens at `listening`.
pub(crate) fn reachable(listening: SocketAddr) -> SocketAddr {
    let mut address = listening;
    if listening.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    address
}
