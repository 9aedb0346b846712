//! A layer on its way from the engine into the registry: compressed, hashed, held until it is known to be missing.

use std::io;

use bytes::Bytes;
use tokio::io::AsyncRead;

use super::encoding;
use super::epoch::ImageForm;
use super::failure::Failure;
use super::image::{Layer, Original};
use super::layer::LayerTimes;
use super::spool::Spooled;
use super::tar::TarReader;
use tagship_domain::content::Descriptor;
use tagship_domain::reference::{Digest, DigestHasher};

/// The most layers that are uploaded at a time. As many more wait compressed, of which little is in memory.
pub(super) const MAX_UPLOADS: usize = 4;

/// How many of a layer's first bytes tell it from the other layers of an image.
pub(super) const BEGINNING: usize = 64 * 1024;

/// Where the bytes of a layer come from.
pub(super) trait Pieces: Send {
    /// Returns the next bytes; `None` at the end.
    fn next(&mut self) -> impl Future<Output = io::Result<Option<Bytes>>> + Send;
}

impl<R: AsyncRead + Send + Unpin> Pieces for TarReader<R> {
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        self.chunk().await
    }
}

/// A layer that waits to be uploaded.
pub(super) struct Compressed {
    /// Its diff-id.
    pub(super) found: Digest,
    pub(super) layer: Layer,
    pub(super) spooled: Spooled,
}

/// Compresses a layer, with its times set if that is wanted. `progress` is given the number of bytes that were read.
pub(super) async fn compress(
    pieces: &mut impl Pieces,
    form: ImageForm,
    progress: impl Fn(u64) + Send,
) -> Result<Compressed, Failure> {
    let (input, compressed) = encoding::start(form.encoding);
    let (fed, spooled) = tokio::join!(
        feed(pieces, form.layer_time.map(LayerTimes::new), input, progress),
        Spooled::gather(compressed),
    );
    // A broken source breaks the other side too: it is the one to name.
    let fed = fed?;
    let spooled = spooled?;
    let fed = fed.ok_or_else(|| io::Error::from(io::ErrorKind::BrokenPipe))?;
    let descriptor = Descriptor::new(form.encoding.media_type(), spooled.digest, spooled.size);
    Ok(Compressed {
        found: fed.read,
        layer: Layer {
            diff_id: fed.pushed,
            descriptor,
            original: Some(fed.original),
        },
        spooled,
    })
}

/// What is known of a layer's content.
struct Fed {
    /// Its digest as the engine has it.
    read: Digest,
    /// Its digest as it was compressed.
    pushed: Digest,
    original: Original,
}

/// Compresses what comes; `None` if nothing takes what is compressed.
async fn feed(
    pieces: &mut impl Pieces,
    mut times: Option<LayerTimes>,
    mut input: encoding::Input,
    progress: impl Fn(u64) + Send,
) -> Result<Option<Fed>, Failure> {
    let mut length = 0;
    let mut beginning = Beginning::default();
    // Of what passes unchanged the compressor's own digest is enough.
    let mut hash = times.is_some().then(DigestHasher::default);
    while let Some(piece) = pieces.next().await? {
        length += piece.len() as u64;
        beginning.push(&piece);
        if let Some(hash) = &mut hash {
            hash.update(&piece);
        }
        let ready = match &mut times {
            Some(times) => times.push(&piece),
            None => piece,
        };
        if input.write(ready).await.is_err() {
            return Ok(None);
        }
        progress(length);
    }
    if let Some(times) = times
        && input.write(times.finish()).await.is_err()
    {
        return Ok(None);
    }
    let Ok(pushed) = input.finish().await else {
        return Ok(None);
    };
    Ok(Some(Fed {
        read: hash.map_or(pushed, DigestHasher::finish),
        pushed,
        original: Original {
            beginning: beginning.finish(),
            length,
        },
    }))
}

/// The digest of a layer's first [`BEGINNING`] bytes, or of all when it has fewer.
#[derive(Default)]
pub(super) struct Beginning {
    hash: DigestHasher,
    taken: usize,
}

impl Beginning {
    pub(super) fn push(&mut self, piece: &[u8]) {
        let wanted = piece.len().min(BEGINNING - self.taken);
        self.hash.update(&piece[..wanted]);
        self.taken += wanted;
    }

    /// Whether nothing more is taken.
    pub(super) fn is_whole(&self) -> bool {
        self.taken == BEGINNING
    }

    pub(super) fn finish(self) -> Digest {
        self.hash.finish()
    }
}
