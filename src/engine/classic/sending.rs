//! Uploads of layers, which say how far they are.

use oci_registry::upload_watched;

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

/// Uploads a blob of `size` bytes, and reports what has moved.
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
    upload_watched(registry, digest, size, content, report).await
}
