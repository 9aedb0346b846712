//! The engine hands over the layers that are new, by its own push to a registry of ours on the loopback.
//!
//! No call of an engine's API gives one layer: `docker save` writes out the whole image, however little of it is new. A
//! push asks a registry by `HEAD` for each layer that it has pushed there before, and sends the others. So this registry
//! says of layers that are known already that it has them. An engine remembers what it has pushed by address and name, which
//! therefore are always the same.
//!
//! A known layer that it does not remember it begins to send. It is seen by its beginning, and no more of it is read: the
//! engine, which compresses what it sends, stands still there. An engine sends the uppermost layers first, and those are
//! the new ones, so that they come in spite of that. The config, which an engine pushes last, is asked for beside the
//! push; when all that is new has come, the push is ended. Where nothing comes any more and something is missing, all is
//! read to its end.
//!
//! Nothing depends on what is skipped: a layer counts when it was read whole and has a diff-id of the image, and what
//! is missing at the end is taken from the export.

mod requests;
mod serving;
mod unpacking;

use std::collections::HashMap;
use std::io;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, watch};

use self::serving::serve;
use super::compression::Compressed;
use super::epoch::ImageForm;
use super::failure::Failure;
use super::image::ImageTransfer;
use crate::ports::{ImageArchive, LoopbackRegistry, PushableImage, Reporter, WriteRepository};
use tagship_domain::reference::Digest;

/// Where the registry listens: the first that is free. They are registered for nothing else, and no system gives them out.
const PORTS: std::ops::RangeInclusive<u16> = 28217..=28220;

/// The repository's name.
const REPOSITORY: &str = "tagship";

const USERNAME: &str = "tagship";

/// The smallest image, in bytes, that is worth a push: the export of a smaller one takes no longer.
const SMALLEST: u64 = 16_000_000;

/// The part of an image that may be new. An engine compresses what it pushes, which is then compressed again.
const NEW_PART: u64 = 4;

/// The most layers that are compressed at a time.
const MAX_COMPRESSED: usize = 2;

/// Whether an image's name in an engine is one that it was pushed here under.
pub(crate) fn is_handover(name: &str) -> bool {
    let port = name
        .strip_prefix("127.0.0.1:")
        .and_then(|rest| rest.split_once('/'))
        .filter(|(_, path)| path.split(':').next() == Some(REPOSITORY))
        .and_then(|(port, _)| port.parse().ok());
    port.is_some_and(|port: u16| PORTS.contains(&port))
}

/// Returns the image if the engine had better push what is missing of it than export all of it.
pub(super) fn if_worth_it<'a>(
    archive: &'a dyn ImageArchive,
    image: &ImageTransfer,
) -> Option<&'a dyn PushableImage> {
    archive.pushable().filter(|archive| {
        let new = archive.size().saturating_sub(image.known_length());
        archive.size() >= SMALLEST && new <= archive.size() / NEW_PART
    })
}

/// One push of an engine.
pub(super) struct Handover<'a> {
    image: Mutex<&'a mut ImageTransfer>,
    registry: &'a dyn WriteRepository,
    reporter: &'a dyn Reporter,
    form: ImageForm,
    known: Mutex<Known>,
    /// The value of the header that every request must have.
    authorization: String,
    /// Whether a request with it has come.
    was_contacted: AtomicBool,
    /// Grows while something moves.
    moved: AtomicU64,
    compressing: Semaphore,
    /// Whether known layers are read, too.
    reads_known: watch::Sender<bool>,
    /// Layers to be uploaded, and failures that end everything.
    done: mpsc::UnboundedSender<Result<Compressed, Failure>>,
}

/// What is known of blobs.
struct Known {
    /// Diff-ids by the digests that the engine has for the layers compressed.
    names: HashMap<Digest, Digest>,
    /// What the engine has put in this push.
    put: Vec<Digest>,
    /// The known layers whose beginning was seen.
    seen: Vec<Digest>,
}

/// Has the engine push an image, and uploads what is missing. Gives the digests that the engine has for all layers
/// compressed, with their diff-ids; `names` are those from earlier pushes.
///
/// `stall` is the longest time that nothing may move.
pub(super) async fn run(
    archive: &dyn PushableImage,
    image: &mut ImageTransfer,
    registry: &dyn WriteRepository,
    reporter: &dyn Reporter,
    form: ImageForm,
    names: HashMap<Digest, Digest>,
    stall: Duration,
) -> Result<HashMap<Digest, Digest>, Failure> {
    let listener = bind().await?;
    let address = listener.local_addr()?;
    let own = LoopbackRegistry {
        repository: format!("{address}/{REPOSITORY}"),
        tag: random()?,
        username: USERNAME,
        password: random()?.into(),
    };
    let (done, finished) = mpsc::unbounded_channel();
    let handover = Handover {
        authorization: requests::authorization(&own),
        image: Mutex::new(image),
        registry,
        reporter,
        form,
        known: Mutex::new(Known {
            names,
            put: Vec::new(),
            seen: Vec::new(),
        }),
        was_contacted: AtomicBool::new(false),
        moved: AtomicU64::new(0),
        compressing: Semaphore::new(MAX_COMPRESSED),
        reads_known: watch::Sender::new(false),
        done,
    };
    let pushing = async {
        // The engine's loopback may be another one, where another program listens: only a registry that the engine was seen
        // to reach is given an image.
        archive.contact(&own).await;
        if !handover.was_contacted.load(Ordering::SeqCst) {
            let elsewhere = io::Error::new(io::ErrorKind::NotConnected, "the engine has another loopback");
            return Err(elsewhere.into());
        }
        let take_config = |config| {
            handover.note_movement();
            if let Err(failure) = handover.image().add_config(config) {
                tracing::debug!(error = %failure.into_error(), "what the engine says is not the image's config");
            }
        };
        archive.push(&own, &take_config).await.map_err(Failure::Open)
    };
    serve(&handover, &listener, finished, pushing, stall).await?;
    let names = std::mem::take(&mut handover.known().names);
    Ok(names)
}

/// Text that cannot be guessed.
fn random() -> io::Result<String> {
    buildkit_session::random_id().map_err(io::Error::other)
}

async fn bind() -> io::Result<TcpListener> {
    let mut last = io::ErrorKind::AddrInUse.into();
    // Tests run side by side, more than there are ports.
    let ports = if cfg!(test) { 0..=0 } else { PORTS };
    for port in ports {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

impl<'a> Handover<'a> {
    /// Every critical section is complete in itself, so a poisoned lock is no worse than another.
    fn image(&self) -> MutexGuard<'_, &'a mut ImageTransfer> {
        self.image.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the push may end. Once known layers are read the engine had better remember them, which it does at its end.
    fn has_all(&self) -> bool {
        !*self.reads_known.borrow() && self.image().is_complete()
    }

    fn note_movement(&self) {
        self.moved.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_handover_are_known_from_others() {
        for name in ["127.0.0.1:28217/tagship:0011", "127.0.0.1:28220/tagship"] {
            assert!(is_handover(name), "{name}");
        }
        for name in [
            "127.0.0.1:28221/tagship:1",
            "127.0.0.1:28217/tagship2:1",
            "127.0.0.1:28217/team/tagship:1",
            "127.0.0.2:28217/tagship:1",
            "tagship:1",
            "<none>:<none>",
        ] {
            assert!(!is_handover(name), "{name}");
        }
    }
}
