//! What is left of a request that was answered before it was read, and the end of its connection.
//!
//! Source: RFC 9112, section 9.6, and RFC 9110, section 10.1.1.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// The most bytes of a request that are read for nothing, so that its connection stays.
const DRAINED_BYTES: u64 = 1024 * 1024;

/// How long that may take.
const DRAINED_WITHIN: Duration = Duration::from_secs(1);

/// How long a client may go on to send after an answer that it should read, and how many bytes.
const CLOSED_WITHIN: Duration = Duration::from_secs(5);
const CLOSED_BYTES: u64 = 64 * 1024 * 1024;

/// The body of a request, after who answers it has left it.
#[derive(Debug, Clone, Default)]
pub(super) struct Leftover(Arc<Mutex<Option<Incoming>>>);

impl Leftover {
    /// The body for those who answer; what they leave comes back here.
    pub(super) fn lend(&self, body: Incoming) -> ReturnedBody {
        ReturnedBody {
            body: Some(body),
            leftover: self.clone(),
        }
    }

    /// Reads what is left; whether the connection can stay.
    ///
    /// A client that waits for `100 Continue` may send its body or not, and reading would ask for it.
    pub(super) async fn drain(&self, expects_continue: bool) -> bool {
        let left = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut body) = left.filter(|body| !body.is_end_stream()) else {
            return true;
        };
        if expects_continue || body.size_hint().lower() > DRAINED_BYTES {
            return false;
        }
        let read = async {
            let mut bytes = 0;
            while let Some(frame) = body.frame().await {
                let length = frame.ok()?.data_ref().map_or(0, Bytes::len);
                bytes += length as u64;
                if bytes > DRAINED_BYTES {
                    return None;
                }
            }
            Some(())
        };
        matches!(tokio::time::timeout(DRAINED_WITHIN, read).await, Ok(Some(())))
    }
}

/// A body that comes back when it is dropped before its end.
#[derive(Debug)]
pub(super) struct ReturnedBody {
    body: Option<Incoming>,
    leftover: Leftover,
}

impl Body for ReturnedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.get_mut().body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

impl Drop for ReturnedBody {
    fn drop(&mut self) {
        *self.leftover.0.lock().unwrap_or_else(PoisonError::into_inner) = self.body.take();
    }
}

/// Whether a request of a connection was left unread.
#[derive(Debug, Clone, Default)]
pub(super) struct Unread(Arc<AtomicBool>);

impl Unread {
    pub(super) fn note(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(super) fn is_noted(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Ends a connection: nothing more is sent, and what a client still sends of an unread request is thrown away.
pub(super) async fn close(mut stream: impl AsyncRead + AsyncWrite + Unpin, is_unread: bool) {
    if stream.shutdown().await.is_err() || !is_unread {
        return;
    }
    let mut rest = stream.take(CLOSED_BYTES);
    let mut nowhere = tokio::io::sink();
    let read = tokio::io::copy(&mut rest, &mut nowhere);
    // However it ends, the client had its time.
    drop(tokio::time::timeout(CLOSED_WITHIN, read).await);
}
