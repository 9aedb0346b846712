//! One reading of an engine's archive.

use std::pin::pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::io::AsyncRead;

use super::compression::{Beginning, Compressed, MAX_UPLOADS, compress};
use super::epoch::ImageForm;
use super::failure::Failure;
use super::image::{EntryRole, ImageTransfer, Original};
use super::inflating::Inflating;
use super::sending::upload;
use super::tar::{TarEntry, TarReader};
use crate::ports::{ImageArchive, RegistryError, Reporter, RunEvent, WriteRepository};
use oci_registry::MAX_SMALL_BLOB;
use tagship_domain::reference::Digest;

/// The longest that the rest of a stream is read for, of which nothing is needed.
const LEAVING: Duration = Duration::from_secs(10);

/// One reading of an archive.
pub(super) struct Reading<'a> {
    pub(super) image: &'a mut ImageTransfer,
    pub(super) registry: &'a dyn WriteRepository,
    pub(super) reporter: &'a dyn Reporter,
    pub(super) form: ImageForm,
}

impl Reading<'_> {
    /// Reads until the image is complete, and uploads what is still missing.
    ///
    /// The stream is read to its end in any case: Docker 28.5 may crash when a client leaves an export in the middle. Its
    /// copy goes on for a moment, and writes to an answer that is over: so the trace of such a crash says, in moby's
    /// `internal/ioutils`, `CopyCtx`.
    pub(super) async fn run(&mut self, archive: &dyn ImageArchive) -> Result<(), Failure> {
        let mut tar = TarReader::new(archive.open().await.map_err(Failure::Open)?);
        let read = self.read(&mut tar).await;
        if read.is_ok() {
            drop(tokio::time::timeout(LEAVING, self.learn(&mut tar)).await);
        }
        // Nothing depends on it, and an engine that gives no end is left all the same.
        drop(tokio::time::timeout(LEAVING, tar.read_rest()).await);
        read
    }

    /// Compresses layers in their order, each while those before it are uploaded. All that were begun come to their end,
    /// also after a failure: what is there then is not sent again.
    async fn read<R: AsyncRead + Send + Unpin>(&mut self, tar: &mut TarReader<R>) -> Result<(), Failure> {
        let (registry, reporter) = (self.registry, self.reporter);
        let mut uploads = FuturesUnordered::new();
        let mut failure = None;
        while failure.is_none() && !self.image.is_complete() {
            let mut settled = Vec::new();
            let part = {
                let mut next = pin!(self.next_part(tar));
                loop {
                    tokio::select! {
                        biased;
                        Some(upload) = uploads.next() => {
                            let is_over = Result::is_err(&upload);
                            settled.push(upload);
                            if is_over {
                                break Ok(None);
                            }
                        }
                        part = &mut next => break part,
                    }
                }
            };
            for upload in settled {
                failure = failure.or(self.settle(upload));
            }
            if failure.is_some() {
                break;
            }
            let noted = match part {
                Ok(Some(Part::Config(config))) => self.image.add_config(config),
                Ok(Some(Part::Layer(layer))) => {
                    let Read {
                        path,
                        expected,
                        layer:
                            Compressed {
                                found,
                                layer,
                                spooled,
                            },
                    } = *layer;
                    // An archive that does not name its layers holds those too that are there already.
                    let is_there = self.image.layer(&found).is_some();
                    let noted = self.image.add_layer(path, expected, found, layer);
                    if noted.is_ok() && !is_there {
                        if uploads.len() == MAX_UPLOADS
                            && let Some(upload) = uploads.next().await
                        {
                            failure = self.settle(upload);
                        }
                        uploads.push(upload(registry, found, spooled, reporter));
                    }
                    noted
                }
                Ok(Some(Part::Known(diff_id, original))) => {
                    self.image.note_original(&diff_id, original);
                    Ok(())
                }
                Ok(None) => break,
                Err(error) => Err(error),
            };
            failure = failure.or(noted.err());
        }
        while let Some(upload) = uploads.next().await {
            failure = failure.or(self.settle(upload));
        }
        match (failure, self.image.missing_part()) {
            (Some(failure), _) => Err(failure),
            (None, Some(digest)) => Err(Failure::malformed(format!("has no `{digest}`"))),
            (None, None) => Ok(()),
        }
    }

    /// Notes what layers are like that were there already, as far as they stand in the rest of the archive.
    async fn learn<R: AsyncRead + Send + Unpin>(&mut self, tar: &mut TarReader<R>) {
        while self.image.lacks_originals() {
            match self.next_part(tar).await {
                Ok(Some(Part::Known(diff_id, original))) => self.image.note_original(&diff_id, original),
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => break,
            }
        }
    }

    /// Notes how an upload ended; gives its failure, if it did not succeed.
    fn settle(&mut self, upload: Result<(), (Digest, RegistryError)>) -> Option<Failure> {
        let (found, error) = upload.err()?;
        self.image.forget_layer(&found);
        Some(error.into())
    }

    /// The next part that is needed; `None` at the end of the archive.
    async fn next_part<R: AsyncRead + Send + Unpin>(
        &self,
        tar: &mut TarReader<R>,
    ) -> Result<Option<Part>, Failure> {
        while let Some(entry) = tar.next().await? {
            if !entry.is_file {
                continue;
            }
            match self.image.place_of(&entry.path) {
                EntryRole::Config => return Ok(Some(Part::Config(read_config(tar, &entry).await?))),
                EntryRole::Layer(expected) => {
                    let layer = self.compress(tar, entry, expected).await?;
                    return Ok(Some(Part::Layer(Box::new(layer))));
                }
                EntryRole::Known(diff_id) => {
                    let original = read_beginning(tar, &entry).await?;
                    return Ok(Some(Part::Known(diff_id, original)));
                }
                EntryRole::Other => {}
            }
        }
        Ok(None)
    }

    async fn compress<R: AsyncRead + Send + Unpin>(
        &self,
        tar: &mut TarReader<R>,
        entry: TarEntry,
        expected: Option<Digest>,
    ) -> Result<Read, Failure> {
        let name = match expected {
            Some(diff_id) => format!("layer {}", diff_id.short()),
            None => format!("layer {}", entry.path.chars().take(12).collect::<String>()),
        };
        let progress = |total: Option<u64>| {
            let (reporter, what) = (self.reporter, &name);
            move |current| {
                reporter.event(RunEvent::Progress { what, current, total });
            }
        };
        let layer = if self.image.may_be_compressed() {
            let mut content = Inflating::begin(tar).await?;
            let total = (!content.is_compressed()).then_some(entry.size);
            compress(&mut content, self.form, progress(total)).await?
        } else {
            compress(tar, self.form, progress(Some(entry.size))).await?
        };
        Ok(Read {
            path: entry.path,
            expected,
            layer,
        })
    }
}

/// A part of an image, read.
enum Part {
    Config(Bytes),
    Layer(Box<Read>),
    /// What a layer is like that is there already.
    Known(Digest, Original),
}

/// A layer of an archive.
struct Read {
    /// Where it stood in the archive.
    path: String,
    /// The diff-id that the path names, if it names one.
    expected: Option<Digest>,
    layer: Compressed,
}

/// Reads as much of a layer as it is known from others by.
async fn read_beginning<R: AsyncRead + Send + Unpin>(
    tar: &mut TarReader<R>,
    entry: &TarEntry,
) -> Result<Original, Failure> {
    let mut beginning = Beginning::default();
    while !beginning.is_whole() {
        match tar.chunk().await? {
            Some(piece) => beginning.push(&piece),
            None => break,
        }
    }
    Ok(Original {
        beginning: beginning.finish(),
        length: entry.size,
    })
}

async fn read_config<R: AsyncRead + Send + Unpin>(
    tar: &mut TarReader<R>,
    entry: &TarEntry,
) -> Result<Bytes, Failure> {
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
