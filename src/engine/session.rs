//! The session: what the engine asks of us while it builds, served over a connection that we opened.
//!
//! Source: BuildKit, `session`; moby, `api/server/router/session`.

mod auth;
mod filesync;
mod health;
mod secrets;

use std::sync::{Arc, Mutex, PoisonError};

use bollard_buildkit_proto::health::health_server::HealthServer;
use bollard_buildkit_proto::moby::buildkit::secrets::v1::secrets_server::SecretsServer;
use bollard_buildkit_proto::moby::filesync::v1::auth_server::AuthServer;
use bollard_buildkit_proto::moby::filesync::v1::file_sync_server::FileSyncServer;
use futures_util::StreamExt as _;
use http::HeaderName;
use tokio::sync::oneshot;
use tonic::transport::Server;

pub(super) use auth::Credentials;
pub(super) use filesync::Folders;
pub(super) use secrets::SecretStore;

use super::connect::{Connection, EngineStream};
use crate::ports::BuildError;
use crate::random;

/// The methods that the engine may call. It calls none that is not announced.
const METHODS: [&str; 6] = [
    "/grpc.health.v1.Health/Check",
    "/moby.filesync.v1.FileSync/DiffCopy",
    "/moby.buildkit.secrets.v1.Secrets/GetSecret",
    "/moby.filesync.v1.Auth/Credentials",
    "/moby.filesync.v1.Auth/FetchToken",
    "/moby.filesync.v1.Auth/GetTokenAuthority",
];

/// The most bytes of a request's headers, which carry all patterns of `.dockerignore`.
const MAX_HEADER_BYTES: u32 = 16 << 20;

/// A session that is being served; dropping it ends it.
pub(super) struct Session {
    id: String,
    failures: Failures,
    _open: oneshot::Sender<()>,
}

/// What a session gives to the build.
pub(super) struct Providers {
    pub(super) folders: Folders,
    pub(super) secrets: SecretStore,
    pub(super) credentials: Credentials,
    pub(super) failures: Failures,
}

impl Session {
    /// Opens a session. `shared_key` names what the engine may keep of the folders until the next build.
    pub(super) async fn open(
        connection: &Connection,
        shared_key: &str,
        providers: Providers,
    ) -> Result<Self, BuildError> {
        let id = random_id()?;
        let header = |name: &'static str, value: &str| (HeaderName::from_static(name), value.to_owned());
        let mut headers = vec![
            header("x-docker-expose-session-uuid", &id),
            header("x-docker-expose-session-name", "tagship"),
            header("x-docker-expose-session-sharedkey", shared_key),
        ];
        headers.extend(METHODS.map(|method| header("x-docker-expose-session-grpc-method", method)));
        let stream = connection.upgrade("/session", &headers).await?;
        let failures = providers.failures.clone();
        let (open, closed) = oneshot::channel();
        tokio::spawn(serve(stream, providers, closed));
        Ok(Self {
            id,
            failures,
            _open: open,
        })
    }

    /// The name that the engine knows it by.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// What went wrong on our side, which the engine can only paraphrase.
    pub(super) fn failure(&self) -> Option<BuildError> {
        self.failures.take()
    }
}

async fn serve(stream: EngineStream, providers: Providers, closed: oneshot::Receiver<()>) {
    let connections =
        futures_util::stream::iter([Ok::<_, std::io::Error>(stream)]).chain(futures_util::stream::pending());
    let served = Server::builder()
        .http2_max_header_list_size(MAX_HEADER_BYTES)
        .add_service(HealthServer::new(health::AlwaysServing))
        .add_service(FileSyncServer::new(providers.folders))
        .add_service(SecretsServer::new(providers.secrets))
        .add_service(AuthServer::new(providers.credentials))
        .serve_with_incoming_shutdown(connections, async {
            // Whether sent or dropped: the session is over.
            drop(closed.await);
        })
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "the session ended");
    }
}

/// The first thing that went wrong on our side of a session.
#[derive(Debug, Clone, Default)]
pub(super) struct Failures(Arc<Mutex<Option<BuildError>>>);

impl Failures {
    /// Keeps the first.
    pub(super) fn keep(&self, error: BuildError) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(error);
    }

    fn take(&self) -> Option<BuildError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// 128 random bits in hex, which name sessions and builds. Guessing one would let another user of the engine read along.
pub(super) fn random_id() -> Result<String, BuildError> {
    random::hex::<16>().map_err(|source| BuildError::Randomness { source })
}

#[cfg(test)]
mod tests;
