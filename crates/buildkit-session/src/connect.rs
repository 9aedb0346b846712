//! Reaches an engine: one dialer for every kind of address, below the Engine API and the two connections that
//! BuildKit's calls go over; or a BuildKit daemon without an engine.

mod address;
mod buildkit;
mod calls;
mod container;
mod daemon;
mod stream;
mod tls;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use bollard_buildkit_proto::moby::buildkit::v1::control_client::ControlClient;
use bytes::Bytes;
use http::header::{CONNECTION, HOST, UPGRADE};
use http::{HeaderName, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Collected, Empty, Limited};
use hyper::body::{Body, Incoming};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use tonic::transport::Channel;

pub use address::EngineAddress;
pub use buildkit::BuildKit;
use calls::channel_over;
pub(crate) use calls::{called, control_over};
pub use container::ContainerSpec;
pub use daemon::{Daemon, DaemonPlace};
pub(crate) use stream::EngineStream;
use tls::TlsDial;
pub use tls::TlsOptions;

use crate::error::Error;
use crate::limits;
use tagship_domain::error::{cleaned, innermost};

/// The most bytes of an engine's own words that are read.
const MAX_MESSAGE_BYTES: usize = 4096;

/// An engine that answers.
#[derive(Clone)]
pub struct Connection {
    dialer: Arc<Dialer>,
    docker: Docker,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Connection({})", self.dialer.address)
    }
}

/// Where an engine listens, and what the connection to it is protected by.
#[derive(Debug, Clone, Default)]
pub struct EnginePlace {
    /// In the forms of `DOCKER_HOST`; the default socket when absent.
    pub address: Option<String>,
    /// What begins on a `tcp://` address; it is in the clear when absent.
    pub tls: Option<TlsOptions>,
}

struct Dialer {
    address: EngineAddress,
    tls: Option<TlsDial>,
    ssh: PathBuf,
    /// How long the engine may take to answer what it knows.
    answer: Duration,
}

impl Connection {
    /// Connects and agrees on an API version.
    pub async fn open(place: &EnginePlace) -> Result<Self, Error> {
        let address = EngineAddress::parse(place.address.as_deref())?;
        let tls = match (&address, &place.tls) {
            // A Docker Engine speaks HTTP/1.1, which needs no word before.
            (EngineAddress::Tcp { host, .. }, Some(tls)) => Some(tls.dial(host, None)),
            _ => None,
        };
        let tls = tls.transpose().map_err(|problem| Error::EngineCertificates {
            address: address.to_string(),
            problem,
        })?;
        Self::open_within(address, tls, PathBuf::from("ssh"), limits::ANSWER).await
    }

    async fn open_within(
        address: EngineAddress,
        tls: Option<TlsDial>,
        ssh: PathBuf,
        answer: Duration,
    ) -> Result<Self, Error> {
        let dialer = Arc::new(Dialer {
            address,
            tls,
            ssh,
            answer,
        });
        // The first dial is for its error alone: within an API call its kind would be lost.
        drop(dialer.dial().await?);
        let transport = Arc::clone(&dialer);
        let docker = Docker::connect_with_custom_transport(
            move |request: BollardRequest| {
                let dialer = Arc::clone(&transport);
                Box::pin(async move {
                    let answer = dialer.limit_of(request.uri().path());
                    dialer
                        .send(request, answer)
                        .await
                        .map_err(bollard::errors::Error::from)
                })
            },
            Some("http://docker"),
            limits::EXPORT.as_secs(),
            API_DEFAULT_VERSION,
        )
        .map_err(|error| dialer.not_an_engine(&error))?
        .negotiate_version()
        .await
        .map_err(|error| dialer.not_an_engine(&error))?;
        Ok(Self { dialer, docker })
    }

    /// The Engine API.
    pub fn docker(&self) -> &Docker {
        &self.docker
    }

    /// The engine's address.
    pub fn address(&self) -> &EngineAddress {
        &self.dialer.address
    }

    /// BuildKit's control API, which the engine serves behind `/grpc`.
    /// Source: moby, `api/server/router/grpc`.
    pub async fn control(&self) -> Result<ControlClient<Channel>, Error> {
        Ok(control_over(self.channel().await?))
    }

    /// What BuildKit's calls go over.
    pub(crate) async fn channel(&self) -> Result<Channel, Error> {
        let upgraded = self.upgrade("/grpc", &[]).await?;
        channel_over(upgraded, true)
            .await
            .map_err(|error| self.unreachable(&error))
    }

    /// Turns a connection into one that the engine speaks HTTP/2 over.
    pub(crate) async fn upgrade(
        &self,
        path: &'static str,
        headers: &[(HeaderName, String)],
    ) -> Result<EngineStream, Error> {
        let mut request = Request::post(path)
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "h2c");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request
            .body(Empty::<Bytes>::new())
            .map_err(|error| self.unreachable(&error))?;
        let response = self.in_time(self.dialer.send(request, None)).await?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(Error::NoBuildKit {
                message: format!(
                    "`{path}` answers {}: {}",
                    response.status(),
                    message_of(response).await
                ),
            });
        }
        let upgraded = hyper::upgrade::on(response)
            .await
            .map_err(|error| self.unreachable(&error))?;
        Ok(EngineStream::over(TokioIo::new(upgraded)))
    }

    /// What an engine that is there knows at once.
    pub(crate) async fn in_time<T, E: std::error::Error + 'static>(
        &self,
        answer: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Error> {
        match timeout(self.dialer.answer, answer).await {
            Ok(answer) => answer.map_err(|error| self.unreachable(&error)),
            Err(_) => Err(self.dialer.silent()),
        }
    }

    /// What an error below the API means.
    pub fn unreachable(&self, error: &(dyn std::error::Error + 'static)) -> Error {
        self.dialer.unreachable(error)
    }
}

impl Dialer {
    async fn dial(&self) -> Result<EngineStream, Error> {
        EngineStream::dial(&self.address, &self.ssh, self.tls.as_ref())
            .await
            .map_err(|error| match (&self.address, error.kind()) {
                (EngineAddress::Unix(path), io::ErrorKind::NotFound) => {
                    Error::SocketMissing { path: path.clone() }
                }
                (EngineAddress::Unix(path), io::ErrorKind::PermissionDenied) => {
                    Error::SocketDenied { path: path.clone() }
                }
                (EngineAddress::Ssh { .. }, io::ErrorKind::NotFound) => Error::SshMissing,
                _ => self.unreachable(&error),
            })
    }

    /// Sends one request over a connection of its own, whose answer may be bounded.
    async fn send<B>(
        &self,
        request: Request<B>,
        answer: Option<(u64, Duration)>,
    ) -> Result<Response<Incoming>, io::Error>
    where
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let mut stream = EngineStream::dial(&self.address, &self.ssh, self.tls.as_ref()).await?;
        if let Some((most, within)) = answer {
            stream = stream.bounded(most, within);
        }
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(http_error)?;
        tokio::spawn(connection.with_upgrades());
        let (mut head, body) = request.into_parts();
        // A request over a connection of our own names the path only, and the host in a header.
        head.uri = head
            .uri
            .path_and_query()
            .map_or_else(Uri::default, |path| Uri::from(path.clone()));
        head.headers
            .insert(HOST, http::HeaderValue::from_static("docker"));
        // Neither header nor query: they carry credentials of registries.
        let what = format!("{} {}", head.method, head.uri.path());
        let begun = Instant::now();
        let answer = sender.send_request(Request::from_parts(head, body)).await;
        let millis = begun.elapsed().as_millis();
        if let Ok(answer) = &answer {
            tracing::info!("engine: {what}: {} in {millis} ms", answer.status().as_u16());
        } else {
            tracing::info!("engine: {what}: no answer, after {millis} ms");
        }
        answer.map_err(http_error)
    }

    fn unreachable(&self, error: &(dyn std::error::Error + 'static)) -> Error {
        Error::Unreachable {
            address: self.address.to_string(),
            message: innermost(error),
        }
    }

    /// How much the engine may say at a path, and for how long; without end for the stream of an image, a pull, and a
    /// command in a container, which are watched where they are read.
    fn limit_of(&self, path: &str) -> Option<(u64, Duration)> {
        if path.ends_with("/version") || path.ends_with("/_ping") {
            Some((limits::VERSION_BYTES, self.answer))
        } else if path.ends_with("/get") || path.ends_with("/images/create") || is_exec_start(path) {
            None
        } else {
            Some((limits::LIST_BYTES, limits::CALL))
        }
    }

    fn silent(&self) -> Error {
        Error::Unreachable {
            address: self.address.to_string(),
            message: format!("no answer within {} s", self.answer.as_secs()),
        }
    }

    fn not_an_engine(&self, error: &bollard::errors::Error) -> Error {
        let message = innermost(error);
        if message.contains("HTTP request to an HTTPS server") {
            return Error::TlsOnly {
                address: self.address.to_string(),
            };
        }
        match error {
            bollard::errors::Error::IOError { err } if err.kind() != io::ErrorKind::InvalidData => {
                self.unreachable(error)
            }
            _ => Error::NotAnEngine {
                address: self.address.to_string(),
                message,
            },
        }
    }
}

fn is_exec_start(path: &str) -> bool {
    path.ends_with("/start") && path.contains("/exec/")
}

/// Distinguishes an answer that is not HTTP from a connection that broke.
fn http_error(error: hyper::Error) -> io::Error {
    let kind = if error.is_parse() {
        io::ErrorKind::InvalidData
    } else {
        io::ErrorKind::Other
    };
    io::Error::new(kind, error)
}

async fn message_of(response: Response<Incoming>) -> String {
    let body = Limited::new(response.into_body(), MAX_MESSAGE_BYTES)
        .collect()
        .await;
    let bytes = body.map(Collected::to_bytes).unwrap_or_default();
    cleaned(&String::from_utf8_lossy(&bytes))
}

#[cfg(test)]
mod tests;
