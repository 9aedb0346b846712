//! A connection to the engine, whatever carries it.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::process::Stdio;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::process::{Child, Command};
use tokio::time::{Sleep, sleep, timeout};
use tonic::transport::server::Connected;

use super::EngineAddress;
use super::tls::TlsDial;
use crate::limits;

/// A connection to the engine, whatever carries it.
pub(crate) struct EngineStream {
    io: Box<dyn Duplex>,
    /// How much and until when may be read; without end when absent.
    bounds: Option<Bounds>,
    /// Ended together with the connection.
    _carrier: Option<Child>,
}

/// What one answer may be.
struct Bounds {
    left: u64,
    within: Duration,
    end: Pin<Box<Sleep>>,
}

impl Bounds {
    /// Counts what was read, or ends it.
    fn check(&mut self, read: usize, cx: &mut Context<'_>, is_pending: bool) -> io::Result<()> {
        if is_pending && self.end.as_mut().poll(cx).is_ready() {
            let message = format!("no whole answer within {} s", self.within.as_secs());
            return Err(io::Error::new(io::ErrorKind::TimedOut, message));
        }
        self.left = self
            .left
            .checked_sub(read as u64)
            .ok_or_else(|| io::Error::other("its answer is too long"))?;
        Ok(())
    }
}

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

impl EngineStream {
    /// Connects. `ssh` is the program that carries `ssh://` addresses, `tls` begins on `tcp://` ones.
    pub(super) async fn dial(address: &EngineAddress, ssh: &Path, tls: Option<&TlsDial>) -> io::Result<Self> {
        let connected = async {
            match address {
                EngineAddress::Unix(path) => Ok(Self::over(UnixStream::connect(path).await?)),
                EngineAddress::Tcp { host, port } => {
                    let stream = TcpStream::connect((host.as_str(), *port)).await?;
                    stream.set_nodelay(true)?;
                    Self::over_tcp(stream, tls).await
                }
                EngineAddress::Ssh { user, host, port } => Self::over_ssh(ssh, user.as_deref(), host, *port),
            }
        };
        match timeout(limits::CONNECT, connected).await {
            Ok(connected) => connected,
            Err(elapsed) => Err(io::Error::new(io::ErrorKind::TimedOut, elapsed)),
        }
    }

    /// Over a connection of TCP, with TLS where it is asked for.
    pub(super) async fn over_tcp(stream: TcpStream, tls: Option<&TlsDial>) -> io::Result<Self> {
        match tls {
            None => Ok(Self::over(stream)),
            Some(TlsDial { connector, name }) => {
                Ok(Self::over(connector.connect(name.clone(), stream).await?))
            }
        }
    }

    /// Over any carrier of bytes.
    pub(crate) fn over(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        Self {
            io: Box::new(io),
            bounds: None,
            _carrier: None,
        }
    }

    /// With one answer of at most so many bytes, within a time that begins now.
    pub(super) fn bounded(self, most: u64, within: Duration) -> Self {
        Self {
            bounds: Some(Bounds {
                left: most,
                within,
                end: Box::pin(sleep(within)),
            }),
            ..self
        }
    }

    /// The other machine's `docker` command connects its standard streams with the engine there.
    /// Source: docker CLI, connection helper for `ssh://`.
    fn over_ssh(ssh: &Path, user: Option<&str>, host: &str, port: Option<u16>) -> io::Result<Self> {
        let mut command = Command::new(ssh);
        command.args(["-T", "-o", "ConnectTimeout=10", "-o", "BatchMode=yes"]);
        if let Some(user) = user {
            command.args(["-l", user]);
        }
        if let Some(port) = port {
            command.args(["-p", &port.to_string()]);
        }
        command.args(["--", host, "docker", "system", "dial-stdio"]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let mut child = command.spawn()?;
        let (Some(output), Some(input)) = (child.stdout.take(), child.stdin.take()) else {
            return Err(io::Error::from(io::ErrorKind::BrokenPipe));
        };
        Ok(Self {
            io: Box::new(tokio::io::join(output, input)),
            bounds: None,
            _carrier: Some(child),
        })
    }
}

impl AsyncRead for EngineStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut *self.io).poll_read(cx, buf);
        if let Some(bounds) = &mut self.bounds
            && let Err(end) = bounds.check(buf.filled().len() - before, cx, read.is_pending())
        {
            buf.set_filled(before);
            return Poll::Ready(Err(end));
        }
        read
    }
}

impl AsyncWrite for EngineStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.io).poll_shutdown(cx)
    }
}

impl Connected for EngineStream {
    type ConnectInfo = ();

    fn connect_info(&self) -> Self::ConnectInfo {}
}
