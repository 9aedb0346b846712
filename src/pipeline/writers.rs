//! What a run writes with.

use std::path::Path;

use super::repositories::PutRepository;
use super::targets::FurtherTargets;
use crate::ports::{Builder, Clock, ReleasePlace, SignImage, StartScans, TryImage, WriteRepository};

/// What a run writes with. A dry run has none.
#[derive(Clone, Copy)]
pub struct Writers<'a> {
    /// The repository.
    pub registry: &'a dyn WriteRepository,
    /// The further repositories.
    pub targets: FurtherTargets<'a>,
    /// The builder.
    pub builder: &'a dyn Builder,
    /// What runs commands in images that were pushed.
    pub tester: &'a dyn TryImage,
    /// Scans of the repository's images.
    pub scans: &'a dyn StartScans,
    /// The time, by which scans are waited for.
    pub clock: &'a dyn Clock,
    /// The Dockerfile's path in the checkout, which findings are shown at.
    pub dockerfile: &'a Path,
    /// The repository, where the plan makes it.
    pub put: Option<PutRepository<'a>>,
    /// What signs the image in its first repository, where the plan has a signature.
    pub signer: Option<&'a dyn SignImage>,
    /// Where the version is released, where the plan has a release.
    pub forge: Option<ReleasePlace<'a>>,
}

impl std::fmt::Debug for Writers<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writers").finish_non_exhaustive()
    }
}
