//! Caches in folders: a content store that the engine reads and writes by digest.
//!
//! Sources: containerd, `api/services/content/v1/content.proto`; BuildKit, `cache/remotecache/local` and `session/content`.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _};
use prost::Message;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::codegen::{Body as HttpBody, Service, StdError};
use tonic::metadata::MetadataMap;
use tonic::server::{Grpc, NamedService, ServerStreamingService, StreamingService, UnaryService};
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;

use super::store::{FolderStore, Ingest};

/// What names the store that a call is about. Source: BuildKit, `session/content`, `GRPCHeaderID`.
const STORE_ID: &str = "buildkit-attachable-store-id";
/// The most bytes of one message of a blob that is read.
const PIECE_BYTES: usize = 1 << 20;

/// What one blob is.
#[derive(Clone, PartialEq, Message)]
struct Info {
    #[prost(string, tag = "1")]
    digest: String,
    #[prost(int64, tag = "2")]
    size: i64,
}

#[derive(Clone, PartialEq, Message)]
struct InfoRequest {
    #[prost(string, tag = "1")]
    digest: String,
}

#[derive(Clone, PartialEq, Message)]
struct InfoResponse {
    #[prost(message, optional, tag = "1")]
    info: Option<Info>,
}

#[derive(Clone, PartialEq, Message)]
struct ReadRequest {
    #[prost(string, tag = "1")]
    digest: String,
    #[prost(int64, tag = "2")]
    offset: i64,
    /// All when it is zero.
    #[prost(int64, tag = "3")]
    size: i64,
}

#[derive(Clone, PartialEq, Message)]
struct ReadResponse {
    #[prost(int64, tag = "1")]
    offset: i64,
    #[prost(bytes = "vec", tag = "2")]
    data: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(enumeration = "Action", tag = "1")]
    action: i32,
    #[prost(string, tag = "2")]
    reference: String,
    #[prost(int64, tag = "3")]
    total: i64,
    #[prost(string, tag = "4")]
    expected: String,
    #[prost(int64, tag = "5")]
    offset: i64,
    #[prost(bytes = "vec", tag = "6")]
    data: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct WriteResponse {
    #[prost(enumeration = "Action", tag = "1")]
    action: i32,
    #[prost(int64, tag = "4")]
    offset: i64,
    #[prost(int64, tag = "5")]
    total: i64,
    #[prost(string, tag = "6")]
    digest: String,
}

/// What a writer wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
enum Action {
    Stat = 0,
    Write = 1,
    Commit = 2,
}

/// The content stores of a session.
#[derive(Clone)]
pub(super) struct ContentStores(Arc<BTreeMap<String, FolderStore>>);

impl ContentStores {
    /// Takes folders by the names that the engine knows the stores by.
    pub(super) fn new(folders: BTreeMap<String, PathBuf>) -> Self {
        let stores = folders.into_iter().map(|(id, folder)| (id, FolderStore(folder)));
        Self(Arc::new(stores.collect()))
    }

    fn store(&self, metadata: &MetadataMap) -> Result<FolderStore, Status> {
        let id = metadata.get(STORE_ID).and_then(|id| id.to_str().ok());
        let store = id.and_then(|id| self.0.get(id));
        store
            .cloned()
            .ok_or_else(|| Status::not_found("no folder is served as that cache"))
    }
}

impl UnaryService<InfoRequest> for ContentStores {
    type Response = InfoResponse;
    type Future = BoxFuture<'static, Result<Response<InfoResponse>, Status>>;

    fn call(&mut self, request: Request<InfoRequest>) -> Self::Future {
        let store = self.store(request.metadata());
        async move {
            let digest = request.into_inner().digest;
            let size = store?.size(&digest)?;
            Ok(Response::new(InfoResponse {
                info: Some(Info { digest, size }),
            }))
        }
        .boxed()
    }
}

type Answers<T> = ReceiverStream<Result<T, Status>>;

impl ServerStreamingService<ReadRequest> for ContentStores {
    type Response = ReadResponse;
    type ResponseStream = Answers<ReadResponse>;
    type Future = BoxFuture<'static, Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<ReadRequest>) -> Self::Future {
        let store = self.store(request.metadata());
        async move {
            let ReadRequest { digest, offset, size } = request.into_inner();
            let mut blob = store?.open(&digest, offset, size)?;
            let (answers, stream) = mpsc::channel(1);
            tokio::task::spawn_blocking(move || {
                let mut at = offset;
                loop {
                    let piece = blob
                        .piece(PIECE_BYTES)
                        .map(|data| ReadResponse { offset: at, data });
                    let length = piece.as_ref().map_or(0, |piece| piece.data.len());
                    let has_failed = piece.is_err();
                    // An empty blob and the end are the same: nothing.
                    if length == 0 && !has_failed {
                        return;
                    }
                    if answers.blocking_send(piece).is_err() || has_failed {
                        return;
                    }
                    at = at.saturating_add(i64::try_from(length).unwrap_or(i64::MAX));
                }
            });
            Ok(Response::new(ReceiverStream::new(stream)))
        }
        .boxed()
    }
}

impl StreamingService<WriteRequest> for ContentStores {
    type Response = WriteResponse;
    type ResponseStream = Answers<WriteResponse>;
    type Future = BoxFuture<'static, Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Streaming<WriteRequest>>) -> Self::Future {
        let store = self.store(request.metadata());
        async move {
            let store = store?;
            let (answers, stream) = mpsc::channel(1);
            tokio::spawn(async move {
                if let Err(status) = written(store, request.into_inner(), &answers).await {
                    drop(answers.send(Err(status)).await);
                }
            });
            Ok(Response::new(ReceiverStream::new(stream)))
        }
        .boxed()
    }
}

/// Takes one blob in, and answers each message with where the writer is.
async fn written(
    store: FolderStore,
    mut messages: Streaming<WriteRequest>,
    answers: &mpsc::Sender<Result<WriteResponse, Status>>,
) -> Result<(), Status> {
    let mut ingest: Option<Ingest> = None;
    while let Some(message) = messages.next().await {
        let message = message?;
        let current = match &mut ingest {
            Some(current) => current,
            None => ingest.insert(store.begin(&message.expected)?),
        };
        current.expect(&message.expected, message.total);
        let action = message.action();
        if action != Action::Stat && !message.data.is_empty() {
            current.write(message.offset, &message.data)?;
        }
        let (offset, total) = (current.offset(), current.total());
        let digest = if action == Action::Commit {
            let done = ingest
                .take()
                .ok_or_else(|| Status::internal("nothing is written"))?;
            done.commit()?
        } else {
            String::new()
        };
        let answer = WriteResponse {
            action: action.into(),
            offset,
            total,
            digest,
        };
        if answers.send(Ok(answer)).await.is_err() || action == Action::Commit {
            return Ok(());
        }
    }
    Ok(())
}

impl NamedService for ContentStores {
    const NAME: &'static str = "containerd.services.content.v1.Content";
}

impl<B> Service<http::Request<B>> for ContentStores
where
    B: HttpBody + Send + 'static,
    B::Error: Into<StdError> + Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let stores = self.clone();
        async move {
            let answer = match request.uri().path().rsplit('/').next() {
                Some("Info") => {
                    let codec = ProstCodec::<InfoResponse, InfoRequest>::default();
                    Grpc::new(codec).unary(stores, request).await
                }
                Some("Read") => {
                    let codec = ProstCodec::<ReadResponse, ReadRequest>::default();
                    Grpc::new(codec).server_streaming(stores, request).await
                }
                Some("Write") => {
                    let codec = ProstCodec::<WriteResponse, WriteRequest>::default();
                    Grpc::new(codec).streaming(stores, request).await
                }
                _ => Status::unimplemented("not served").into_http(),
            };
            Ok(answer)
        }
        .boxed()
    }
}
