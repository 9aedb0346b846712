//! Compression on several processors: a layer is cut into blocks, each of which becomes a gzip member or a Zstandard frame of its own.
//!
//! Source: RFC 1952, section 2.2, and RFC 8878, section 3: a file is a series of members, or of frames, which unpack to one content.

use std::io;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};
use libdeflater::CompressionLvl;
use tokio::sync::mpsc;

use crate::ports::BlobStream;
use tagship_domain::build::{Compression, LayerForm};
use tagship_domain::content::{OCI_LAYER_GZIP, OCI_LAYER_TAR, OCI_LAYER_ZSTD};
use tagship_domain::reference::{Digest, DigestHasher};

/// How many bytes are compressed at once. Another number gives other compressed layers, and so other digests for the
/// same image.
const BLOCK: usize = 1024 * 1024;

/// How a layer is compressed: another encoder, level or block gives the same layer another digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// gzip at a level of the encoder's.
    Gzip(u8),
    /// Zstandard at a level of the encoder's.
    Zstd(u8),
    /// Not at all.
    Stored,
}

impl Encoding {
    /// As small as what engines make, at twice their speed (`docs/design.md`).
    pub(super) const USUAL: Self = Self::Gzip(4);

    /// As a build wants it. The level of Zstandard is the library's own default where none is given.
    pub(super) fn of(compression: Compression) -> Self {
        match (compression.form, compression.level) {
            (LayerForm::Uncompressed, _) => Self::Stored,
            (LayerForm::Gzip, Some(level)) => Self::Gzip(level),
            (LayerForm::Gzip, None) => Self::USUAL,
            (LayerForm::Zstd, level) => Self::Zstd(level.unwrap_or(3)),
        }
    }

    /// Returns a name that changes with everything that changes a layer's bytes; the test with a fixed digest says when an
    /// update of the encoder does.
    pub(super) fn name(self) -> String {
        match self {
            Self::Gzip(level) => format!("gzip-libdeflate-{level}-1m"),
            Self::Zstd(level) => format!("zstd-{level}-1m"),
            Self::Stored => "stored".to_owned(),
        }
    }

    /// Returns OCI's word for what it makes.
    pub(super) const fn media_type(self) -> &'static str {
        match self {
            Self::Gzip(_) => OCI_LAYER_GZIP,
            Self::Zstd(_) => OCI_LAYER_ZSTD,
            Self::Stored => OCI_LAYER_TAR,
        }
    }
}

/// The most blocks that are compressed at the same time. What they hold stays in memory.
const MAX_WORKERS: usize = 4;

/// The side of a compressor that uncompressed bytes go into.
///
/// If it is dropped before [`Input::finish`], the compressed stream ends with an error.
pub(super) struct Input {
    blocks: mpsc::Sender<Block>,
    /// What the next block begins with.
    gathered: BytesMut,
    hash: DigestHasher,
    workshop: Arc<Workshop>,
}

struct Block {
    bytes: BytesMut,
    is_last: bool,
}

/// The compressed bytes have no reader any more.
pub(super) struct OutputClosed;

/// Starts compressing. However the bytes come and whatever the number of processors, the same bytes give the same blob.
///
/// Blocks are compressed as the stream is read, so that no more of them wait than are compressed at a time.
pub(super) fn start(encoding: Encoding) -> (Input, BlobStream) {
    let (blocks, waiting) = mpsc::channel(1);
    let workshop = Arc::new(Workshop::default());
    let input = Input {
        blocks,
        gathered: workshop.block(),
        hash: DigestHasher::default(),
        workshop: Arc::clone(&workshop),
    };
    let workers = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let compressed = stream::unfold(Some(waiting), next_block)
        .map(move |block| compressed(block, encoding, Arc::clone(&workshop)))
        .buffered(workers.min(MAX_WORKERS));
    (input, compressed.boxed())
}

impl Input {
    pub(super) async fn write(&mut self, mut bytes: Bytes) -> Result<(), OutputClosed> {
        self.hash.update(&bytes);
        // The last block must be known as such, so a full one waits for a byte that follows.
        while self.gathered.len() + bytes.len() > BLOCK {
            let rest = bytes.split_off(BLOCK - self.gathered.len());
            self.gathered.extend_from_slice(&bytes);
            bytes = rest;
            self.send(false).await?;
        }
        self.gathered.extend_from_slice(&bytes);
        Ok(())
    }

    /// Ends the compressed stream; gives the digest of the uncompressed bytes.
    pub(super) async fn finish(mut self) -> Result<Digest, OutputClosed> {
        self.send(true).await?;
        Ok(self.hash.finish())
    }

    async fn send(&mut self, is_last: bool) -> Result<(), OutputClosed> {
        let bytes = std::mem::replace(&mut self.gathered, self.workshop.block());
        let block = Block { bytes, is_last };
        self.blocks.send(block).await.map_err(|_closed| OutputClosed)
    }
}

/// What a layer's blocks are compressed with, used again from block to block: memory that is taken anew for each is torn into
/// pieces, and twice as much of it is held.
#[derive(Default)]
struct Workshop {
    blocks: Mutex<Vec<BytesMut>>,
    benches: Mutex<Vec<Bench>>,
}

/// A compressor, and room for what it makes of a block.
struct Bench {
    compressor: Compressor,
    room: Vec<u8>,
}

/// What compresses blocks.
enum Compressor {
    Gzip(libdeflater::Compressor),
    Zstd(zstd::bulk::Compressor<'static>),
}

impl Compressor {
    /// Returns one for an encoding; `None` where nothing is compressed.
    fn new(encoding: Encoding) -> io::Result<Option<Self>> {
        Ok(match encoding {
            Encoding::Gzip(level) => Some(Self::Gzip(libdeflater::Compressor::new(
                CompressionLvl::new(level.into()).unwrap_or_default(),
            ))),
            Encoding::Zstd(level) => Some(Self::Zstd(zstd::bulk::Compressor::new(level.into())?)),
            Encoding::Stored => None,
        })
    }

    /// Returns the most bytes that a block of this length becomes.
    fn bound(&mut self, length: usize) -> usize {
        match self {
            Self::Gzip(gzip) => gzip.gzip_compress_bound(length),
            Self::Zstd(_) => zstd::zstd_safe::compress_bound(length),
        }
    }

    /// Makes a member or frame of a block; gives its length. It depends on the block alone: it has neither time nor name.
    fn compress(&mut self, block: &[u8], room: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Gzip(gzip) => gzip
                .gzip_compress(block, room)
                .map_err(|error| io::Error::other(error.to_string())),
            Self::Zstd(zstd) => zstd.compress_to_buffer(block, room),
        }
    }
}

impl Workshop {
    /// Returns an empty block.
    fn block(&self) -> BytesMut {
        let used = lock(&self.blocks).pop();
        used.unwrap_or_else(|| BytesMut::with_capacity(BLOCK))
    }

    /// Returns what a block becomes.
    fn compressed(&self, mut block: BytesMut, encoding: Encoding) -> io::Result<Bytes> {
        let used = lock(&self.benches).pop();
        let mut bench = match used {
            Some(bench) => bench,
            None => match Compressor::new(encoding)? {
                Some(compressor) => Bench {
                    compressor,
                    room: Vec::new(),
                },
                None => return Ok(block.freeze()),
            },
        };
        let bound = bench.compressor.bound(block.len());
        if bench.room.len() < bound {
            bench.room.resize(bound, 0);
        }
        let size = bench.compressor.compress(&block, &mut bench.room)?;
        let member = Bytes::copy_from_slice(&bench.room[..size]);
        lock(&self.benches).push(bench);
        block.clear();
        lock(&self.blocks).push(block);
        Ok(member)
    }
}

/// A panic elsewhere leaves lists that are whole.
fn lock<T>(list: &Mutex<T>) -> MutexGuard<'_, T> {
    list.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The next block, up to the last; an error if there is none.
async fn next_block(
    waiting: Option<mpsc::Receiver<Block>>,
) -> Option<(io::Result<Block>, Option<mpsc::Receiver<Block>>)> {
    let mut waiting = waiting?;
    let Some(block) = waiting.recv().await else {
        let broken = io::Error::new(io::ErrorKind::BrokenPipe, "the layer broke off");
        return Some((Err(broken), None));
    };
    let is_last = block.is_last;
    Some((Ok(block), (!is_last).then_some(waiting)))
}

async fn compressed(
    block: io::Result<Block>,
    encoding: Encoding,
    workshop: Arc<Workshop>,
) -> io::Result<Bytes> {
    let bytes = block?.bytes;
    if encoding == Encoding::Stored {
        return Ok(bytes.freeze());
    }
    tokio::task::spawn_blocking(move || workshop.compressed(bytes, encoding))
        .await
        .map_err(io::Error::other)?
}

#[cfg(test)]
mod tests;
