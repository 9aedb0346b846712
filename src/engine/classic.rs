//! Pushes what a classic engine store holds: uncompressed layers in a `docker save` stream.

mod base;
mod cache;
mod compression;
mod config;
mod encoding;
mod epoch;
mod failure;
mod handover;
mod header;
mod image;
mod inflating;
mod layer;
mod passing;
mod reading;
mod sending;
mod spool;
mod tar;

use std::collections::HashMap;

use futures_util::{StreamExt as _, stream};

pub use self::base::BaseImage;
use self::base::BaseLayer;
pub use self::cache::LayerCache;
use self::compression::MAX_UPLOADS;
pub use self::epoch::ImageForm;
use self::failure::Failure;
pub(super) use self::failure::temporary_failure;
pub(super) use self::handover::is_handover;
use self::image::{ImageTransfer, Layer};
use self::reading::Reading;
pub(super) use self::spool::unnamed_file;
use crate::ports::{BuildError, ImageArchive, RegistryError, Reporter, RunEvent, WriteRepository};
use oci_registry::RetryPolicy;
use tagship_domain::content::Descriptor;
use tagship_domain::reference::{Digest, Reference};

/// Streams an image out of an engine's classic store and pushes it by digest; gives the manifest's digest.
///
/// Layers are compressed while they are read, on all processors, and uploaded while the next ones are, unless the
/// registry has them; memory stays flat whatever their size. Those of `base` keep their own blobs; those that `cache` knows
/// and the registry has are passed over. `form` says which times are set on the way in all others, which the engine's exporter does not do.
/// When the registry or the stream breaks off, the stream is opened again and what was uploaded is passed over.
pub async fn push_archive(
    archive: &dyn ImageArchive,
    registry: &dyn WriteRepository,
    reporter: &dyn Reporter,
    form: ImageForm,
    cache: Option<&LayerCache>,
    base: Option<&BaseImage<'_>>,
) -> Result<Digest, BuildError> {
    let push = Push {
        archive,
        registry,
        reporter,
        form,
        cache,
        retry_policy: RetryPolicy::default(),
    };
    push.run(base).await
}

/// One push.
struct Push<'a> {
    archive: &'a dyn ImageArchive,
    registry: &'a dyn WriteRepository,
    reporter: &'a dyn Reporter,
    form: ImageForm,
    cache: Option<&'a LayerCache>,
    retry_policy: RetryPolicy,
}

impl Push<'_> {
    async fn run(&self, base: Option<&BaseImage<'_>>) -> Result<Digest, BuildError> {
        let mut image =
            ImageTransfer::new(self.archive.image_id(), self.archive.diff_ids()).named(self.archive.names());
        let mut of_base = match base {
            Some(base) => self.base_layers(base).await,
            None => Vec::new(),
        };
        let missing = self.know_layers(&mut image, &of_base).await?;
        let bringing = async { Ok(self.bring(base, &missing).await) };
        let (lost, mut names) = tokio::try_join!(bringing, self.fill(&mut image))?;
        if !lost.is_empty() {
            for layer in &lost {
                image.forget_layer(&layer.diff_id);
            }
            of_base.retain(|layer| !lost.contains(layer));
            names.extend(self.fill(&mut image).await?);
        }
        let manifest = image.manifest(self.registry, self.form.config_time).await?;
        let reference = Reference::Digest(manifest.digest());
        self.registry.put_manifest(&reference, &manifest).await?;
        if let Some(cache) = self.cache {
            let is_of_base =
                |(diff_id, _): &(&Digest, &Layer)| of_base.iter().any(|layer| layer.diff_id == **diff_id);
            let own = image.layers().filter(|layer| !is_of_base(layer));
            cache.add(own, self.form, &names);
            if let Some(base) = base.filter(|_| !of_base.is_empty()) {
                cache.add_base(&base.digest, &of_base);
                cache.add_originals(image.layers().filter(is_of_base));
            }
        }
        Ok(manifest.digest())
    }

    /// The layers of the base with their own blobs; none where its registry does not say.
    async fn base_layers(&self, base: &BaseImage<'_>) -> Vec<BaseLayer> {
        let diff_ids = self.archive.diff_ids();
        if let Some(known) = self
            .cache
            .and_then(|cache| cache.find_base(&base.digest, diff_ids))
        {
            return known;
        }
        match base.layers(diff_ids).await {
            Ok(layers) => layers,
            Err(error) => {
                self.note_lost_base(base, &error);
                Vec::new()
            }
        }
    }

    fn note_lost_base(&self, base: &BaseImage<'_>, error: &RegistryError) {
        let anew = match self.form.layer_time {
            None => "compressed anew",
            Some(_) => "made anew, so that the digest is another than where they are not",
        };
        let note = format!("layers of the base image `{}` are {anew}: {error}", base.image);
        self.reporter.event(RunEvent::Note(&note));
    }

    /// Notes what need not be read; gives the layers of the base that the registry lacks.
    async fn know_layers<'b>(
        &self,
        image: &mut ImageTransfer,
        of_base: &'b [BaseLayer],
    ) -> Result<Vec<&'b BaseLayer>, RegistryError> {
        let diff_ids = self.archive.diff_ids();
        let mut known = self
            .cache
            .map(|cache| cache.find(diff_ids, self.form))
            .unwrap_or_default();
        let mut asked: Vec<Digest> = known.values().map(|layer| layer.descriptor.digest).collect();
        asked.extend(of_base.iter().map(|layer| layer.blob.digest));
        // What may not be asked is sent; one that gives no answer now would give none to that either.
        let sizes = match self.registry.blob_sizes(&asked).await {
            Err(silent) if silent.is_unavailable() => return Err(silent),
            sizes => sizes.unwrap_or_default(),
        };
        let is_there = |blob: &Descriptor| sizes.get(&blob.digest) == Some(&blob.size);
        let originals = self.cache.filter(|_| !of_base.is_empty());
        let mut originals = originals
            .map(|cache| cache.originals(diff_ids))
            .unwrap_or_default();
        for layer in of_base {
            // Whatever it became when it was compressed here: what the engine has is the same.
            let compressed = known.remove(&layer.diff_id).and_then(|layer| layer.original);
            let original = originals.remove(&layer.diff_id).or(compressed);
            let (diff_id, descriptor) = (layer.diff_id, layer.blob.clone());
            image.know_layer(
                diff_id,
                Layer {
                    diff_id,
                    descriptor,
                    original,
                },
            );
        }
        for (diff_id, layer) in known {
            if is_there(&layer.descriptor) {
                image.know_layer(diff_id, layer);
            }
        }
        Ok(of_base.iter().filter(|layer| !is_there(&layer.blob)).collect())
    }

    /// Brings layers of the base from its own registry; gives those that did not come.
    async fn bring(&self, base: Option<&BaseImage<'_>>, missing: &[&BaseLayer]) -> Vec<BaseLayer> {
        let Some(base) = base.filter(|_| !missing.is_empty()) else {
            return Vec::new();
        };
        let bringing = missing.iter().map(|layer| async {
            let brought = base.bring(layer, self.registry, self.reporter).await;
            brought.err().map(|error| {
                self.note_lost_base(base, &error);
                BaseLayer::clone(layer)
            })
        });
        // A list, because a stream over the iterator itself could not be sent between threads.
        stream::iter(bringing.collect::<Vec<_>>())
            .buffer_unordered(MAX_UPLOADS)
            .filter_map(std::future::ready)
            .collect()
            .await
    }

    /// Takes out of the engine what is missing, again and again while that gets on. Gives what the engine calls layers.
    async fn fill(&self, image: &mut ImageTransfer) -> Result<HashMap<Digest, Digest>, BuildError> {
        let mut names = HashMap::new();
        let Self {
            archive,
            registry,
            reporter,
            form,
            retry_policy,
            ..
        } = *self;
        if let Some(engine) = handover::if_worth_it(archive, image) {
            let known = self
                .cache
                .map(|cache| cache.engines_names(archive.diff_ids()))
                .unwrap_or_default();
            let stall = retry_policy.stall;
            match handover::run(engine, image, registry, reporter, form, known, stall).await {
                Ok(learned) => names = learned,
                // The registry, which an export would find silent again.
                Err(Failure::Push(silent)) if silent.is_unavailable() && !silent.is_transient() => {
                    return Err(silent.into());
                }
                // The export says what is really wrong, if anything is.
                Err(error) => {
                    tracing::debug!(%error, "the engine does not push here, so the image is exported");
                }
            }
        }
        let mut tries = retry_policy.tries();
        while !image.is_complete() {
            tries.begin();
            let had = image.parts();
            let mut reading = Reading {
                image: &mut *image,
                registry,
                reporter,
                form,
            };
            let failure = match reading.run(archive).await {
                Ok(()) => break,
                Err(failure) => failure,
            };
            if image.parts() > had {
                tries.got_on();
            }
            let pause = if failure.is_transient() {
                tries.pause()
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
        Ok(names)
    }
}

#[cfg(test)]
mod tests;
