//! What a copy writes.

use indicatif::HumanBytes;
use oci_registry::{CopyPlan, CopyReport, ImageTree, copy as copy_image, verify_copy};

use super::ImageResult;
use super::place::OpenedPlace;
use crate::ports::{Reporter, RunEvent};
use crate::run::RunError;
use tagship_domain::content::Manifest;
use tagship_domain::reference::{Reference, RepositoryName};

/// What a copy is written with. A dry run has none.
#[derive(Clone, Copy)]
pub(super) struct CopyWriter<'a> {
    pub(super) target: &'a OpenedPlace,
    pub(super) reporter: &'a dyn Reporter,
}

impl CopyWriter<'_> {
    /// Copies what a plan says, and reads it back.
    pub(super) async fn copy(
        self,
        plan: &CopyPlan,
        tree: &ImageTree,
        source: &OpenedPlace,
        mount: Option<&RepositoryName>,
    ) -> Result<(), RunError> {
        let target = self.target.writer();
        let CopyReport { .. } = copy_image(plan, source.reader(), target, mount).await?;
        Ok(verify_copy(tree, target).await?)
    }

    /// Puts the tag of an image that is there whole.
    pub(super) async fn tag(self, manifest: &Manifest, result: &ImageResult) -> Result<(), RunError> {
        let place = self.target.name();
        if let Some(tag) = result.tag.as_ref().filter(|_| result.action.is_put()) {
            let reference = Reference::Tag(tag.clone());
            self.target.writer().put_manifest(&reference, manifest).await?;
        } else if result.tag.is_none() {
            self.target.list_untagged(manifest)?;
        }
        let name = result
            .tag
            .as_ref()
            .map_or_else(|| place.at(result.digest), |tag| place.at(tag.clone()));
        let sent = HumanBytes(result.bytes);
        self.reporter.event(RunEvent::Note(&format!(
            "{name}: {} ({sent})",
            result.action.name()
        )));
        Ok(())
    }
}
