//! Layers that an archive may have compressed.

use std::io::{self, Write as _};
use std::mem;

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use tokio::io::AsyncRead;

use super::compression::Pieces;
use super::tar::TarReader;

/// The first bytes of gzip. Source: RFC 1952, "Member header and trailer".
const GZIP: &[u8] = &[0x1f, 0x8b];
/// How many compressed bytes are unpacked at once: they become a thousand times as many at most, which are held in memory.
const PIECE: usize = 4 * 1024;

/// The content of an entry: unpacked, where it is compressed with gzip.
pub(super) struct Inflating<'a, R> {
    tar: &'a mut TarReader<R>,
    /// Compressed bytes, or such as are handed on as they are.
    ahead: Bytes,
    /// Absent of what is not compressed, and at the end.
    decoder: Option<MultiGzDecoder<Vec<u8>>>,
}

impl<'a, R: AsyncRead + Send + Unpin> Inflating<'a, R> {
    /// Looks at the entry's beginning.
    pub(super) async fn begin(tar: &'a mut TarReader<R>) -> io::Result<Self> {
        let ahead = tar.chunk().await?.unwrap_or_default();
        let decoder = ahead.starts_with(GZIP).then(|| MultiGzDecoder::new(Vec::new()));
        Ok(Self { tar, ahead, decoder })
    }

    /// Whether the entry is compressed, so that its size says nothing of its content's.
    pub(super) fn is_compressed(&self) -> bool {
        self.decoder.is_some()
    }
}

impl<R: AsyncRead + Send + Unpin> Pieces for Inflating<'_, R> {
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            if self.ahead.is_empty() {
                let Some(chunk) = self.tar.chunk().await? else {
                    let Some(mut decoder) = self.decoder.take() else {
                        return Ok(None);
                    };
                    decoder.try_finish()?;
                    let rest = mem::take(decoder.get_mut());
                    return Ok((!rest.is_empty()).then(|| rest.into()));
                };
                self.ahead = chunk;
            }
            let Some(decoder) = &mut self.decoder else {
                return Ok(Some(mem::take(&mut self.ahead)));
            };
            let piece = self.ahead.split_to(self.ahead.len().min(PIECE));
            decoder.write_all(&piece)?;
            if !decoder.get_ref().is_empty() {
                return Ok(Some(mem::take(decoder.get_mut()).into()));
            }
        }
    }
}
