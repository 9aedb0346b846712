//! An upload that says how far it is: of a large layer it takes longer than all that comes before.

use std::pin::pin;

use futures_util::{StreamExt as _, TryStreamExt as _};
use tokio::sync::watch;

use super::spool::Spooled;
use crate::ports::{BlobStream, RegistryError, Reporter, RunEvent, WriteRepository};
use tagship_domain::reference::Digest;

/// Uploads a layer unless it is there; names it where that fails.
pub(super) async fn upload(
    registry: &dyn WriteRepository,
    found: Digest,
    spooled: Spooled,
    reporter: &dyn Reporter,
) -> Result<(), (Digest, RegistryError)> {
    let named = |error| (found, error);
    let (digest, size) = (spooled.digest, spooled.size);
    // Asked as many are, which some registries answer for another permission than that of reading.
    let found = registry.blob_sizes(&[digest]).await.map_err(named)?;
    if found.get(&digest) == Some(&size) {
        return Ok(());
    }
    send(registry, (&digest, size), spooled.into_stream(), reporter)
        .await
        .map_err(named)
}

/// Uploads a blob of `size` bytes, and reports what has moved; the whole only when the registry has confirmed it.
pub(super) async fn send(
    registry: &dyn WriteRepository,
    (digest, size): (&Digest, u64),
    content: BlobStream,
    reporter: &dyn Reporter,
) -> Result<(), RegistryError> {
    let what = format!("upload of {}", digest.short());
    let report = |current| {
        reporter.event(RunEvent::Progress {
            what: &what,
            current,
            total: Some(size),
        });
    };
    let (moved, mut seen) = watch::channel(0_u64);
    let content = content.inspect_ok(move |piece| moved.send_modify(|sum| *sum += piece.len() as u64));
    let mut sending = pin!(registry.upload(digest, size, content.boxed()));
    let sent = loop {
        tokio::select! {
            sent = &mut sending => break sent,
            // The content may outlive the upload, in a connection that is being closed.
            Ok(()) = seen.changed() => {
                let current = *seen.borrow_and_update();
                if current < size {
                    report(current);
                }
            }
        }
    };
    sent.inspect(|()| report(size))
}
