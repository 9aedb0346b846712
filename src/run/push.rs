//! `tagship push`: an image or artifact that is there already goes through the same transaction as one that `ship` builds.
//!
//! 1. Read the source, and of the repository its setting, the tags and what they point to.
//! 2. Plan: the same decisions as `ship`; all conflicts are found before anything is written.
//! 3. Push by digest what the repository lacks, and read it back.
//! 4. Wait for the gate, if there is one.
//! 5. Put the tags. A second run finds nothing to do.

mod chosen;
mod content;
mod error;
mod file;
mod packed;
mod report;

use std::path::PathBuf;
use std::sync::Arc;

use oci_registry::{CopyPlan, ImageTree, copy, verify_copy, verify_manifest};

use self::content::{PushContent, PushForm};
pub use self::error::PushError;
use self::report::{PushReport, PushStatus};
use super::gate::gate_plan;
use super::history::History;
use super::opened::Opened;
use super::promote::{desired, refuse_other_commits};
use super::repositories::RepositoriesError;
use super::scan::{JudgedImage, require_scan};
use super::{Outcome, RunError};
use crate::engine::{ImageForm, LayerCache, push_archive};
use crate::pipeline::{
    Ledger, PipelineError, PlannedRepository, blob_progress, gather_copy, gather_missing, put_promoted,
};
use crate::ports::{ReadRepository as _, RegistryError, Reporter, RunEvent, WriteRepository as _};
use crate::settings::{
    EngineSettings, GateSettings, GithubSettings, LayoutPlace, LoginSettings, RepositoryPlace,
};
use tagship_domain::content::{Content, Manifest, Platform};
use tagship_domain::immutability::Mutability;
use tagship_domain::plan::{PromotionPlan, PromotionRequest};
use tagship_domain::reference::{Digest, Reference, Tag};
use tagship_domain::repositories::RepositoryCreation;
use tagship_domain::tags::DesiredTag;

/// What is pushed, and where to.
#[derive(Debug, Clone)]
pub struct PushRequest {
    /// What is pushed.
    pub source: PushSource,
    /// The source as the user names it.
    pub name: String,
    /// The repository that gets it.
    pub target: RepositoryPlace,
    /// The tags, as rules; those that the source has when empty.
    pub tags: String,
    /// The one platform that is pushed, of images that have several.
    pub platform: Option<Platform>,
    /// What it must pass before it gets a tag.
    pub gate: Option<GateSettings>,
    /// Whether tags may go back to it from a later image.
    pub is_rollback: bool,
    /// Who makes a repository that is missing; in ECR only.
    pub create_repository: RepositoryCreation,
    /// Whether to stop after the plan.
    pub dry_run: bool,
    /// The engine, if the source is there.
    pub engine: EngineSettings,
    /// Logins of registries that are not ECR's.
    pub logins: LoginSettings,
    /// Where git is read, if an order of tags hangs on it; absolute.
    pub workspace: PathBuf,
    /// For GitHub's API.
    pub github: GithubSettings,
}

/// What is pushed.
#[derive(Debug, Clone)]
pub enum PushSource {
    /// An image of an engine, by its name or id.
    Engine {
        /// The name.
        image: String,
        /// The tag in it.
        tag: Option<Tag>,
    },
    /// An image of a layout, or of an archive that `docker save` wrote.
    Layout {
        /// The layout.
        place: LayoutPlace,
        /// The image in it; the only one when absent.
        reference: Option<Reference>,
        /// The name that it was saved under, if that is how it is named.
        image: Option<String>,
    },
    /// A file that becomes an artifact; absolute.
    Artifact(PathBuf),
}

/// Pushes what is there.
pub async fn push(request: &PushRequest, reporter: Arc<dyn Reporter>) -> Result<Outcome, RunError> {
    let content = PushContent::open(request).await?;
    let target = Opened::open(&request.target, &request.logins, Arc::clone(&reporter)).await?;
    let report = Box::pin(push_to(request, &content, &target, reporter)).await;
    target.close().await;
    let report = report?;
    Ok(Outcome {
        text: report.text(),
        json: serde_json::json!(report),
        ..Outcome::default()
    })
}

async fn push_to(
    request: &PushRequest,
    content: &PushContent,
    target: &Opened,
    reporter: Arc<dyn Reporter>,
) -> Result<PushReport, RunError> {
    content.check_target(&target.image)?;
    let tags = wanted(request, content)?;
    let history = History::optional_at(&request.workspace, &request.github, Arc::clone(&reporter));
    let made = target.to_make(request.create_repository).await?;
    if let Some(made) = made.as_ref().filter(|_| !request.dry_run) {
        target.make(made, &*reporter).await?;
    }
    let missing = made.as_ref().filter(|_| request.dry_run);
    let (promotion, plan) = plan(content, request, target, &tags, &history, missing).await?;
    let mut report = PushReport::planned(request, content, &plan, made.as_ref());
    if let Some(conflicts) = plan.conflicts() {
        return Err(conflicts.into());
    }
    if let Some(held) = plan.set_backs() {
        return Err(held.into());
    }
    for note in plan.notes() {
        reporter.event(RunEvent::Note(&note.to_string()));
    }
    if request.dry_run {
        if missing.is_none() {
            report.bytes = content.missing(&target.repository).await?;
        }
        return Ok(report);
    }
    let push = Push {
        request,
        content,
        target,
        reporter: &*reporter,
    };
    push.run(promotion, &plan, &history, &mut report).await?;
    Ok(report)
}

/// The tags that are wanted: those of the rules, else those that the source has.
fn wanted(request: &PushRequest, content: &PushContent) -> Result<Vec<DesiredTag>, RunError> {
    let rules = if request.tags.is_empty() {
        let tags: Vec<String> = content.tags.iter().map(ToString::to_string).collect();
        tags.join("\n")
    } else {
        request.tags.clone()
    };
    if rules.is_empty() {
        return Err(PushError::NoTag(request.name.clone()).into());
    }
    desired(&rules, &content.facts, content.revision().as_ref())
}

async fn plan(
    content: &PushContent,
    request: &PushRequest,
    target: &Opened,
    tags: &[DesiredTag],
    history: &History,
    missing: Option<&PlannedRepository>,
) -> Result<(PromotionRequest, PromotionPlan), RunError> {
    refuse_other_commits(&target.image, tags, &content.facts)?;
    let mut promotion = PromotionRequest {
        digest: content.digest(),
        revision: content.revision(),
        facts: content.facts.clone(),
        to: target.image.clone(),
        tags: tags.to_vec(),
        is_rollback: request.is_rollback,
    };
    if let Some(missing) = missing {
        // There is nothing that a tag could hang on but the setting that the repository is made with.
        let mutability = missing.declared.settings.mutability.clone();
        let mutability = mutability.unwrap_or(Mutability::Mutable);
        let candidate = promotion.candidate();
        let facts = gather_missing(mutability, &target.repository, history, tags, candidate).await?;
        let plan = promotion.plan(&facts);
        return Ok((promotion, plan));
    }
    if let PushForm::Uncompressed(archive) = &content.form {
        // It has no digest before its layers are compressed; an image with its config is the same.
        let names: Vec<Tag> = tags.iter().map(|wanted| wanted.tag.clone()).collect();
        let found = target.repository.resolve(&names).await?;
        promotion.digest = found
            .values()
            .find(|manifest| is_of_config(manifest, archive.image_id()))
            .map(Manifest::digest);
    }
    let candidate = promotion.candidate();
    let facts = gather_copy(&target.repository, history, tags, candidate).await?;
    let plan = promotion.plan(&facts);
    Ok((promotion, plan))
}

fn is_of_config(manifest: &Manifest, config: Digest) -> bool {
    matches!(manifest.content(), Ok(Content::Image(image)) if image.config.digest == config)
}

/// One push that writes.
struct Push<'a> {
    request: &'a PushRequest,
    content: &'a PushContent,
    target: &'a Opened,
    reporter: &'a dyn Reporter,
}

impl Push<'_> {
    async fn run(
        &self,
        mut promotion: PromotionRequest,
        plan: &PromotionPlan,
        history: &History,
        report: &mut PushReport,
    ) -> Result<(), RunError> {
        if plan.is_fulfilled() {
            report.status = PushStatus::AlreadyPushed;
            report.digest = promotion.digest;
            report.bytes = Some(0);
            return Ok(());
        }
        self.check_gate().await?;
        let registry = &self.target.repository;
        let (manifest, bytes) = match promotion.digest {
            // An image with this config is there under another tag.
            Some(digest) if matches!(self.content.form, PushForm::Uncompressed(_)) => {
                let missing = RegistryError::ContentMissing { digest };
                (registry.manifest(&digest).await?.ok_or(missing)?, 0)
            }
            _ => {
                registry.check_push().await?;
                self.send().await?
            }
        };
        promotion.digest = Some(manifest.digest());
        report.digest = promotion.digest;
        report.bytes = Some(bytes);
        if let (Some(gate), Some(connection)) = (&self.request.gate, self.target.connection()) {
            let tags: Vec<Tag> = plan
                .tags
                .iter()
                .map(|planned| planned.wanted.tag.clone())
                .collect();
            let image = JudgedImage {
                name: &self.target.image,
                manifest: &manifest,
                tags: &tags,
            };
            require_scan(gate, connection, image, true, self.reporter).await?;
        }
        let ledger = Ledger::default();
        put_promoted(&promotion, plan, &manifest, registry, history, &ledger).await?;
        report.done(&ledger.report());
        Ok(())
    }

    /// Finds out, before anything is sent, whether the gate could ever let the image pass.
    async fn check_gate(&self) -> Result<(), RunError> {
        let Some(gate) = &self.request.gate else {
            return Ok(());
        };
        RepositoriesError::check_scans(&self.target.image)?;
        let Some(connection) = self.target.connection() else {
            return Err(PushError::NoScans(self.target.image.registry.clone()).into());
        };
        let plan = gate_plan(gate, &connection.scans()).await?;
        match plan.never_scanned(&self.target.image) {
            Some(never) => Err(PipelineError::from(never).into()),
            None => Ok(()),
        }
    }

    /// Sends what the repository lacks, by digest, and reads it back; gives the manifest and the bytes that were sent.
    async fn send(&self) -> Result<(Manifest, u64), RunError> {
        let registry = &self.target.repository;
        match &self.content.form {
            PushForm::Whole { layout, root } => {
                let tree = ImageTree::read(root.clone(), &**layout).await?;
                let plan = CopyPlan::new(&tree, registry).await?;
                let progress = blob_progress(self.reporter, &self.target.image);
                let sent = copy(&plan, &**layout, registry, None, &progress).await?;
                if !plan.is_empty() {
                    verify_copy(&tree, registry).await?;
                }
                Ok((root.clone(), sent.bytes))
            }
            PushForm::Uncompressed(archive) => {
                let cache = self.request.engine.layer_cache.clone().map(LayerCache::at);
                let form = ImageForm::UNCHANGED;
                let pushed =
                    push_archive(&**archive, registry, self.reporter, form, cache.as_ref(), None).await;
                let digest = pushed.map_err(PipelineError::from)?;
                let missing = RegistryError::ContentMissing { digest };
                let manifest = registry.manifest(&digest).await?.ok_or(missing)?;
                let verified = verify_manifest(manifest, registry).await?;
                Ok((verified.manifest, verified.description.size))
            }
        }
    }
}
