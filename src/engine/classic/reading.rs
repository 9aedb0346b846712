use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::AsyncRead;

use super::epoch::Times;
use super::failure::Failure;
use super::gzip;
use super::image::{Image, Layer, Part};
use super::layer::LayerTimes;
use super::tar::{Entry, TarReader};
use crate::ports::{Event, ImageArchive, Reporter, WriteRepository};
use oci_registry::MAX_SMALL_BLOB;
use tagship_domain::content::{Descriptor, OCI_LAYER_GZIP};
use tagship_domain::reference::{Digest, DigestHasher};

/// The longest that the rest of a stream is read for, of which nothing is needed.
const LEAVING: Duration = Duration::from_secs(10);

/// One reading of an archive.
pub(super) struct Reading<'a> {
    pub(super) image: &'a mut Image,
    pub(super) registry: &'a dyn WriteRepository,
    pub(super) reporter: &'a dyn Reporter,
    pub(super) times: Times,
}

impl Reading<'_> {
    /// Reads until the image is complete, and uploads what is still missing.
    ///
    /// The stream is read to its end in any case: Docker 28.5 may crash when a client leaves an export in the middle. Its
    /// copy goes on for a moment, and writes to an answer that is over: so the trace of such a crash tells, in moby's
    /// `internal/ioutils`, `CopyCtx`.
    pub(super) async fn run(&mut self, archive: &dyn ImageArchive) -> Result<(), Failure> {
        let mut tar = TarReader::new(archive.open().await.map_err(Failure::Open)?);
        let read = self.read(&mut tar).await;
        // Nothing depends on it, and an engine that gives no end is left all the same.
        drop(tokio::time::timeout(LEAVING, tar.read_rest()).await);
        read
    }

    async fn read<R: AsyncRead + Unpin>(&mut self, tar: &mut TarReader<R>) -> Result<(), Failure> {
        while !self.image.is_complete() {
            let Some(entry) = tar.next().await? else {
                break;
            };
            if !entry.is_file {
                continue;
            }
            match self.image.part_at(&entry.path) {
                Part::Config => self.image.add_config(read_config(tar, &entry).await?)?,
                Part::Layer(expected) => self.push_layer(tar, entry, expected).await?,
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
            feed(tar, self.times.layers.map(LayerTimes::new), input, |current| {
                self.reporter.event(Event::Progress {
                    what: &name,
                    current,
                    total: Some(entry.size),
                });
            }),
            self.registry.upload(compressed),
        );
        // A broken source breaks the upload too: it is the one to name.
        let fed = fed?;
        let (digest, size) = uploaded?;
        let fed = fed.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::BrokenPipe))?;
        let pushed = Layer {
            diff_id: fed.pushed,
            descriptor: Descriptor::new(OCI_LAYER_GZIP, digest, size),
        };
        self.image.add_layer(entry.path, expected, fed.read, pushed)
    }
}

/// The digests of a layer's content.
struct Fed {
    /// As the engine has it.
    read: Digest,
    /// As it was compressed.
    pushed: Digest,
}

/// Compresses the current entry, with its times set if that is wanted; `None` if nobody takes what is compressed.
async fn feed<R: AsyncRead + Unpin>(
    tar: &mut TarReader<R>,
    mut times: Option<LayerTimes>,
    mut input: gzip::Input,
    progress: impl Fn(u64),
) -> Result<Option<Fed>, Failure> {
    let mut current = 0;
    // Of what passes unchanged the compressor's own digest is enough.
    let mut hash = times.is_some().then(DigestHasher::default);
    while let Some(chunk) = tar.chunk().await? {
        current += chunk.len() as u64;
        if let Some(hash) = &mut hash {
            hash.update(&chunk);
        }
        let ready = match &mut times {
            Some(times) => times.push(&chunk),
            None => chunk,
        };
        if input.write(ready).await.is_err() {
            return Ok(None);
        }
        progress(current);
    }
    if let Some(times) = times
        && input.write(times.finish()).await.is_err()
    {
        return Ok(None);
    }
    let pushed = input.finish().await.ok();
    let read = hash.map(DigestHasher::finish);
    Ok(pushed.map(|pushed| Fed {
        read: read.unwrap_or(pushed),
        pushed,
    }))
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
