//! The session: what the engine asks of us while it builds, served over a connection that we opened.
//!
//! Source: BuildKit, `session`; moby, `api/server/router/session`.

mod auth;
mod content;
mod filesync;
mod receive;
mod secrets;
mod ssh;
mod store;

use bollard_buildkit_proto::health::health_check_response::ServingStatus;
use bollard_buildkit_proto::health::health_server::{Health, HealthServer};
use bollard_buildkit_proto::health::{
    HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse,
};
use futures_util::stream::Empty;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tonic::{Request, Response, Status};

use bollard_buildkit_proto::moby::buildkit::secrets::v1::secrets_server::SecretsServer;
use bollard_buildkit_proto::moby::filesync::v1::auth_server::AuthServer;
use bollard_buildkit_proto::moby::filesync::v1::file_send_server::FileSendServer;
use bollard_buildkit_proto::moby::filesync::v1::file_sync_server::FileSyncServer;
use bollard_buildkit_proto::moby::sshforward::v1::ssh_server::SshServer;
use futures_util::StreamExt as _;
use http::HeaderName;
use tokio::sync::oneshot;
use tonic::transport::Server;

use auth::Credentials;
pub use auth::{Credential, RegistryAuth};
use content::ContentStores;
use filesync::Folders;
use receive::Receiver;
use secrets::SecretStore;
use ssh::Agents;
pub use store::{cache_in_folder, name_cache_in_folder};

use crate::connect::{BuildKit, EngineStream};
use crate::context::Folder;
use crate::error::Error;
use crate::event::ProgressSink;
use tagship_domain::build::BuildSecret;

/// The methods that the engine may call. It calls none that is not announced.
const METHODS: [&str; 12] = [
    "/grpc.health.v1.Health/Check",
    "/moby.filesync.v1.FileSync/DiffCopy",
    "/moby.sshforward.v1.SSH/CheckAgent",
    "/moby.sshforward.v1.SSH/ForwardAgent",
    "/moby.filesync.v1.FileSend/DiffCopy",
    "/moby.buildkit.secrets.v1.Secrets/GetSecret",
    "/moby.filesync.v1.Auth/Credentials",
    "/moby.filesync.v1.Auth/FetchToken",
    "/moby.filesync.v1.Auth/GetTokenAuthority",
    "/containerd.services.content.v1.Content/Info",
    "/containerd.services.content.v1.Content/Read",
    "/containerd.services.content.v1.Content/Write",
];

/// The most bytes of a request's headers, which carry all patterns of `.dockerignore`.
const MAX_HEADER_BYTES: u32 = 16 << 20;

/// A session that is being served; dropping it ends it.
pub struct Session {
    id: String,
    failures: Failures,
    _open: oneshot::Sender<()>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Session({})", self.id)
    }
}

/// What a session gives to the build.
pub struct Provisions<'a> {
    /// Folders, by the names that the frontend asks for: `context`, `dockerfile` and those of named contexts.
    pub folders: BTreeMap<String, Folder>,
    /// Secrets for the steps that mount them.
    pub secrets: &'a [BuildSecret],
    /// Sockets of ssh agents, by the names that the Dockerfile knows them by.
    pub agents: BTreeMap<String, PathBuf>,
    /// Folders of caches, by the names of their stores: `local:` and the path that the cache's options have.
    pub caches: BTreeMap<String, PathBuf>,
    /// Takes the file that an exporter makes; nothing is taken when absent.
    pub output: Option<File>,
    /// Credentials of registries.
    pub auth: Arc<dyn RegistryAuth>,
    /// Hears which secrets are given out.
    pub sink: Arc<dyn ProgressSink>,
}

impl std::fmt::Debug for Provisions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provisions")
            .field("folders", &self.folders)
            .finish_non_exhaustive()
    }
}

/// The services behind the provisions.
struct Providers {
    folders: Folders,
    secrets: SecretStore,
    receiver: Receiver,
    agents: Agents,
    caches: ContentStores,
    credentials: Credentials,
}

impl Providers {
    fn new(provisions: Provisions<'_>, failures: &Failures) -> Self {
        Self {
            folders: Folders {
                by_name: provisions.folders,
                failures: failures.clone(),
            },
            secrets: SecretStore::new(provisions.secrets, provisions.sink, failures.clone()),
            agents: Agents(provisions.agents),
            caches: ContentStores::new(provisions.caches),
            receiver: Receiver::new(provisions.output, failures.clone()),
            credentials: Credentials {
                auth: provisions.auth,
                failures: failures.clone(),
            },
        }
    }
}

impl Session {
    /// Opens a session of the program `name`. `shared_key` names what the engine may keep of the folders until the next
    /// build.
    pub async fn open(
        buildkit: &BuildKit,
        name: &str,
        shared_key: &str,
        provisions: Provisions<'_>,
    ) -> Result<Self, Error> {
        let id = random_id()?;
        let header = |name: &'static str, value: &str| (HeaderName::from_static(name), value.to_owned());
        let mut headers = vec![
            header("x-docker-expose-session-uuid", &id),
            header("x-docker-expose-session-name", name),
            header("x-docker-expose-session-sharedkey", shared_key),
        ];
        headers.extend(METHODS.map(|method| header("x-docker-expose-session-grpc-method", method)));
        let stream = buildkit.session(&headers).await?;
        let failures = Failures::default();
        let providers = Providers::new(provisions, &failures);
        let (open, closed) = oneshot::channel();
        tokio::spawn(serve(stream, providers, closed));
        Ok(Self {
            id,
            failures,
            _open: open,
        })
    }

    /// The name that the engine knows it by.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What went wrong on our side, which the engine can only paraphrase.
    pub fn failure(&self) -> Option<Error> {
        self.failures.take()
    }
}

async fn serve(stream: EngineStream, providers: Providers, closed: oneshot::Receiver<()>) {
    let connections =
        futures_util::stream::iter([Ok::<_, std::io::Error>(stream)]).chain(futures_util::stream::pending());
    let served = Server::builder()
        .trace_fn(|request| {
            let path = request.uri().path();
            // It is asked every few seconds.
            if path.ends_with("/Check") {
                tracing::trace!("BuildKit asks for {path}");
            } else {
                tracing::info!("BuildKit asks for {path}");
            }
            tracing::Span::none()
        })
        .http2_max_header_list_size(MAX_HEADER_BYTES)
        .http2_keepalive_interval(Some(crate::limits::PING))
        .http2_keepalive_timeout(Some(crate::limits::PONG))
        .add_service(HealthServer::new(AlwaysServing))
        .add_service(FileSyncServer::new(providers.folders))
        .add_service(SecretsServer::new(providers.secrets))
        .add_service(FileSendServer::new(providers.receiver))
        .add_service(SshServer::new(providers.agents))
        .add_service(providers.caches)
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
pub(crate) struct Failures(Arc<Mutex<Option<Error>>>);

impl Failures {
    /// Keeps the first.
    pub(crate) fn keep(&self, error: Error) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(error);
    }

    fn take(&self) -> Option<Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// 128 random bits in hex, which name sessions and builds. Guessing one would let another user of the engine read along.
pub fn random_id() -> Result<String, Error> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|error| Error::Randomness {
        source: io::Error::other(error),
    })?;
    Ok(hex::encode(bytes))
}

/// Answers the engine's probes; without an answer it ends the session.
#[derive(Debug)]
pub(crate) struct AlwaysServing;

#[tonic::async_trait]
impl Health for AlwaysServing {
    async fn check(&self, _: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        Ok(Response::new(HealthCheckResponse {
            status: ServingStatus::Serving.into(),
        }))
    }

    async fn list(&self, _: Request<HealthListRequest>) -> Result<Response<HealthListResponse>, Status> {
        Err(Status::unimplemented("not served"))
    }

    type WatchStream = Empty<Result<HealthCheckResponse, Status>>;

    async fn watch(&self, _: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("not served"))
    }
}

#[cfg(test)]
mod tests;
