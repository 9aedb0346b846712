//! Further repositories: the image that was verified in the first one is copied to each, and read back there, before any
//! tag is put; their tags come after those of the first.

use std::fmt;

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt as _};
use oci_registry::{CopyPlan, ImageTree, ReadWhole, copy, verify_copy};

use super::error::TargetsFailed;
use super::tagging::{TagOrder, put_tags};
use super::{Ledger, PipelineError};
use crate::ports::{ReadHistory, RegistryError, Reporter, RunEvent, SignImage, Stage, WriteRepository};
use tagship_domain::content::{Descriptor, Manifest};
use tagship_domain::plan::{Content, Plan, TargetPlan};
use tagship_domain::reference::ImageName;
use tagship_domain::tags::DesiredTag;

/// How many repositories are copied to at a time; each copy sends several blobs at once.
const MAX_COPIES: usize = 4;

/// What further repositories are written with.
#[derive(Clone, Copy)]
pub struct FurtherTargets<'a> {
    /// The first repository, which is copied from.
    pub source: &'a dyn ReadWhole,
    /// The further ones, in the plan's order.
    pub repositories: &'a [&'a dyn WriteRepository],
    /// What signs the image in each, where the plan has a signature.
    pub signers: &'a [Box<dyn SignImage>],
}

/// One repository with its plan and its number in it.
#[derive(Clone, Copy)]
struct FurtherTarget<'a> {
    number: usize,
    plan: &'a TargetPlan,
    repository: &'a dyn WriteRepository,
}

impl<'a> FurtherTargets<'a> {
    /// Those that lack a tag; all where the image is new.
    fn open(self, plan: &'a Plan) -> Vec<FurtherTarget<'a>> {
        let is_new = !matches!(plan.content, Content::Published { .. });
        let pairs = plan.targets.iter().zip(self.repositories).enumerate();
        let targets = pairs.map(|(number, (plan, repository))| FurtherTarget {
            number,
            plan,
            repository: *repository,
        });
        targets
            .filter(|target| is_new || !target.plan.is_fulfilled())
            .collect()
    }

    /// Finds out, before anything is built, whether each may be pushed to.
    pub(super) async fn check_push(self, plan: &Plan) -> Result<(), PipelineError> {
        let targets = self.open(plan).into_iter().map(async |target| {
            let checked = target.repository.check_push().await;
            checked.map_err(|error| PipelineError::from(error).of_target(&target.plan.image))
        });
        join_all(targets).await.into_iter().collect()
    }

    /// Copies the image to each, and reads it back. One that fails stops no other, so that a re-run has less to do.
    pub(super) async fn copy(
        self,
        plan: &Plan,
        manifest: &Manifest,
        reporter: &dyn Reporter,
        ledger: &Ledger,
    ) -> Result<(), PipelineError> {
        let open = self.open(plan);
        if open.is_empty() {
            return Ok(());
        }
        ledger.enter(Stage::Copy, reporter);
        let tree = ImageTree::read(manifest.clone(), self.source).await?;
        let copies = open.into_iter().map(|target| {
            let tree = &tree;
            async move {
                let copied = target.copy(tree, self.source, &plan.image, reporter).await;
                if let Ok(bytes) = copied {
                    ledger.copied(target.number, bytes);
                }
                copied.err().map(|error| (target.number, error.into()))
            }
        });
        let copies: Vec<_> = copies.collect();
        let failures = stream::iter(copies)
            .buffer_unordered(MAX_COPIES)
            .filter_map(async |failure| failure)
            .collect()
            .await;
        TargetsFailed::check(failures, ledger.report().targets)
    }

    /// Puts the tags of each, in the plan's order. One that fails stops no other.
    pub(super) async fn tag(
        self,
        plan: &Plan,
        manifest: &Manifest,
        history: &dyn ReadHistory,
        ledger: &Ledger,
    ) -> Result<(), PipelineError> {
        let mut failures = Vec::new();
        for target in self.open(plan) {
            let order = TagOrder {
                image: &target.plan.image,
                mutability: target.plan.mutability.as_ref(),
                candidate: plan.candidate(Some(manifest.digest())),
                is_promotion: false,
            };
            let tags: Vec<&DesiredTag> = target.plan.tags.iter().map(|tag| &tag.wanted).collect();
            let entries = ledger.tags_of(target.number);
            let put = put_tags(order, &tags, manifest, None, target.repository, history, entries);
            match put.await {
                Ok(()) => ledger.tagged(target.number),
                Err(error) => failures.push((target.number, error)),
            }
        }
        TargetsFailed::check(failures, ledger.report().targets)
    }
}

impl fmt::Debug for FurtherTargets<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FurtherTargets").finish_non_exhaustive()
    }
}

impl FurtherTarget<'_> {
    /// Copies what the repository lacks, and reads the whole back; gives how many bytes of blobs were sent.
    async fn copy(
        self,
        tree: &ImageTree,
        source: &dyn ReadWhole,
        from: &ImageName,
        reporter: &dyn Reporter,
    ) -> Result<u64, RegistryError> {
        let plan = CopyPlan::new(tree, self.repository).await?;
        let mount = (self.plan.image.registry == from.registry).then_some(&from.repository);
        let progress = blob_progress(reporter, &self.plan.image);
        let report = copy(&plan, source, self.repository, mount, &progress).await?;
        if !plan.is_empty() {
            verify_copy(tree, self.repository).await?;
        }
        Ok(report.bytes)
    }
}

/// Returns what hears of the blobs that are copied to `target`, and reports them. A copy goes on about whole images, so the end of
/// a blob is worth no line.
pub fn blob_progress(
    reporter: &dyn Reporter,
    target: impl fmt::Display + Send + Sync,
) -> impl Fn(&Descriptor, u64) + Send + Sync {
    move |blob, current| {
        let what = format!("{} to {target}", blob.digest.short());
        let what = what.as_str();
        if current < blob.size {
            let total = Some(blob.size);
            reporter.event(RunEvent::Progress { what, current, total });
        } else {
            reporter.event(RunEvent::Moved { what });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use secrecy::SecretString;
    use tagship_domain::reference::Digest;

    use super::*;

    #[derive(Default)]
    struct Heard(Mutex<Vec<String>>);

    impl Reporter for Heard {
        fn mask(&self, _: &SecretString) {}

        fn event(&self, event: RunEvent<'_>) {
            self.0.lock().unwrap().push(format!("{event:?}"));
        }
    }

    #[test]
    fn a_blob_moves_and_is_whole_under_the_name_of_its_target() {
        let heard = Heard::default();
        let blob = Descriptor::new("application/octet-stream", Digest::of(b"blob"), 4);
        let progress = blob_progress(&heard, "ghcr.io/o/app");
        progress(&blob, 3);
        progress(&blob, 4);
        // The beginning of what `printf blob | sha256sum` says.
        let what = "fa2c8cc4f28176bbeed4b736df569a34c79cd3723e9ec42f9674b4d46ac6b8b8";
        let what = format!("sha256:{} to ghcr.io/o/app", &what[..12]);
        assert_eq!(
            *heard.0.lock().unwrap(),
            [
                format!("Progress {{ what: {what:?}, current: 3, total: Some(4) }}"),
                format!("Moved {{ what: {what:?} }}"),
            ]
        );
    }
}
