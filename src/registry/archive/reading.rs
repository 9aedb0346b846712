use bytes::{Bytes, BytesMut};
use tokio::io::AsyncRead;

use super::failure::Failure;
use super::gzip;
use super::image::{Image, Part};
use super::tar::{Entry, TarReader};
use crate::domain::reference::Digest;
use crate::ports::{Event, ImageArchive, Reporter, WriteRegistry};
use crate::registry::reads::MAX_SMALL_BLOB;

/// One reading of an archive.
pub(super) struct Reading<'a> {
    pub(super) image: &'a mut Image,
    pub(super) registry: &'a dyn WriteRegistry,
    pub(super) reporter: &'a dyn Reporter,
}

impl Reading<'_> {
    /// Reads until the image is complete, and uploads what is still missing.
    pub(super) async fn run(&mut self, archive: &dyn ImageArchive) -> Result<(), Failure> {
        let mut tar = TarReader::new(archive.open().await.map_err(Failure::Open)?);
        while !self.image.is_complete() {
            let Some(entry) = tar.next().await? else {
                break;
            };
            if !entry.is_file {
                continue;
            }
            match self.image.part_at(&entry.path) {
                Part::Config => self.image.add_config(read_config(&mut tar, &entry).await?)?,
                Part::Layer(expected) => self.push_layer(&mut tar, entry, expected).await?,
                Part::Other => {}
            }
        }
        match self.image.missing_part() {
            Some(digest) => Err(Failure::malformed(format!("has no `{digest}`"))),
            None => Ok(()),
        }
    }

    async fn push_layer<R: AsyncRead + Unpin>(
        &mut self,
        tar: &mut TarReader<R>,
        entry: Entry,
        expected: Option<Digest>,
    ) -> Result<(), Failure> {
        let name = match expected {
            Some(diff_id) => diff_id.short(),
            None => entry.path.chars().take(12).collect(),
        };
        let (input, compressed) = gzip::start();
        let (fed, uploaded) = tokio::join!(
            feed(tar, input, |current| {
                self.reporter.event(Event::Progress {
                    what: &name,
                    current,
                    total: Some(entry.size),
                });
            }),
            self.registry.upload(compressed),
        );
        // A broken source breaks the upload too: it is the one to name.
        let diff_id = fed?;
        let blob = uploaded?;
        let diff_id = diff_id.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::BrokenPipe))?;
        self.image.add_layer(entry.path, expected, diff_id, blob)
    }
}

/// Compresses the current entry; gives the digest of its content, `None` if nobody takes what is compressed.
async fn feed<R: AsyncRead + Unpin>(
    tar: &mut TarReader<R>,
    input: gzip::Input,
    progress: impl Fn(u64),
) -> Result<Option<Digest>, Failure> {
    let mut current = 0;
    while let Some(chunk) = tar.chunk().await? {
        current += chunk.len() as u64;
        if input.write(chunk).await.is_err() {
            return Ok(None);
        }
        progress(current);
    }
    Ok(input.finish().await.ok())
}

async fn read_config<R: AsyncRead + Unpin>(tar: &mut TarReader<R>, entry: &Entry) -> Result<Bytes, Failure> {
    if entry.size > MAX_SMALL_BLOB {
        return Err(Failure::malformed(format!(
            "has a config of {} bytes",
            entry.size
        )));
    }
    let mut config = BytesMut::new();
    while let Some(chunk) = tar.chunk().await? {
        config.extend_from_slice(&chunk);
    }
    Ok(config.freeze())
}
