//! Pushes what a classic engine store holds: uncompressed layers in a `docker save` stream.

mod cache;
mod compression;
mod config;
mod epoch;
mod failure;
mod gzip;
mod handover;
mod header;
mod image;
mod layer;
mod reading;
mod spool;
mod tar;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use backon::BackoffBuilder as _;
use tokio::time::Instant;

pub use self::cache::LayerCache;
pub use self::epoch::ImageTimes;
pub(super) use self::handover::is_handover;
use self::image::ImageTransfer;
use self::reading::Reading;
use crate::ports::{BuildError, ImageArchive, Reporter, RunEvent, WriteRepository};
use oci_registry::RetryPolicy;
use tagship_domain::reference::{Digest, Reference};

/// Streams an image out of an engine's classic store and pushes it by digest; gives the manifest's digest.
///
/// Layers are compressed while they are read, on all processors, and uploaded while the next ones are, unless the
/// registry has them; memory stays flat whatever their size. Those that `cache` knows and the registry has are passed
/// over. `times` are set on the way, which the engine's exporter does not do. When the registry or the stream breaks off,
/// the stream is opened again and what was uploaded is passed over.
pub async fn push_archive(
    archive: &dyn ImageArchive,
    registry: &dyn WriteRepository,
    reporter: &dyn Reporter,
    times: ImageTimes,
    cache: Option<&LayerCache>,
) -> Result<Digest, BuildError> {
    push_patiently(archive, registry, reporter, times, cache, RetryPolicy::default()).await
}

async fn push_patiently(
    archive: &dyn ImageArchive,
    registry: &dyn WriteRepository,
    reporter: &dyn Reporter,
    times: ImageTimes,
    cache: Option<&LayerCache>,
    retry_policy: RetryPolicy,
) -> Result<Digest, BuildError> {
    let mut image = ImageTransfer::new(archive.image_id(), archive.diff_ids());
    if let Some(cache) = cache {
        let known = cache.find(archive.diff_ids(), times);
        let blobs: Vec<Digest> = known.values().map(|layer| layer.descriptor.digest).collect();
        // A registry that does not answer now is asked again for what is uploaded.
        let sizes = if blobs.is_empty() {
            BTreeMap::new()
        } else {
            registry.blob_sizes(&blobs).await.unwrap_or_default()
        };
        for (diff_id, layer) in known {
            if sizes.get(&layer.descriptor.digest) == Some(&layer.descriptor.size) {
                image.know_layer(diff_id, layer);
            }
        }
    }
    let mut names = HashMap::new();
    if let Some(engine) = handover::if_worth_it(archive, &image) {
        let known = cache
            .map(|cache| cache.engines_names(archive.diff_ids()))
            .unwrap_or_default();
        let stall = retry_policy.stall;
        match handover::run(engine, &mut image, registry, reporter, times, known, stall).await {
            Ok(learned) => names = learned,
            // The export says what is really wrong, if anything is.
            Err(error) => tracing::debug!(%error, "the engine does not push here, so the image is exported"),
        }
    }
    let mut pauses = retry_policy.backoff().build();
    let mut spent = Duration::ZERO;
    while !image.is_complete() {
        let began = Instant::now();
        let had = image.parts();
        let mut reading = Reading {
            image: &mut image,
            registry,
            reporter,
            times,
        };
        let failure = match reading.run(archive).await {
            Ok(()) => break,
            Err(failure) => failure,
        };
        // A long image over a bad line may break off often, as long as it gets on.
        if image.parts() > had {
            pauses = retry_policy.backoff().build();
            spent = Duration::ZERO;
        }
        // What a try may have waited for in vain; bytes that moved for longer are no reason to give up.
        spent += began.elapsed().min(retry_policy.answer + retry_policy.stall);
        let pause = if failure.is_transient() {
            pauses
                .next()
                .filter(|pause| spent + *pause < retry_policy.operation)
        } else {
            None
        };
        let Some(pause) = pause else {
            return Err(failure.into_error());
        };
        reporter.event(RunEvent::Retry {
            what: "pushing the image out of the engine",
            reason: &failure.to_string(),
            delay: pause,
        });
        tokio::time::sleep(pause).await;
    }
    let manifest = image.manifest(registry, times.config).await?;
    let reference = Reference::Digest(manifest.digest());
    registry.put_manifest(&reference, &manifest).await?;
    if let Some(cache) = cache {
        cache.add(image.layers(), times, &names);
    }
    Ok(manifest.digest())
}

#[cfg(test)]
mod tests;
