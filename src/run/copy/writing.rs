//! What a copy writes.

use indicatif::HumanBytes;
use oci_registry::{CopyPlan, CopyReport, ImageTree, copy as copy_image, verify_copy};

use super::ImageResult;
use crate::ports::{Reporter, RunEvent, WriteRepository as _};
use crate::run::RunError;
use crate::run::opened::Opened;
use tagship_domain::content::Manifest;
use tagship_domain::reference::{Reference, RepositoryName};

/// What a copy is written with. A dry run has none.
#[derive(Clone, Copy)]
pub(super) struct CopyWriter<'a> {
    pub(super) target: &'a Opened,
    pub(super) reporter: &'a dyn Reporter,
}

impl CopyWriter<'_> {
    /// Copies what a plan says, and reads it back.
    pub(super) async fn copy(
        self,
        plan: &CopyPlan,
        tree: &ImageTree,
        source: &Opened,
        mount: Option<&RepositoryName>,
    ) -> Result<(), RunError> {
        let repository = &self.target.repository;
        let CopyReport { .. } = copy_image(plan, &source.repository, repository, mount).await?;
        Ok(verify_copy(tree, repository).await?)
    }

    /// Puts the tag of an image that is there whole.
    pub(super) async fn tag(self, manifest: &Manifest, result: &ImageResult) -> Result<(), RunError> {
        let image = &self.target.image;
        if let Some(tag) = result.tag.as_ref().filter(|_| result.action.is_put()) {
            let reference = Reference::Tag(tag.clone());
            self.target.repository.put_manifest(&reference, manifest).await?;
        }
        let name = result
            .tag
            .as_ref()
            .map_or_else(|| image.at(result.digest), |tag| image.at(tag.clone()));
        let sent = HumanBytes(result.bytes);
        self.reporter.event(RunEvent::Note(&format!(
            "{name}: {} ({sent})",
            result.action.name()
        )));
        Ok(())
    }
}
