//! Tar as a stream of entries. Source: POSIX, "pax", "ustar Interchange Format".

use std::io;

use ::tar::{EntryType, Header, PaxExtensions};
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::failure::Failure;
use super::header::has_right_checksum;

/// Tar is made of blocks of so many bytes. Source: POSIX, "pax", "ustar Interchange Format".
pub(super) const BLOCK: usize = 512;

/// The most bytes of an extended header; all that it may tell here is one name and one size.
const MAX_EXTENSION: u64 = 64 * 1024;

/// How many bytes of content are handed on at once.
const CHUNK: usize = 128 * 1024;

/// Reads a tar archive from a stream, one entry after the other, in memory that the archive cannot make grow.
pub(super) struct TarReader<R> {
    source: R,
    /// Bytes of the current entry's content that were not read yet.
    content: u64,
    /// Bytes after it up to the next block.
    padding: u64,
}

/// One entry. Its content is read by [`TarReader::chunk`] before the next entry.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TarEntry {
    /// The path, as it is in the archive; hostile.
    pub(super) path: String,
    /// The content's size in bytes.
    pub(super) size: u64,
    /// Whether it is a file, and not a link, a folder or something else.
    pub(super) is_file: bool,
}

impl<R: AsyncRead + Unpin> TarReader<R> {
    pub(super) fn new(source: R) -> Self {
        Self {
            source,
            content: 0,
            padding: 0,
        }
    }

    /// The next entry; `None` at the archive's end. What was not read of the one before is skipped.
    pub(super) async fn next(&mut self) -> Result<Option<TarEntry>, Failure> {
        let mut long_path = None;
        let mut long_size = None;
        loop {
            self.skip(self.content.saturating_add(self.padding)).await?;
            let Some(header) = self.header().await? else {
                return Ok(None);
            };
            let size = header
                .entry_size()
                .map_err(|error| Failure::malformed(format!("has an entry without a size: {error}")))?;
            match header.entry_type() {
                EntryType::GNULongName => {
                    let path = self.extension(size).await?;
                    long_path = Some(path.split(|byte| *byte == 0).next().unwrap_or_default().to_vec());
                }
                EntryType::XHeader => {
                    let records = self.extension(size).await?;
                    for record in PaxExtensions::new(&records) {
                        let record = record.map_err(|error| Failure::malformed(error.to_string()))?;
                        match record.key_bytes() {
                            b"path" => long_path = Some(record.value_bytes().to_vec()),
                            b"size" => {
                                let size = record.value().ok().and_then(|size| size.parse().ok());
                                let unclear = || Failure::malformed("has an entry without a size");
                                long_size = Some(size.ok_or_else(unclear)?);
                            }
                            _ => {}
                        }
                    }
                }
                EntryType::GNULongLink | EntryType::XGlobalHeader => self.begin_content(size),
                kind => {
                    let size = long_size.unwrap_or(size);
                    self.begin_content(size);
                    let path = long_path.unwrap_or_else(|| header.path_bytes().into_owned());
                    return Ok(Some(TarEntry {
                        path: String::from_utf8_lossy(&path).into_owned(),
                        size,
                        is_file: matches!(kind, EntryType::Regular | EntryType::Continuous),
                    }));
                }
            }
        }
    }

    /// The next bytes of the current entry's content; `None` at its end.
    pub(super) async fn chunk(&mut self) -> io::Result<Option<Bytes>> {
        if self.content == 0 {
            return Ok(None);
        }
        let mut chunk = Vec::with_capacity(CHUNK);
        let wanted = self.content.min(CHUNK as u64);
        (&mut self.source).take(wanted).read_to_end(&mut chunk).await?;
        if (chunk.len() as u64) < wanted {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.content -= wanted;
        Ok(Some(chunk.into()))
    }

    /// Reads all that is left of the stream, whatever it is.
    pub(super) async fn read_rest(&mut self) -> io::Result<()> {
        tokio::io::copy(&mut self.source, &mut tokio::io::sink())
            .await
            .map(drop)
    }

    fn begin_content(&mut self, size: u64) {
        self.content = size;
        self.padding = (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64;
    }

    /// The next header; `None` for the empty block that ends an archive. One that just stops has broken off.
    async fn header(&mut self) -> Result<Option<Header>, Failure> {
        let mut header = Header::new_old();
        self.source.read_exact(header.as_mut_bytes()).await?;
        if header.as_bytes().iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        if has_right_checksum(&header) {
            Ok(Some(header))
        } else {
            Err(Failure::malformed("has a header with a wrong checksum"))
        }
    }

    /// The content of an entry that says something of the next.
    async fn extension(&mut self, size: u64) -> Result<Vec<u8>, Failure> {
        if size > MAX_EXTENSION {
            return Err(Failure::malformed(format!(
                "has an extended header of {size} bytes"
            )));
        }
        self.begin_content(size);
        let mut content = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            content.extend_from_slice(&chunk);
        }
        Ok(content)
    }

    async fn skip(&mut self, size: u64) -> io::Result<()> {
        let skipped = tokio::io::copy(&mut (&mut self.source).take(size), &mut tokio::io::sink()).await?;
        if skipped < size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.begin_content(0);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
