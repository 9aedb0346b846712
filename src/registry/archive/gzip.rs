use std::io::{self, Write};

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use flate2::{Compression, GzBuilder};
use futures_util::StreamExt as _;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;

use crate::domain::reference::Digest;
use crate::ports::BlobStream;

/// How many pieces wait on either side of the compressor.
const WAITING: usize = 8;

/// The least bytes that are handed on at once.
const PIECE: usize = 64 * 1024;

/// The side of a compressor that uncompressed bytes go into.
///
/// If it is dropped before [`Input::finish`], the compressed stream ends with an error.
pub(super) struct Input {
    chunks: mpsc::Sender<Chunk>,
    diff_id: oneshot::Receiver<Digest>,
}

enum Chunk {
    Bytes(Bytes),
    End,
}

/// Nobody takes the compressed bytes any more.
pub(super) struct OutputClosed;

/// Starts compressing on a thread of its own: gzip level 6 without a time. The same bytes, cut at the same places,
/// give the same blob; cut elsewhere they may not, because zlib-rs looks ahead no further than it was given.
///
/// The thread waits for nothing but the two ends, so it ends when either is dropped.
pub(super) fn start() -> (Input, BlobStream) {
    let (chunks, input) = mpsc::channel(WAITING);
    let (output, compressed) = mpsc::channel(WAITING);
    let (tell_diff_id, diff_id) = oneshot::channel();
    tokio::task::spawn_blocking(move || {
        if let Some(digest) = compress(input, &output) {
            // Whoever is not there any more does not want to know.
            let _: Result<(), Digest> = tell_diff_id.send(digest);
        }
    });
    let compressed = ReceiverStream::new(compressed).boxed();
    (Input { chunks, diff_id }, compressed)
}

impl Input {
    pub(super) async fn write(&self, bytes: Bytes) -> Result<(), OutputClosed> {
        let sent = self.chunks.send(Chunk::Bytes(bytes)).await;
        sent.map_err(|_closed| OutputClosed)
    }

    /// Ends the compressed stream; gives the digest of the uncompressed bytes.
    pub(super) async fn finish(self) -> Result<Digest, OutputClosed> {
        let sent = self.chunks.send(Chunk::End).await;
        sent.map_err(|_closed| OutputClosed)?;
        self.diff_id.await.map_err(|_closed| OutputClosed)
    }
}

/// The thread's work. `None` if either end went away.
fn compress(mut input: mpsc::Receiver<Chunk>, output: &mpsc::Sender<io::Result<Bytes>>) -> Option<Digest> {
    let mut hash = Context::new(&SHA256);
    let pieces = Pieces {
        output,
        piece: Vec::with_capacity(2 * PIECE),
    };
    let mut gzip = GzBuilder::new().mtime(0).write(pieces, Compression::new(6));
    loop {
        match input.blocking_recv() {
            Some(Chunk::Bytes(bytes)) => {
                hash.update(&bytes);
                gzip.write_all(&bytes).ok()?;
            }
            Some(Chunk::End) => break,
            None => {
                let broken = io::Error::new(io::ErrorKind::BrokenPipe, "the layer broke off");
                output.blocking_send(Err(broken)).ok()?;
                return None;
            }
        }
    }
    gzip.finish().ok()?.flush().ok()?;
    Some(Digest::from_sha256(&hash.finish()))
}

/// Gathers the compressor's output into pieces that are worth sending.
struct Pieces<'a> {
    output: &'a mpsc::Sender<io::Result<Bytes>>,
    piece: Vec<u8>,
}

impl Write for Pieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(2 * PIECE));
        let sent = self.output.blocking_send(Ok(piece.into()));
        sent.map_err(|_closed| io::ErrorKind::BrokenPipe.into())
    }
}

#[cfg(test)]
mod tests;
