//! A BuildKit daemon that is reached directly, without an engine before it.
//!
//! Source: BuildKit, `client/client.go` and `session/grpchijack`.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bollard_buildkit_proto::moby::buildkit::v1::control_client::ControlClient;
use bollard_buildkit_proto::moby::buildkit::v1::{BytesMessage, ListWorkersRequest};
use bytes::Bytes;
use futures_util::{SinkExt as _, TryStreamExt as _};
use http::HeaderName;
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::io::{CopyToBytes, SinkWriter, StreamReader};
use tokio_util::sync::PollSender;
use tonic::Request;
use tonic::metadata::{AsciiMetadataKey, AsciiMetadataValue};
use tonic::transport::Channel;

use super::Connection;
use super::calls::{channel_over, control_over};
use super::container::ContainerSpec;
use super::stream::EngineStream;
use super::tls::{TlsDial, TlsOptions};
use crate::error::Error;
use crate::limits;
use crate::session::RegistryAuth;
use tagship_domain::build::BuilderAddress;
use tagship_domain::content::Platform;
use tagship_domain::error::{cleaned, innermost};

/// The most messages of a session that wait to be sent.
const WAITING_MESSAGES: usize = 4;
/// The pause before a daemon that starts is asked again.
const PAUSE: Duration = Duration::from_millis(200);

/// Where a daemon is, how it is reached, and what it builds.
#[derive(Debug, Clone)]
pub struct DaemonPlace {
    /// What it builds; all that no other one is named for when empty.
    pub platforms: Vec<Platform>,
    /// Where it listens.
    pub address: BuilderAddress,
    /// What the connection is protected by; it is in the clear when absent.
    pub tls: Option<TlsOptions>,
    /// The container that it is in, on an engine.
    pub container: Option<ContainerSpec>,
}

/// A BuildKit daemon that answers.
#[derive(Clone)]
pub struct Daemon(Arc<Dialer>);

struct Dialer {
    address: BuilderAddress,
    tls: Option<TlsDial>,
    /// The container that it is in, and the engine of that.
    container: Option<(Connection, ContainerSpec)>,
    /// How long the daemon may take to answer what it knows.
    answer: Duration,
}

impl std::fmt::Debug for Daemon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Daemon({})", self.0.address)
    }
}

impl Daemon {
    /// Connects, for the error alone: each call has a connection of its own.
    pub async fn open(address: BuilderAddress, tls: Option<&TlsOptions>) -> Result<Self, Error> {
        Self::open_within(address, tls, limits::ANSWER).await
    }

    pub(super) async fn open_within(
        address: BuilderAddress,
        tls: Option<&TlsOptions>,
        answer: Duration,
    ) -> Result<Self, Error> {
        let host = match &address {
            BuilderAddress::Unix(_) | BuilderAddress::Container(_) => "localhost",
            BuilderAddress::Tcp { host, .. } => host,
        };
        // gRPC is HTTP/2, and its servers refuse who does not say so.
        let tls = tls.map(|tls| tls.dial(host, Some(b"h2"))).transpose();
        let tls = tls.map_err(|problem| Error::Certificates {
            address: address.to_string(),
            problem,
        })?;
        let daemon = Self(Arc::new(Dialer {
            address,
            tls,
            container: None,
            answer,
        }));
        drop(daemon.dial().await?);
        Ok(daemon)
    }

    /// Finds or makes the container of a daemon, starts it, and waits until the daemon answers. `auth` knows the login of the
    /// image's registry.
    pub async fn in_container(
        engine: Connection,
        spec: ContainerSpec,
        auth: &dyn RegistryAuth,
    ) -> Result<Self, Error> {
        spec.start(&engine, auth).await?;
        let daemon = Self(Arc::new(Dialer {
            address: BuilderAddress::Container(spec.name.clone()),
            tls: None,
            container: Some((engine, spec)),
            answer: limits::ANSWER,
        }));
        let begun = Instant::now();
        loop {
            let asked = async {
                let mut control = daemon.control().await?;
                let workers = control.list_workers(ListWorkersRequest::default());
                daemon.in_time(workers).await
            };
            match asked.await {
                Ok(_) => return Ok(daemon),
                Err(error) if begun.elapsed() > limits::START => return Err(error),
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    /// The daemon's address.
    pub fn address(&self) -> &BuilderAddress {
        &self.0.address
    }

    /// Its control API, over a connection of its own.
    pub(crate) async fn control(&self) -> Result<ControlClient<Channel>, Error> {
        Ok(control_over(self.channel().await?))
    }

    /// What BuildKit's calls go over.
    pub(super) async fn channel(&self) -> Result<Channel, Error> {
        let stream = self.dial().await?;
        self.in_time(channel_over(stream, false)).await
    }

    /// The connection that it speaks to a session over: the messages of a call.
    pub(super) async fn session(&self, headers: &[(HeaderName, String)]) -> Result<EngineStream, Error> {
        let mut control = self.control().await?;
        let (sender, outgoing) = mpsc::channel::<BytesMessage>(WAITING_MESSAGES);
        let mut request = Request::new(ReceiverStream::new(outgoing));
        for (name, value) in headers {
            let entry = AsciiMetadataKey::from_bytes(name.as_str().as_bytes())
                .ok()
                .zip(AsciiMetadataValue::try_from(value.as_str()).ok());
            let (name, value) = entry.ok_or_else(|| self.unreachable(&io::Error::other("no header")))?;
            request.metadata_mut().append(name, value);
        }
        let answer = self.in_time(control.session(request)).await?;
        let incoming = answer.into_inner().map_ok(|message| Bytes::from(message.data));
        let incoming = StreamReader::new(incoming.map_err(io::Error::other));
        let outgoing = PollSender::new(sender)
            .sink_map_err(io::Error::other)
            .with(async |data: Bytes| Ok::<_, io::Error>(BytesMessage { data: data.into() }));
        let outgoing = SinkWriter::new(CopyToBytes::new(Box::pin(outgoing)));
        Ok(EngineStream::over(tokio::io::join(incoming, outgoing)))
    }

    /// Resolves when the daemon no longer answers. A build may be silent for an hour; a daemon that is there says so all the
    /// same.
    ///
    /// By calls rather than pings: gRPC's servers end a connection that pings more often than every five minutes.
    /// Source: gRPC, "Keepalive", `GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS`.
    pub(super) async fn lost(&self, mut control: ControlClient<Channel>) -> Error {
        loop {
            tokio::time::sleep(limits::PING).await;
            let answer = control.list_workers(ListWorkersRequest::default());
            match timeout(limits::PONG, answer).await {
                Ok(Ok(_)) => {}
                Ok(Err(status)) => return self.unreachable(&status),
                Err(_) => return self.silent(limits::PONG),
            }
        }
    }

    /// What a daemon that is there knows at once.
    pub(crate) async fn in_time<T, E: std::error::Error + 'static>(
        &self,
        answer: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Error> {
        match timeout(self.0.answer, answer).await {
            Ok(answer) => answer.map_err(|error| self.unreachable(&error)),
            Err(_) => Err(self.silent(self.0.answer)),
        }
    }

    /// What an error below the API means.
    pub(crate) fn unreachable(&self, error: &(dyn std::error::Error + 'static)) -> Error {
        self.no_answer(cleaned(&innermost(error)))
    }

    fn silent(&self, span: Duration) -> Error {
        self.no_answer(format!("no answer within {} s", span.as_secs()))
    }

    fn no_answer(&self, message: String) -> Error {
        Error::NoDaemon {
            address: self.0.address.to_string(),
            message,
        }
    }

    async fn dial(&self) -> Result<EngineStream, Error> {
        match timeout(limits::CONNECT, self.0.connect()).await {
            Ok(connected) => connected.map_err(|error| self.unreachable(&error)),
            Err(_) => Err(self.silent(limits::CONNECT)),
        }
    }
}

impl Dialer {
    async fn connect(&self) -> io::Result<EngineStream> {
        match &self.address {
            BuilderAddress::Unix(path) => Ok(EngineStream::over(UnixStream::connect(path).await?)),
            BuilderAddress::Container(_) => match &self.container {
                Some((engine, spec)) => spec.dial(engine).await,
                None => Err(io::Error::from(io::ErrorKind::NotConnected)),
            },
            BuilderAddress::Tcp { host, port } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                stream.set_nodelay(true)?;
                EngineStream::over_tcp(stream, self.tls.as_ref()).await
            }
        }
    }
}
