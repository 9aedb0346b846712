//! Copies an image from one repository to another, byte for byte and without a disk.
//!
//! 1. Plan: read what the image is made of, and ask the target once which of it it has.
//! 2. Send what is missing, several blobs at a time: mounted where the registry is the same, else streamed, and hashed once
//!    on the way, by the upload: the last bytes of a blob leave only when its digest is right.
//! 3. Put the manifests by digest, children first. No tag is put: that is the caller's, after [`verify_copy`].
//!
//! A copy that was broken off is repeated, and sends what is still missing.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use tokio::sync::watch;

use super::error::RegistryError;
use super::http::MAX_PARALLEL;
use super::repository::{BlobStream, ReadRepository, ReadWhole, WriteRepository};
use super::retry_policy::RetryPolicy;
use super::tree::ImageTree;
use tagship_domain::content::{Descriptor, Manifest};
use tagship_domain::reference::{Digest, Reference, RepositoryName};

/// What a target lacks of an image.
#[derive(Debug, Clone)]
pub struct CopyPlan {
    /// The manifest or index that is copied.
    pub root: Digest,
    /// The manifests that are put, children before those that name them.
    pub manifests: Vec<Manifest>,
    /// The blobs that are sent.
    pub blobs: Vec<Descriptor>,
    /// How many blobs the target has already.
    pub present: usize,
}

/// What a copy did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CopyReport {
    /// How many bytes of blobs were sent.
    pub bytes: u64,
    /// How many blobs were sent.
    pub sent: usize,
    /// How many blobs the registry took from another of its repositories.
    pub mounted: usize,
}

impl CopyPlan {
    /// Plans the copy of a whole tree. Reads only.
    pub async fn new(tree: &ImageTree, target: &dyn ReadRepository) -> Result<Self, RegistryError> {
        let named = tree.blobs();
        let digests: Vec<Digest> = named.keys().copied().collect();
        let sizes = target.blob_sizes(&digests).await?;
        let blobs: Vec<Descriptor> = named
            .values()
            .filter(|blob| sizes.get(&blob.digest) != Some(&blob.size))
            .map(|blob| (*blob).clone())
            .collect();
        // Lists, because streams over the iterators themselves could not be sent between threads.
        let nodes: Vec<Manifest> = tree
            .children_first()
            .into_iter()
            .map(|node| node.manifest.clone())
            .collect();
        let manifests = stream::iter(nodes)
            .map(|manifest| async move {
                let found = target.manifest(&manifest.digest()).await?;
                Ok::<_, RegistryError>(found.is_none().then_some(manifest))
            })
            .buffered(MAX_PARALLEL)
            .try_filter_map(|missing| async move { Ok(missing) })
            .try_collect()
            .await?;
        Ok(Self {
            root: tree.root().digest(),
            manifests,
            present: named.len() - blobs.len(),
            blobs,
        })
    }

    /// Plans the copy to a repository that has nothing yet.
    pub fn of_all(tree: &ImageTree) -> Self {
        let nodes = tree.children_first().into_iter();
        Self {
            root: tree.root().digest(),
            manifests: nodes.map(|node| node.manifest.clone()).collect(),
            blobs: tree.blobs().into_values().cloned().collect(),
            present: 0,
        }
    }

    /// Returns the bytes of the blobs that are sent.
    pub fn bytes(&self) -> u64 {
        self.blobs.iter().map(|blob| blob.size).sum()
    }

    /// Whether the target has everything.
    pub fn is_empty(&self) -> bool {
        self.manifests.is_empty() && self.blobs.is_empty()
    }
}

/// Hears how many bytes of a blob have moved; the whole only when the target has confirmed it. One that is sent again begins
/// anew.
pub type BlobProgress<'a> = &'a (dyn Fn(&Descriptor, u64) + Send + Sync);

/// Does what a plan says. Blobs are mounted from `mount`, a repository of the target's registry, where that works; of those that
/// are sent `progress` hears.
pub async fn copy(
    plan: &CopyPlan,
    source: &dyn ReadWhole,
    target: &dyn WriteRepository,
    mount: Option<&RepositoryName>,
    progress: BlobProgress<'_>,
) -> Result<CopyReport, RegistryError> {
    let copying = Copying {
        source,
        target,
        mount,
        progress,
        mounts: AtomicBool::new(true),
        bytes: AtomicU64::new(0),
        sent: AtomicUsize::new(0),
        mounted: AtomicUsize::new(0),
    };
    // The largest begin first, so that none is left for the end alone.
    let mut blobs: Vec<&Descriptor> = plan.blobs.iter().collect();
    blobs.sort_by_key(|blob| std::cmp::Reverse(blob.size));
    let sending: Vec<_> = blobs.into_iter().map(|blob| copying.blob(blob)).collect();
    stream::iter(sending)
        .buffer_unordered(MAX_PARALLEL)
        .try_collect::<()>()
        .await?;
    for manifest in &plan.manifests {
        let reference = Reference::Digest(manifest.digest());
        target.put_manifest(&reference, manifest).await?;
    }
    Ok(CopyReport {
        bytes: copying.bytes.into_inner(),
        sent: copying.sent.into_inner(),
        mounted: copying.mounted.into_inner(),
    })
}

/// Reads a copy back: every manifest byte for byte, every blob by its size.
pub async fn verify_copy(tree: &ImageTree, target: &dyn ReadRepository) -> Result<(), RegistryError> {
    let left = CopyPlan::new(tree, target).await?;
    let manifests = left.manifests.iter().map(Manifest::digest);
    match manifests.chain(left.blobs.iter().map(|blob| blob.digest)).next() {
        Some(digest) => Err(RegistryError::ContentMissing { digest }),
        None => Ok(()),
    }
}

struct Copying<'a> {
    source: &'a dyn ReadWhole,
    target: &'a dyn WriteRepository,
    mount: Option<&'a RepositoryName>,
    progress: BlobProgress<'a>,
    /// Whether the registry has mounted all that it was asked to.
    mounts: AtomicBool,
    bytes: AtomicU64,
    sent: AtomicUsize,
    mounted: AtomicUsize,
}

impl Copying<'_> {
    async fn blob(&self, blob: &Descriptor) -> Result<(), RegistryError> {
        if let Some(from) = self.mount.filter(|_| self.mounts.load(Ordering::Relaxed)) {
            if self.target.mount(&blob.digest, from).await? {
                self.mounted.fetch_add(1, Ordering::Relaxed);
                return Ok(());
            }
            self.mounts.store(false, Ordering::Relaxed);
        }
        let is_worth_it =
            |error: &RegistryError| error.is_transient() || matches!(error, RegistryError::Source(_));
        RetryPolicy::DEFAULT
            .repeat(|| self.stream(blob), is_worth_it)
            .await?;
        self.bytes.fetch_add(blob.size, Ordering::Relaxed);
        self.sent.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn stream(&self, blob: &Descriptor) -> Result<(), RegistryError> {
        let content = self.source.open(blob).await?;
        let progress = |moved| (self.progress)(blob, moved);
        upload_watched(self.target, &blob.digest, blob.size, content, progress).await
    }
}

/// Uploads a blob as [`WriteRepository::upload`] does, and gives `progress` the bytes that have moved; the whole only when the
/// registry has confirmed it.
pub async fn upload_watched(
    registry: &dyn WriteRepository,
    digest: &Digest,
    size: u64,
    content: BlobStream,
    progress: impl Fn(u64) + Send + Sync,
) -> Result<(), RegistryError> {
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
                    progress(current);
                }
            }
        }
    };
    sent.inspect(|()| progress(size))
}

#[cfg(test)]
mod tests;
