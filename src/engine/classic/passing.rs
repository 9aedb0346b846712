//! A compressed layer that passes, unpacked on the way to see which layer it is.

use std::io::{self, BufReader, Read};

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use futures_util::stream::{self, Stream, StreamExt as _};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::ports::BlobStream;
use tagship_domain::reference::{Digest, DigestHasher};

/// How many pieces may wait to be unpacked.
const WAITING: usize = 16;

/// How many bytes are unpacked at once.
const PIECE: usize = 64 * 1024;

/// The same bytes, of which the last are held back until it is known that they unpack to `diff_id`.
pub(super) fn unpacked_as(
    content: BlobStream,
    diff_id: Digest,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let (pieces, received) = mpsc::channel(WAITING);
    let passing = Passing {
        content,
        held: None,
        pieces: Some(pieces),
        unpacking: tokio::task::spawn_blocking(move || unpack(received)),
        diff_id,
    };
    stream::unfold(Some(passing), |passing| async move {
        let mut passing = passing?;
        match passing.next().await {
            Ok(None) => None,
            Ok(Some(piece)) => Some((Ok(piece), Some(passing))),
            Err(error) => Some((Err(error), None)),
        }
    })
}

struct Passing {
    content: BlobStream,
    held: Option<Bytes>,
    /// Where pieces go to be unpacked; gone at the end.
    pieces: Option<mpsc::Sender<Bytes>>,
    unpacking: JoinHandle<io::Result<Digest>>,
    diff_id: Digest,
}

impl Passing {
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        while let Some(pieces) = &self.pieces {
            match self.content.next().await.transpose()? {
                None => {
                    self.pieces = None;
                    let found = (&mut self.unpacking).await.map_err(io::Error::other)??;
                    if found != self.diff_id {
                        let problem = format!("it unpacks to `{found}` in place of `{}`", self.diff_id);
                        return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
                    }
                    return Ok(self.held.take());
                }
                Some(piece) => {
                    // One that cannot be unpacked says so at the end.
                    drop(pieces.send(piece.clone()).await);
                    if let Some(held) = self.held.replace(piece) {
                        return Ok(Some(held));
                    }
                }
            }
        }
        Ok(None)
    }
}

/// The digest of what pieces unpack to.
fn unpack(pieces: mpsc::Receiver<Bytes>) -> io::Result<Digest> {
    let pieces = Pieces {
        pieces,
        piece: Bytes::new(),
    };
    let mut content = MultiGzDecoder::new(BufReader::with_capacity(PIECE, pieces));
    let mut hash = DigestHasher::default();
    let mut piece = vec![0; PIECE];
    loop {
        match content.read(&mut piece)? {
            0 => return Ok(hash.finish()),
            size => hash.update(&piece[..size]),
        }
    }
}

/// Pieces that come, as a reader.
struct Pieces {
    pieces: mpsc::Receiver<Bytes>,
    piece: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let size = buffer.len().min(self.piece.len());
        buffer[..size].copy_from_slice(&self.piece.split_to(size));
        Ok(size)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use futures_util::TryStreamExt as _;

    use super::*;

    fn packed(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    async fn pass(bytes: &[u8], diff_id: Digest) -> io::Result<Vec<u8>> {
        let pieces: Vec<_> = bytes.chunks(777).map(Bytes::copy_from_slice).map(Ok).collect();
        let passed = unpacked_as(stream::iter(pieces).boxed(), diff_id);
        let passed: Vec<Bytes> = passed.try_collect().await?;
        Ok(passed.concat())
    }

    #[tokio::test]
    async fn what_unpacks_to_the_layer_passes_unchanged() {
        for length in [0, 1, 100_000, 3_000_000] {
            let content: Vec<u8> = (0..length).map(|at: u32| (at % 251) as u8).collect();
            // Members behind each other are one content. Source: RFC 1952, section 2.2.
            for bytes in [
                packed(&content),
                [
                    packed(&content[..length as usize / 2]),
                    packed(&content[length as usize / 2..]),
                ]
                .concat(),
            ] {
                assert!(
                    pass(&bytes, Digest::of(&content)).await.unwrap() == bytes,
                    "{length}"
                );
            }
        }
    }

    #[tokio::test]
    async fn what_is_another_layer_or_damaged_does_not_come_to_its_end() {
        let content: Vec<u8> = (0..50_000_u32)
            .flat_map(|at| at.wrapping_mul(2_654_435_761).to_le_bytes())
            .collect();
        let bytes = packed(&content);
        let mut damaged = bytes.clone();
        damaged[5_000] ^= 1;
        let cases = [
            (bytes.clone(), Digest::of(b"another")),
            (damaged, Digest::of(&content)),
            (bytes[..bytes.len() - 9].to_vec(), Digest::of(&content)),
            (b"no gzip at all".to_vec(), Digest::of(&content)),
        ];
        for (number, (bytes, diff_id)) in cases.into_iter().enumerate() {
            assert!(pass(&bytes, diff_id).await.is_err(), "{number}");
        }
    }
}
