//! `tagship promote`: an image that is there gets other tags, in its own repository or in others.
//!
//! 1. Read the image and its labels, and of every target the setting, the tags and what they point to.
//! 2. Plan: the same decisions as `ship`; all conflicts are found before anything is written.
//! 3. Copy what a target lacks, by digest, and read it back: every target before the first tag of any.
//! 4. Put the tags, the manifest byte for byte. A second run finds nothing to do.

mod promoted;
mod wanted;

use std::path::PathBuf;
use std::sync::Arc;

use oci_registry::{CopyPlan, CopyReport, ImageTree, copy, verify_copy};

use self::promoted::Promoted;
pub(super) use self::wanted::{desired, refuse_other_commits};
use super::connection::RegistryConnection;
use super::history::History;
use super::inspect::add_version;
use super::opened::with_referrers;
use super::promotion_report::{PromotionReport, PromotionTarget};
use super::repositories::RepositoriesError;
use super::scan::{JudgedImage, require_scan};
use super::signing::require_signature;
use super::target::Target;
use super::{Outcome, RunError};
use crate::pipeline::{Ledger, PlannedRepository, blob_progress, gather_copy, gather_missing, put_promoted};
use crate::ports::{Reporter, RunEvent};
use crate::registry::Repository;
use crate::settings::{GateSettings, GithubSettings, RepositorySettings, SignSettings};
use tagship_domain::facts::Facts;
use tagship_domain::plan::{Note, PromotionPlan, PromotionRequest};
use tagship_domain::reference::{Reference, Tag};
use tagship_domain::signing::Signer;

/// What is promoted, and where to.
#[derive(Debug, Clone)]
pub struct PromoteRequest {
    /// The repository that holds the image.
    pub source: RepositorySettings,
    /// The image in it.
    pub from: Reference,
    /// The repositories that get it; its own when empty.
    pub targets: Vec<RepositorySettings>,
    /// The tags, as rules.
    pub tags: String,
    /// Tags that the image must have where it is.
    pub required: Vec<Tag>,
    /// What it must pass before it gets a tag.
    pub gate: Option<GateSettings>,
    /// What must have signed it.
    pub signed: Option<SignSettings>,
    /// Whether tags may go back to it from a later image.
    pub is_rollback: bool,
    /// Whether to stop after the plan.
    pub dry_run: bool,
    /// Where git is read, if an order of tags hangs on it; absolute.
    pub workspace: PathBuf,
    /// For GitHub's API.
    pub github: GithubSettings,
}

/// Gives an image other tags.
pub async fn promote(request: &PromoteRequest, reporter: Arc<dyn Reporter>) -> Result<Outcome, RunError> {
    let source = Target::of(&request.source.destination, &request.source.identity).await?;
    let mut targets = Vec::new();
    let mut report = Ok(());
    for target in &request.targets {
        match Target::of(&target.destination, &target.identity).await {
            Ok(target) => targets.push(target),
            Err(error) => {
                report = Err(error);
                break;
            }
        }
    }
    let report = match report {
        Ok(()) => Box::pin(promote_from(request, &source, &targets, reporter)).await,
        Err(error) => Err(error),
    };
    for target in targets.into_iter().chain([source]) {
        target.close().await;
    }
    report
}

/// One repository that gets the image, with what will happen there. Its connection cannot write before a writer is made.
struct Planned<'a> {
    connection: &'a RegistryConnection,
    /// The embedded ECR's repository, where it is made or changed.
    put: Option<PlannedRepository>,
    request: PromotionRequest,
    plan: PromotionPlan,
    /// What is copied first, the image and then what refers to it; nothing within one repository.
    copies: Vec<(ImageTree, CopyPlan)>,
    /// What could not be looked at before.
    unknown: Vec<Note>,
}

impl Planned<'_> {
    fn report(&self) -> PromotionTarget {
        let bytes = self.copies.iter().map(|(_, plan)| plan.bytes()).sum();
        PromotionTarget::planned(&self.plan, bytes, self.put.as_ref())
    }
}

async fn promote_from(
    request: &PromoteRequest,
    source: &Target,
    targets: &[Target],
    reporter: Arc<dyn Reporter>,
) -> Result<Outcome, RunError> {
    if request.gate.is_some() {
        RepositoriesError::check_scans(&source.image)?;
    }
    if (request.signed.as_ref()).is_some_and(|signed| signed.signer == Signer::Managed) {
        RepositoriesError::check_private(&source.image, "which signs no images itself")?;
    }
    let of_source = &RegistryConnection::open(source, Arc::clone(&reporter)).await?;
    let mut opened = Vec::new();
    for target in targets {
        opened.push((
            RegistryConnection::open(target, Arc::clone(&reporter)).await?,
            target,
        ));
    }
    let reader = of_source.repository()?;
    let promoted = Promoted::read(request, &source.image, &reader).await?;
    let history = History::optional_at(&request.workspace, &request.github, Arc::clone(&reporter));
    let own = opened.is_empty().then_some((of_source, source));
    let opened = opened.iter().map(|(connection, target)| (connection, *target));
    let mut planned = Vec::new();
    for place in own.into_iter().chain(opened) {
        let target = plan(request, &promoted, &reader, place, &history).await?;
        for note in target.unknown.iter().chain(&target.plan.notes()) {
            reporter.event(RunEvent::Note(&format!("{}: {note}", target.request.to)));
        }
        planned.push(target);
    }
    let mut report = PromotionReport {
        image: promoted.image.clone(),
        digest: promoted.manifest.digest(),
        revision: promoted.facts.revision.clone(),
        version: promoted.facts.version.clone(),
        dry_run: request.dry_run,
        targets: planned.iter().map(Planned::report).collect(),
    };
    for target in &planned {
        if let Some(conflicts) = target.plan.conflicts() {
            return Err(conflicts.into());
        }
        if let Some(held) = target.plan.set_backs() {
            return Err(held.into());
        }
    }
    if let Some(gate) = &request.gate
        && !planned.iter().all(|target| target.plan.is_fulfilled())
    {
        let tags: Vec<Tag> = promoted.tags.iter().map(|wanted| wanted.tag.clone()).collect();
        let image = JudgedImage {
            name: &promoted.image,
            manifest: &promoted.manifest,
            tags: &tags,
        };
        require_scan(gate, of_source, image, false, &*reporter).await?;
    }
    if let Some(signed) = &request.signed {
        require_signature(signed, of_source, &promoted.image, promoted.manifest.digest()).await?;
    }
    if !request.dry_run {
        write(&promoted, &reader, &planned, &history, &*reporter, &mut report).await?;
    }
    Ok(Outcome {
        text: report.text(),
        json: serde_json::json!(report),
        ..Outcome::default()
    })
}

async fn plan<'a>(
    request: &PromoteRequest,
    promoted: &Promoted,
    reader: &Repository,
    (connection, place): (&'a RegistryConnection, &Target),
    history: &History,
) -> Result<Planned<'a>, RunError> {
    let target = connection.repository()?;
    let to = connection.image().clone();
    refuse_other_commits(&to, &promoted.tags, &promoted.facts)?;
    let is_elsewhere = to != promoted.image;
    let promotion = PromotionRequest {
        digest: Some(promoted.manifest.digest()),
        revision: promoted.revision.clone(),
        facts: promoted.facts.clone(),
        to,
        tags: promoted.tags.clone(),
        is_rollback: request.is_rollback,
    };
    let put = connection.repository_to_put(place, None).await?;
    let setting = (put.as_ref()).and_then(|put| put.declared.settings.mutability.clone());
    let is_missing = put.as_ref().is_some_and(|put| put.actual.is_none());
    let (tags, candidate) = (&promotion.tags, promotion.candidate());
    let mut facts = match setting {
        Some(setting) if is_missing => gather_missing(setting, &target, history, tags, candidate).await?,
        setting => {
            let facts = gather_copy(&target, history, tags, candidate).await?;
            Facts {
                mutability: setting.map_or(facts.mutability, Ok),
                ..facts
            }
        }
    };
    for (digest, image) in &mut facts.images {
        add_version(image, digest, &target).await?;
    }
    let mut copies = Vec::new();
    if is_elsewhere {
        for tree in with_referrers(promoted.manifest.clone(), reader).await? {
            let content = if is_missing {
                CopyPlan::of_all(&tree)
            } else {
                CopyPlan::new(&tree, &target).await?
            };
            copies.push((tree, content));
        }
    }
    Ok(Planned {
        connection,
        put,
        plan: promotion.plan(&facts),
        request: promotion,
        copies,
        unknown: unknown(&facts),
    })
}

/// What the role may not read, and a promotion works without.
fn unknown(facts: &Facts) -> Vec<Note> {
    let mutability = facts.mutability.as_ref().err().cloned();
    let listed = facts.ordering.registry_tags.as_ref();
    let listed = listed.and_then(|tags| tags.as_ref().err().cloned());
    let notes = [
        mutability.map(Note::MutabilityUnknown),
        listed.map(Note::RegistryTagsUnknown),
    ];
    notes.into_iter().flatten().collect()
}

/// Writes what is planned: content to all targets, which is read back, and only then tags.
async fn write(
    promoted: &Promoted,
    reader: &Repository,
    planned: &[Planned<'_>],
    history: &History,
    reporter: &dyn Reporter,
    report: &mut PromotionReport,
) -> Result<(), RunError> {
    let mut writers = Vec::new();
    for target in planned {
        if let Some(put) = &target.put {
            target.connection.put_repository(put, reporter).await?;
        }
        let writer = target.connection.repository()?;
        let is_same_registry = target.request.to.registry == promoted.image.registry;
        let mount = is_same_registry.then_some(&promoted.image.repository);
        let mut copied = CopyReport::default();
        for (tree, plan) in &target.copies {
            let progress = blob_progress(reporter, &target.request.to);
            let CopyReport { bytes, sent, mounted } = copy(plan, reader, &writer, mount, &progress).await?;
            copied.bytes += bytes;
            copied.sent += sent;
            copied.mounted += mounted;
            if !plan.is_empty() {
                verify_copy(tree, &writer).await?;
            }
        }
        writers.push((writer, copied));
    }
    for ((target, (writer, copied)), row) in planned.iter().zip(writers).zip(&mut report.targets) {
        let ledger = Ledger::default();
        put_promoted(
            &target.request,
            &target.plan,
            &promoted.manifest,
            &writer,
            history,
            &ledger,
        )
        .await?;
        row.done(&ledger.report(), copied);
    }
    Ok(())
}
