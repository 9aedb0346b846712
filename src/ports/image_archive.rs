//! An image in an engine's classic store, and the repositories that its base comes from.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use secrecy::SecretString;
use tokio::io::AsyncRead;

use super::{BuildError, ReadWhole, RegistryError};
use tagship_domain::reference::{Digest, ImageName};

/// An image that an engine's classic store holds, to be taken out of it.
#[async_trait]
pub trait ImageArchive: Send + Sync {
    /// The image's config digest, which such an engine calls the image id.
    fn image_id(&self) -> Digest;

    /// The digests of the uncompressed layers, base first.
    fn diff_ids(&self) -> &[Digest];

    /// Opens a new stream of the image in the form of `docker save`: a tar archive, in either of the layouts that
    /// engines give (`<id>/layer.tar` with `<image id>.json`, or `blobs/sha256/<hex>`), uncompressed layers.
    async fn open(&self) -> Result<Box<dyn AsyncRead + Send + Unpin>, BuildError>;

    /// Returns what the archive's files are called, where a list in it says so. Each tool has names of its own, and layers of
    /// such an archive may be compressed with gzip.
    fn names(&self) -> Option<&ArchiveNames> {
        None
    }

    /// Returns the same image if its engine can be made to push it to a registry on this machine's loopback.
    fn pushable(&self) -> Option<&dyn PushableImage> {
        None
    }
}

/// What the files of one image are called in an archive. Source: Docker Image Specification v1.2, `manifest.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveNames {
    /// The config.
    pub config: String,
    /// The layers, with the digests that they have uncompressed.
    pub layers: BTreeMap<String, Digest>,
}

/// An image that its engine can be made to push.
#[async_trait]
pub trait PushableImage: Send + Sync {
    /// The layers' size together, uncompressed, in bytes.
    fn size(&self) -> u64;

    /// Makes the engine ask `registry` for an image that it does not have. What the engine says of it does not matter.
    async fn contact(&self, registry: &LoopbackRegistry);

    /// Makes the engine push the image to `registry`, and gives the image's config to `take_config` meanwhile, if the engine
    /// has a way to say it. Dropping the future ends the push.
    async fn push(
        &self,
        registry: &LoopbackRegistry,
        take_config: &(dyn Fn(Bytes) + Send + Sync),
    ) -> Result<(), BuildError>;
}

/// A registry on the loopback, to which an engine can push what it holds.
#[derive(Debug)]
pub struct LoopbackRegistry {
    /// Its repository, such as `127.0.0.1:28217/tagship`.
    pub repository: String,
    /// The tag to push.
    pub tag: String,
    /// The user.
    pub username: &'static str,
    /// The password.
    pub password: SecretString,
}

/// Opens the repositories that base images come from.
pub trait OpenBase: Send + Sync {
    /// Returns a reader of a repository in any registry. Nothing is asked of the registry yet.
    fn open(&self, image: &ImageName) -> Result<Arc<dyn ReadWhole>, RegistryError>;
}
