//! One connection: its handshake, its requests, its end.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::IntoResponse as _;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::leftover::{Leftover, Unread, close};
use crate::faces::base_url::{Peer, Secure};
use crate::faces::exchange::Breaker;

/// How long a connection may wait for its next request.
const IDLE: Duration = Duration::from_mins(2);

/// Bytes that are read from a connection at once, at most. They stay in the processor's cache until they are hashed
/// and written, and the allocator need not ask the system for each. Also the most bytes of a request's head.
const READ_BYTES: usize = 64 * 1024;

/// How long a client may take for its TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Serves one connection until it ends, or until `stop` and the request that is under way is answered.
///
/// With `tls` it begins with a handshake; who does not know how is let go.
pub(super) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    tls: Option<TlsAcceptor>,
    stop: CancellationToken,
) {
    // Answers are small and awaited.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection has no TCP_NODELAY");
    }
    let breaker = Breaker::default();
    let stream = BreakableStream {
        stream,
        breaker: breaker.clone(),
    };
    let Some(tls) = tls else {
        return speak(stream, peer, breaker, None, router, stop).await;
    };
    let handshake = tokio::select! {
        handshake = tokio::time::timeout(HANDSHAKE, tls.accept(stream)) => handshake,
        () = stop.cancelled() => return,
    };
    match handshake {
        Ok(Ok(stream)) => {
            let secure = Secure {
                server_name: stream.get_ref().1.server_name().map(str::to_owned),
            };
            speak(stream, peer, breaker, Some(secure), router, stop).await;
        }
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_elapsed) => tracing::debug!("a TLS handshake took too long"),
    }
}

/// Answers the requests of a connection.
///
/// Where an answer is given before its request was read, the connection is closed in stages (RFC 9112, section 9.6):
/// closing at once would reset it, and the client might never read the answer.
async fn speak(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: SocketAddr,
    breaker: Breaker,
    secure: Option<Secure>,
    router: Router,
    stop: CancellationToken,
) {
    let unread = Unread::default();
    let noted = unread.clone();
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let expects_continue = request.headers().contains_key(header::EXPECT);
        let leftover = Leftover::default();
        let mut request = request.map(|body| Body::new(leftover.lend(body)));
        request.extensions_mut().insert(Peer(peer));
        request.extensions_mut().insert(breaker.clone());
        let misdirected = secure.as_ref().is_some_and(|secure| !secure.is_for(&request));
        if let Some(secure) = &secure {
            request.extensions_mut().insert(secure.clone());
        }
        let (router, noted) = (router.clone(), noted.clone());
        // Boxed, so that the connection can be polled where it stands.
        Box::pin(async move {
            let mut response = if misdirected {
                drop(request);
                StatusCode::MISDIRECTED_REQUEST.into_response()
            } else {
                router.oneshot(request).await?
            };
            if !leftover.drain(expects_continue).await {
                noted.note();
                response
                    .headers_mut()
                    .insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response)
        })
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .max_buf_size(READ_BYTES)
        .serve_connection(TokioIo::new(&mut stream), service);
    let mut stopped = pin!(stop.cancelled());
    let mut is_stopping = false;
    let ended = poll_fn(|context| {
        if !is_stopping && stopped.as_mut().poll(context).is_ready() {
            is_stopping = true;
            Pin::new(&mut connection).graceful_shutdown();
        }
        connection.poll_without_shutdown(context)
    })
    .await;
    drop(connection);
    match ended {
        Ok(()) => close(stream, unread.is_noted()).await,
        Err(error) => tracing::debug!(%error, "a connection broke"),
    }
}

/// A connection that a fault can reset.
#[derive(Debug)]
struct BreakableStream {
    stream: TcpStream,
    breaker: Breaker,
}

impl Drop for BreakableStream {
    fn drop(&mut self) {
        if self.breaker.check().is_err() {
            // Closing then sends RST, not FIN. Without it the peer sees an early end, which is a failure too.
            drop(self.stream.set_zero_linger());
        }
    }
}

impl AsyncRead for BreakableStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.breaker.check()?;
        Pin::new(&mut this.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for BreakableStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.breaker.check()?;
        Pin::new(&mut this.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.breaker.check()?;
        Pin::new(&mut this.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.breaker.check()?;
        Pin::new(&mut this.stream).poll_shutdown(context)
    }
}
