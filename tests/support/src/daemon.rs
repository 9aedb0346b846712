//! A BuildKit daemon that builds nothing, says that it did, and writes down what it was asked for.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bollard_buildkit_proto::moby::buildkit::v1::control_server::{Control, ControlServer};
use bollard_buildkit_proto::moby::buildkit::v1::types::{BuildkitVersion, WorkerRecord};
use bollard_buildkit_proto::moby::buildkit::v1::{
    BuildHistoryEvent, BuildHistoryRequest, BytesMessage, DiskUsageRequest, DiskUsageResponse, InfoRequest,
    InfoResponse, ListWorkersRequest, ListWorkersResponse, PruneRequest, SolveRequest, SolveResponse,
    StatusRequest, StatusResponse, UpdateBuildHistoryRequest, UpdateBuildHistoryResponse, UsageRecord,
};
use bollard_buildkit_proto::pb::Platform;
use futures_util::{Stream, StreamExt as _, stream};
use tempfile::TempDir;
use tokio::net::UnixListener;
use tokio::runtime::Runtime;
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

/// A daemon, until it is dropped.
pub struct RecordingDaemon {
    folder: TempDir,
    orders: Arc<Mutex<Vec<SolveRequest>>>,
    shared_keys: Arc<Mutex<Vec<String>>>,
    _runtime: Runtime,
}

impl RecordingDaemon {
    /// One at a socket of its own, which builds for `linux/amd64`.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let runtime = Runtime::new().expect("a runtime can be made");
        let orders = Arc::<Mutex<Vec<SolveRequest>>>::default();
        let path = folder.path().join("buildkitd.sock");
        let listener = runtime.block_on(async { UnixListener::bind(path).expect("the socket is free") });
        let clients = stream::unfold(listener, |listener| async move {
            let client = listener.accept().await.map(|(client, _)| client);
            Some((client, listener))
        });
        let shared_keys = Arc::<Mutex<Vec<String>>>::default();
        let service = ControlServer::new(Recorded(Arc::clone(&orders), Arc::clone(&shared_keys)));
        runtime.spawn(
            Server::builder()
                .add_service(service)
                .serve_with_incoming(clients),
        );
        Self {
            folder,
            orders,
            shared_keys,
            _runtime: runtime,
        }
    }

    /// Its address, as lines of `builders` have it.
    pub fn address(&self) -> String {
        format!("unix://{}/buildkitd.sock", self.folder.path().display())
    }

    /// What it was asked to build since the last time.
    pub fn take_orders(&self) -> Vec<SolveRequest> {
        std::mem::take(&mut self.orders.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What each session called its folders since the last time.
    pub fn take_shared_keys(&self) -> Vec<String> {
        std::mem::take(&mut self.shared_keys.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Recorded(Arc<Mutex<Vec<SolveRequest>>>, Arc<Mutex<Vec<String>>>);

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[async_trait]
impl Control for Recorded {
    async fn disk_usage(&self, _: Request<DiskUsageRequest>) -> Result<Response<DiskUsageResponse>, Status> {
        Err(Status::unimplemented("disk usage"))
    }

    type PruneStream = Answers<UsageRecord>;

    async fn prune(&self, _: Request<PruneRequest>) -> Result<Response<Self::PruneStream>, Status> {
        Err(Status::unimplemented("prune"))
    }

    async fn solve(&self, request: Request<SolveRequest>) -> Result<Response<SolveResponse>, Status> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(request.into_inner());
        Ok(Response::new(SolveResponse::default()))
    }

    type StatusStream = Answers<StatusResponse>;

    async fn status(&self, _: Request<StatusRequest>) -> Result<Response<Self::StatusStream>, Status> {
        Ok(Response::new(stream::empty().boxed()))
    }

    type SessionStream = Answers<BytesMessage>;

    /// It asks nothing of the session, and keeps it open.
    async fn session(
        &self,
        request: Request<Streaming<BytesMessage>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        // Source: BuildKit, `session`, `headerSessionSharedKey`.
        let key = request.metadata().get("x-docker-expose-session-sharedkey");
        let key = key
            .and_then(|key| key.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        self.1.lock().unwrap_or_else(PoisonError::into_inner).push(key);
        Ok(Response::new(stream::pending().boxed()))
    }

    async fn list_workers(
        &self,
        _: Request<ListWorkersRequest>,
    ) -> Result<Response<ListWorkersResponse>, Status> {
        // Source: BuildKit, `docs/buildctl.md` and `worker/label`.
        let label = ("org.mobyproject.buildkit.worker.executor", "oci");
        let worker = WorkerRecord {
            id: "worker".to_owned(),
            labels: [(label.0.to_owned(), label.1.to_owned())].into(),
            platforms: vec![Platform {
                os: "linux".to_owned(),
                architecture: "amd64".to_owned(),
                ..Platform::default()
            }],
            ..WorkerRecord::default()
        };
        Ok(Response::new(ListWorkersResponse { record: vec![worker] }))
    }

    async fn info(&self, _: Request<InfoRequest>) -> Result<Response<InfoResponse>, Status> {
        let version = BuildkitVersion {
            version: "v0.26.2".to_owned(),
            ..BuildkitVersion::default()
        };
        Ok(Response::new(InfoResponse {
            buildkit_version: Some(version),
        }))
    }

    type ListenBuildHistoryStream = Answers<BuildHistoryEvent>;

    async fn listen_build_history(
        &self,
        _: Request<BuildHistoryRequest>,
    ) -> Result<Response<Self::ListenBuildHistoryStream>, Status> {
        Err(Status::unimplemented("history"))
    }

    async fn update_build_history(
        &self,
        _: Request<UpdateBuildHistoryRequest>,
    ) -> Result<Response<UpdateBuildHistoryResponse>, Status> {
        Err(Status::unimplemented("history"))
    }
}
