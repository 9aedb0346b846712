use std::io;
use std::path::Path;
use std::pin::Pin;
use std::process::Stdio;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::process::{Child, Command};
use tonic::transport::server::Connected;

use super::EngineAddress;

/// How long a connection over TCP may take to come about. A socket of this machine answers or refuses at once.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// A connection to the engine, whatever carries it.
pub(crate) struct EngineStream {
    io: Box<dyn Duplex>,
    /// Ended together with the connection.
    _carrier: Option<Child>,
}

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

impl EngineStream {
    /// Connects. `ssh` is the program that carries `ssh://` addresses.
    pub(crate) async fn dial(address: &EngineAddress, ssh: &Path) -> io::Result<Self> {
        match address {
            EngineAddress::Unix(path) => Ok(Self::over(UnixStream::connect(path).await?)),
            EngineAddress::Tcp { host, port } => {
                let stream =
                    tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect((host.as_str(), *port)))
                        .await
                        .map_err(|elapsed| io::Error::new(io::ErrorKind::TimedOut, elapsed))??;
                stream.set_nodelay(true)?;
                Ok(Self::over(stream))
            }
            EngineAddress::Ssh { user, host, port } => Self::over_ssh(ssh, user.as_deref(), host, *port),
        }
    }

    /// Over any carrier of bytes.
    pub(crate) fn over(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        Self {
            io: Box::new(io),
            _carrier: None,
        }
    }

    /// The other machine's `docker` command connects its standard streams with the engine there.
    /// Source: docker CLI, connection helper for `ssh://`.
    fn over_ssh(ssh: &Path, user: Option<&str>, host: &str, port: Option<u16>) -> io::Result<Self> {
        let mut command = Command::new(ssh);
        command.args(["-T", "-o", "ConnectTimeout=30", "-o", "BatchMode=yes"]);
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
        Pin::new(&mut *self.io).poll_read(cx, buf)
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
