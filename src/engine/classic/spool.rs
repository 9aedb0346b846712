//! Where compressed bytes wait until it is known whether the registry lacks them.

use std::io;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use tokio::fs::File;
use tokio::io::{AsyncSeekExt as _, AsyncWriteExt as _};
use tokio_util::io::ReaderStream;

use super::failure::Failure;
use crate::ports::BlobStream;
use tagship_domain::reference::{Digest, DigestHasher};

/// The most bytes of one blob that wait in memory; those of a larger one wait in a file without a name.
const IN_MEMORY: u64 = 4 * 1024 * 1024;

/// The bytes that are read from a file at once.
const PIECE: usize = 256 * 1024;

/// Makes a file without a name, which ends with the process at the latest.
///
/// An image that holds this binary alone, as the action's does, has no folder for such files: it is made.
pub(in crate::engine) fn unnamed_file() -> io::Result<std::fs::File> {
    tempfile::tempfile().or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            std::fs::create_dir_all(tempfile::env::temp_dir())?;
            tempfile::tempfile()
        }
        _ => Err(error),
    })
}

/// A blob that waits.
pub(super) struct Spooled {
    pub(super) digest: Digest,
    pub(super) size: u64,
    content: SpooledContent,
}

enum SpooledContent {
    Memory(Vec<Bytes>),
    File(File),
}

impl Spooled {
    /// Takes a stream to its end.
    pub(super) async fn gather(compressed: BlobStream) -> Result<Self, Failure> {
        Self::gather_into(compressed, unnamed_file).await
    }

    async fn gather_into(
        mut compressed: BlobStream,
        new_file: impl Fn() -> io::Result<std::fs::File>,
    ) -> Result<Self, Failure> {
        let mut hash = DigestHasher::default();
        let mut size = 0;
        let mut content = SpooledContent::Memory(Vec::new());
        while let Some(piece) = compressed.next().await {
            let piece = piece?;
            hash.update(&piece);
            size += piece.len() as u64;
            match &mut content {
                SpooledContent::File(file) => file.write_all(&piece).await.map_err(Failure::Temporary)?,
                SpooledContent::Memory(pieces) => {
                    pieces.push(piece);
                    if size > IN_MEMORY {
                        let mut file = File::from_std(new_file().map_err(Failure::Temporary)?);
                        for piece in pieces.drain(..) {
                            file.write_all(&piece).await.map_err(Failure::Temporary)?;
                        }
                        content = SpooledContent::File(file);
                    }
                }
            }
        }
        if let SpooledContent::File(file) = &mut content {
            // Of the last write, which is still under way, the flush alone says how it ended.
            file.flush().await.map_err(Failure::Temporary)?;
            file.rewind().await.map_err(Failure::Temporary)?;
        }
        Ok(Self {
            digest: hash.finish(),
            size,
            content,
        })
    }

    /// Its bytes.
    pub(super) fn into_stream(self) -> BlobStream {
        match self.content {
            SpooledContent::Memory(pieces) => stream::iter(pieces.into_iter().map(Ok)).boxed(),
            SpooledContent::File(file) => ReaderStream::with_capacity(file, PIECE).boxed(),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt as _;
    use tagship_domain::error::Diagnose as _;

    use super::*;

    #[tokio::test]
    async fn what_waits_comes_back_whole_from_memory_and_from_a_file() {
        for pieces in [0_usize, 1, 4, 5, 9] {
            let piece = |n: usize| Bytes::from(vec![u8::try_from(n).unwrap(); 1024 * 1024]);
            let content: Vec<Bytes> = (0..pieces).map(piece).collect();
            let whole = content.concat();
            let spooled = Spooled::gather(stream::iter(content.into_iter().map(Ok)).boxed());
            let spooled = spooled.await.unwrap();
            assert_eq!(matches!(spooled.content, SpooledContent::File(_)), pieces > 4);
            assert_eq!(
                (spooled.digest, spooled.size),
                (Digest::of(&whole), whole.len() as u64)
            );
            let back: Vec<Bytes> = spooled.into_stream().try_collect().await.unwrap();
            assert!(back.concat() == whole);
        }
    }

    #[tokio::test]
    async fn a_stream_that_breaks_off_gives_nothing() {
        let pieces = [
            Ok(Bytes::from_static(b"half")),
            Err(io::ErrorKind::BrokenPipe.into()),
        ];
        let failure = Spooled::gather(stream::iter(pieces).boxed()).await.err();
        assert!(failure.is_some_and(|failure| failure.is_transient()));
    }

    /// The device that Linux has for it is always full.
    #[tokio::test]
    async fn a_full_disk_is_no_reason_to_export_again_and_names_the_folder() {
        let full = || std::fs::File::options().write(true).open("/dev/full");
        for pieces in [5, 6, 40] {
            let content = (0..pieces).map(|_| Ok(Bytes::from(vec![0; 1024 * 1024])));
            let failure = Spooled::gather_into(stream::iter(content).boxed(), full).await;
            let failure = failure.err().unwrap();
            assert!(!failure.is_transient(), "{failure}");
            let error = failure.into_error();
            let folder = tempfile::env::temp_dir().display().to_string();
            assert!(error.to_string().contains(&format!("`{folder}`")), "{error}");
            assert!(error.hint().unwrap().contains("`TMPDIR`"));
        }
    }
}
