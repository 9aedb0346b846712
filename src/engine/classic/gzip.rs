//! gzip on several processors: a layer is cut into blocks, which are compressed side by side.

use std::io;
use std::num::NonZeroUsize;

use bytes::{Bytes, BytesMut};
use flate2::{Compress, Compression, Crc, FlushCompress, Status};
use futures_util::{StreamExt as _, stream};
use tokio::sync::mpsc;

use crate::ports::BlobStream;
use tagship_domain::reference::{Digest, DigestHasher};

/// How many bytes are compressed at once. Another number gives other compressed layers, and so other digests for the
/// same image.
const BLOCK: usize = 256 * 1024;

/// How far back a block may refer into the one before. Source: RFC 1951, section 2.
const WINDOW: usize = 32 * 1024;

/// The most blocks that are compressed at the same time: as many as keep up with an engine, which gives an image out at
/// about 150 MB a second. What they hold stays in memory.
const MAX_WORKERS: usize = 4;

/// Neither time nor name, and no system. Source: RFC 1952, section 2.3.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// The side of a compressor that uncompressed bytes go into.
///
/// If it is dropped before [`Input::finish`], the compressed stream ends with an error.
pub(super) struct Input {
    blocks: mpsc::Sender<Block>,
    /// What the next block begins with.
    gathered: BytesMut,
    /// The end of the block before.
    window: Bytes,
    hash: DigestHasher,
    crc: Crc,
}

/// Bytes to compress, and what they may refer to.
struct Block {
    window: Bytes,
    bytes: Bytes,
    /// What follows the last block.
    trailer: Option<[[u8; 4]; 2]>,
}

/// Nobody takes the compressed bytes any more.
pub(super) struct OutputClosed;

/// Starts compressing: gzip level 6. However the bytes come and whatever the number of processors, the same bytes give
/// the same blob.
///
/// Blocks are compressed as the stream is read, so that no more of them wait than are compressed at a time.
pub(super) fn start() -> (Input, BlobStream) {
    let (blocks, waiting) = mpsc::channel(1);
    let input = Input {
        blocks,
        gathered: BytesMut::with_capacity(BLOCK),
        window: Bytes::new(),
        hash: DigestHasher::default(),
        crc: Crc::new(),
    };
    let header = stream::once(async { Ok(Bytes::from_static(&HEADER)) });
    let workers = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let compressed = stream::unfold(Some(waiting), next_block)
        .map(compressed)
        .buffered(workers.min(MAX_WORKERS));
    (input, header.chain(compressed).boxed())
}

impl Input {
    pub(super) async fn write(&mut self, mut bytes: Bytes) -> Result<(), OutputClosed> {
        self.hash.update(&bytes);
        self.crc.update(&bytes);
        // The last block must be known as such, so a full one waits for a byte that follows.
        while self.gathered.len() + bytes.len() > BLOCK {
            let rest = bytes.split_off(BLOCK - self.gathered.len());
            self.gathered.extend_from_slice(&bytes);
            bytes = rest;
            self.send(None).await?;
        }
        self.gathered.extend_from_slice(&bytes);
        Ok(())
    }

    /// Ends the compressed stream; gives the digest of the uncompressed bytes.
    pub(super) async fn finish(mut self) -> Result<Digest, OutputClosed> {
        // Source: RFC 1952, section 2.3.1: the checksum, and the size modulo 2^32.
        let trailer = [self.crc.sum(), self.crc.amount()].map(u32::to_le_bytes);
        self.send(Some(trailer)).await?;
        Ok(self.hash.finish())
    }

    async fn send(&mut self, trailer: Option<[[u8; 4]; 2]>) -> Result<(), OutputClosed> {
        let bytes = std::mem::replace(&mut self.gathered, BytesMut::with_capacity(BLOCK)).freeze();
        let next = bytes.slice(bytes.len().saturating_sub(WINDOW)..);
        let window = std::mem::replace(&mut self.window, next);
        let block = Block {
            window,
            bytes,
            trailer,
        };
        self.blocks.send(block).await.map_err(|_closed| OutputClosed)
    }
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
    let is_last = block.trailer.is_some();
    Some((Ok(block), (!is_last).then_some(waiting)))
}

/// A block's compressed bytes, with what follows them.
async fn compressed(block: io::Result<Block>) -> io::Result<Bytes> {
    let block = block?;
    tokio::task::spawn_blocking(move || block.compress())
        .await
        .map_err(io::Error::other)?
        .map_err(io::Error::other)
}

impl Block {
    /// The block's part of a deflate stream: it ends at a byte, so that the next one's can follow.
    fn compress(&self) -> Result<Bytes, flate2::CompressError> {
        let mut deflate = Compress::new(Compression::new(6), false);
        if !self.window.is_empty() {
            deflate.set_dictionary(&self.window)?;
        }
        let flush = match self.trailer {
            Some(_) => FlushCompress::Finish,
            None => FlushCompress::Sync,
        };
        // Enough even for what does not compress. Source: RFC 1951, section 3.2.4: 5 bytes more in each stored block.
        let mut output = Vec::with_capacity(self.bytes.len() + self.bytes.len() / 1024 + 64);
        loop {
            let taken = usize::try_from(deflate.total_in()).unwrap_or(usize::MAX);
            let rest = self.bytes.get(taken..).unwrap_or_default();
            let status = deflate.compress_vec(rest, &mut output, flush)?;
            // Room that is left means that nothing more is to come.
            let is_done = match self.trailer {
                Some(_) => status == Status::StreamEnd,
                None => output.len() < output.capacity(),
            };
            if is_done {
                break;
            }
            output.reserve(BLOCK);
        }
        output.extend(self.trailer.iter().flatten().flatten());
        Ok(output.into())
    }
}

#[cfg(test)]
mod tests;
