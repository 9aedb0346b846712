//! What an engine compressed, as it comes.

use std::collections::VecDeque;
use std::io::{self, BufReader, Read as _};

use bytes::{Bytes, BytesMut};
use flate2::bufread::MultiGzDecoder;
use tokio::io::AsyncRead;
use tokio::sync::mpsc;
use tokio_util::io::SyncIoBridge;

use super::super::compression::{BEGINNING, Beginning, Pieces};
use tagship_domain::reference::Digest;

/// How many bytes are handed on at once.
const PIECE: usize = 64 * 1024;

/// The content of a gzip stream.
pub(super) struct Unpacked {
    /// Pieces that were looked at.
    first: VecDeque<Bytes>,
    rest: mpsc::Receiver<io::Result<Bytes>>,
}

/// How a layer begins.
pub(super) struct Start {
    pub(super) beginning: Digest,
    /// The layer's length, if it is no longer than what was looked at.
    pub(super) length: Option<u64>,
}

impl Unpacked {
    pub(super) fn new(compressed: impl AsyncRead + Send + Unpin + 'static) -> Self {
        let (pieces, rest) = mpsc::channel(4);
        let compressed = BufReader::with_capacity(PIECE, SyncIoBridge::new(compressed));
        tokio::task::spawn_blocking(move || unpack(compressed, &pieces));
        Self {
            first: VecDeque::new(),
            rest,
        }
    }

    /// Looks at the beginning. Nothing is lost.
    pub(super) async fn start(&mut self) -> io::Result<Start> {
        let mut beginning = Beginning::default();
        let mut length = 0;
        let mut has_ended = false;
        while length < BEGINNING as u64 && !has_ended {
            match self.rest.recv().await.transpose()? {
                Some(piece) => {
                    length += piece.len() as u64;
                    beginning.push(&piece);
                    self.first.push_back(piece);
                }
                None => has_ended = true,
            }
        }
        Ok(Start {
            beginning: beginning.finish(),
            length: has_ended.then_some(length),
        })
    }
}

impl Pieces for Unpacked {
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        match self.first.pop_front() {
            Some(piece) => Ok(Some(piece)),
            None => self.rest.recv().await.transpose(),
        }
    }
}

fn unpack(compressed: impl io::BufRead, pieces: &mpsc::Sender<io::Result<Bytes>>) {
    let mut content = MultiGzDecoder::new(compressed);
    loop {
        let mut piece = BytesMut::zeroed(PIECE);
        let read = content.read(&mut piece);
        let is_over = !matches!(read, Ok(size) if size > 0);
        let piece = match read {
            Ok(0) => return,
            Ok(size) => Ok(piece.split_to(size).freeze()),
            Err(error) => Err(error),
        };
        if pieces.blocking_send(piece).is_err() || is_over {
            return;
        }
    }
}
