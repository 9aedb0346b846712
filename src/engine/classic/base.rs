//! A base image's layers keep the blobs that their own registry has.
//!
//! 1. The manifest that the engine resolved, read by its digest, names the blobs; its config names the layers.
//! 2. They must be the first layers of the image that was built: then each has a blob.
//! 3. A blob that the target lacks is mounted, or copied. On its way it is unpacked: a blob that holds another layer than
//!    the engine has does not come to its end.

use futures_util::StreamExt as _;
use serde::Deserialize;

use super::passing::unpacked_as;
use super::sending;
use crate::ports::{OpenBase, ReadWhole, RegistryError, Reporter, WriteRepository};
use tagship_domain::content::{Content, Descriptor, Manifest, OCI_LAYER_GZIP, OCI_LAYER_TAR, Platform};
use tagship_domain::reference::{Digest, ImageName, RegistryHost};

/// The image that a build began with, by the digest that the engine resolved.
pub struct BaseImage<'a> {
    /// Its repository.
    pub image: ImageName,
    /// The digest of its manifest or index.
    pub digest: Digest,
    /// The platform that was built for, if it is known.
    pub platform: Option<Platform>,
    /// What opens its repository.
    pub registries: &'a dyn OpenBase,
    /// The registry that the image goes to.
    pub target: RegistryHost,
}

/// A layer of a base image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BaseLayer {
    pub(super) diff_id: Digest,
    /// Its blob, in OCI's words.
    pub(super) blob: Descriptor,
}

#[derive(Deserialize)]
struct Config {
    rootfs: RootFs,
}

#[derive(Deserialize)]
struct RootFs {
    diff_ids: Vec<Digest>,
}

impl BaseImage<'_> {
    /// Asks the base's registry for the blobs of the first of `diff_ids`, which are those of the image that was built.
    ///
    /// Layers in a form that this tool does not write are left out.
    pub(super) async fn layers(&self, diff_ids: &[Digest]) -> Result<Vec<BaseLayer>, RegistryError> {
        let source = self.registries.open(&self.image)?;
        let mut manifest = self.manifest(&*source, self.digest).await?;
        let image = loop {
            match manifest.content()? {
                Content::Image(image) => break image,
                Content::Index(_) if manifest.digest() != self.digest => {
                    return Err(mismatch(manifest.digest(), "an index within an index"));
                }
                Content::Index(index) => {
                    let is_it = |entry: &&Descriptor| {
                        let platforms = entry.platform.as_ref().zip(self.platform.as_ref());
                        !entry.is_about_another()
                            && platforms.is_some_and(|(has, wanted)| has.is_same(wanted))
                    };
                    let entry = index.manifests.iter().find(is_it);
                    let entry =
                        entry.ok_or_else(|| mismatch(self.digest, "an index without this platform"))?;
                    manifest = self.manifest(&*source, entry.digest).await?;
                }
            }
        };
        let config = source.blob(&image.config).await?;
        let config: Config = serde_json::from_slice(&config)
            .map_err(|_no_config| mismatch(image.config.digest, "a config that names no layers"))?;
        let own = config.rootfs.diff_ids;
        if own.len() != image.layers.len() || !diff_ids.starts_with(&own) {
            return Err(mismatch(
                self.digest,
                "other layers than those of the image that was built",
            ));
        }
        let layers = own.into_iter().zip(image.layers);
        let known = layers.filter_map(|(diff_id, blob)| {
            let form = layer_type(&blob.media_type)?;
            let blob = Descriptor::new(form, blob.digest, blob.size);
            // Of what is not compressed both digests are of the same bytes.
            (form != OCI_LAYER_TAR || blob.digest == diff_id).then_some(BaseLayer { diff_id, blob })
        });
        Ok(known.collect())
    }

    async fn manifest(&self, source: &dyn ReadWhole, digest: Digest) -> Result<Manifest, RegistryError> {
        let missing = RegistryError::ContentMissing { digest };
        let manifest = source.manifest(&digest).await?.ok_or(missing)?;
        if manifest.digest() != digest {
            return Err(mismatch(digest, &manifest.digest().to_string()));
        }
        Ok(manifest)
    }

    /// Brings a layer's blob from the base's repository.
    pub(super) async fn bring(
        &self,
        layer: &BaseLayer,
        registry: &dyn WriteRepository,
        reporter: &dyn Reporter,
    ) -> Result<(), RegistryError> {
        let digest = &layer.blob.digest;
        if self.image.registry == self.target && registry.mount(digest, &self.image.repository).await? {
            return Ok(());
        }
        let source = self.registries.open(&self.image)?;
        match self.send(layer, &*source, registry, reporter).await {
            // Once more: to compress it anew takes longer.
            Err(error) if error.is_transient() || matches!(error, RegistryError::Source(_)) => {
                self.send(layer, &*source, registry, reporter).await
            }
            sent => sent,
        }
    }

    async fn send(
        &self,
        layer: &BaseLayer,
        source: &dyn ReadWhole,
        registry: &dyn WriteRepository,
        reporter: &dyn Reporter,
    ) -> Result<(), RegistryError> {
        let content = source.open(&layer.blob).await?;
        let content = if layer.blob.media_type == OCI_LAYER_GZIP {
            unpacked_as(content, layer.diff_id).boxed()
        } else {
            content
        };
        let blob = (&layer.blob.digest, layer.blob.size);
        sending::send(registry, blob, content, reporter).await
    }
}

/// OCI's word for a layer's form; `None` for one that this tool does not write. Source: OCI image spec, "Image Layer
/// Filesystem Changeset"; Docker's image manifest, schema 2, "Media Types".
fn layer_type(media_type: &str) -> Option<&'static str> {
    match media_type {
        OCI_LAYER_GZIP | "application/vnd.docker.image.rootfs.diff.tar.gzip" => Some(OCI_LAYER_GZIP),
        OCI_LAYER_TAR | "application/vnd.docker.image.rootfs.diff.tar" => Some(OCI_LAYER_TAR),
        _ => None,
    }
}

fn mismatch(expected: Digest, found: &str) -> RegistryError {
    RegistryError::ContentMismatch {
        expected,
        found: found.to_owned(),
    }
}

impl std::fmt::Debug for BaseImage<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BaseImage({}@{})", self.image, self.digest)
    }
}
