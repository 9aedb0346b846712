//! The report while it is written.

mod tag_entries;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use self::tag_entries::{tag_reports, target_report};
use crate::ports::{BuiltImage, EngineSummary, Reporter, RunEvent, Stage};
use crate::report::{
    BuildSteps, DeployFileReport, GateReport, LeftImage, ProposalReport, ReleaseOutcome, ReleaseReport,
    Report, StageReport, Status, TagOutcome, TagReport, TargetStatus,
};
use semver::Version;
use tagship_domain::comparison::Comparison;
use tagship_domain::content::{Manifest, Platform};
use tagship_domain::facts::{ImageFacts, Revision};
use tagship_domain::findings::{GateDecision, GatePolicy};
use tagship_domain::plan::{Note, Plan, PromotionPlan};
use tagship_domain::reference::{Digest, ImageName, Tag};
use tagship_domain::release::{ReleasePlan, WorkflowFile};
use tagship_domain::signing::Signature;
use tagship_domain::tags::TagClass;
use tagship_domain::version::release_tag;

pub(super) use tag_entries::TagEntries;

/// The report while it is written. What it says is true at every moment, so that a run that is broken off can tell.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    report: Report,
    running: Option<(Stage, Instant)>,
    decision: Option<GateDecision>,
    manifest: Option<Manifest>,
}

impl Ledger {
    fn entries(&self) -> MutexGuard<'_, Entries> {
        // Every entry is written whole; one that panicked elsewhere leaves nothing half-done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a part of the transaction, which ends the one before, and reports it.
    pub fn enter(&self, stage: Stage, reporter: &dyn Reporter) {
        let mut entries = self.entries();
        entries.close_stage();
        entries.running = Some((stage, Instant::now()));
        drop(entries);
        reporter.event(RunEvent::Stage(stage));
    }

    /// The run begins again, because another took its version: nothing was published.
    pub fn begin_again(&self) {
        let mut entries = self.entries();
        entries.close_stage();
        let Report { image, stages, .. } = std::mem::take(&mut entries.report);
        let report = Report {
            image,
            stages,
            ..Report::default()
        };
        *entries = Entries {
            report,
            ..Entries::default()
        };
    }

    /// The image's destination is known.
    pub fn destination(&self, image: &ImageName) {
        self.entries().report.image = Some(image.clone());
    }

    /// What is built without being published.
    pub fn unpublished(&self, image: Option<&ImageName>, revision: Revision, version: Option<Version>) {
        let mut entries = self.entries();
        entries.report.image = image.cloned();
        entries.report.revision = Some(revision);
        entries.report.version = version;
    }

    /// It is built, and not published.
    pub fn built(&self, built: BuiltImage) {
        let mut entries = self.entries();
        entries.close_stage();
        entries.report.image_id = built.id;
        entries.report.names = built.names;
        entries.report.status = Status::Built;
    }

    /// The image is compared with that of its base, if there is one.
    pub fn compared(&self, comparison: Option<Comparison>) {
        self.entries().report.comparison = comparison;
    }

    /// The next version is proposed for review.
    pub fn proposed(&self, proposal: ProposalReport) {
        self.entries().report.proposal = Some(proposal);
    }

    /// The pages of the repository and of the run are known.
    pub fn pages(&self, web: Option<&str>, run: Option<&str>) {
        let beside = &mut self.entries().report.surroundings;
        (beside.web, beside.run) = (web.map(str::to_owned), run.map(str::to_owned));
    }

    /// A tag leaves this image for that of the run.
    pub fn left(&self, image: Option<LeftImage>) {
        self.entries().report.surroundings.left = image;
    }

    /// The build's steps are known.
    pub fn steps(&self, steps: BuildSteps) {
        self.entries().report.surroundings.steps = steps;
    }

    /// The plan is made.
    pub fn planned(&self, plan: &Plan) {
        let mut entries = self.entries();
        let report = &mut entries.report;
        report.image = Some(plan.image.clone());
        report.revision = Some(plan.revision.clone());
        report.version.clone_from(&plan.version);
        report.notes.extend(plan.notes.iter().cloned());
        let tags = plan.tags.iter();
        report.tags = tag_reports(tags.map(|planned| (&planned.wanted, &planned.action)));
        report.targets = plan.targets.iter().map(target_report).collect();
        report.release = plan.release.as_ref().map(ReleaseReport::of_plan);
    }

    /// The plan of a promotion is made, and its image is in the repository.
    pub fn promoted(&self, plan: &PromotionPlan) {
        let mut entries = self.entries();
        let report = &mut entries.report;
        report.image = Some(plan.image.clone());
        report.digest = plan.digest;
        report.revision.clone_from(&plan.revision);
        report.version.clone_from(&plan.version);
        report.tags = tag_reports(plan.tags.iter().map(|tag| (&tag.wanted, &tag.action)));
    }

    /// The release of an image that is published already is planned.
    pub fn releasing(
        &self,
        plan: &ReleasePlan,
        (image, digest): (&ImageName, Digest),
        facts: &ImageFacts,
        tags: &[Tag],
    ) {
        self.image(digest, facts);
        let mut entries = self.entries();
        let report = &mut entries.report;
        report.image = Some(image.clone());
        report.revision = Some(Revision {
            commit: plan.commit.clone(),
            is_dirty: false,
        });
        report.version = Some(plan.version.clone());
        let kept = tags.iter().map(|tag| TagReport {
            tag: tag.clone(),
            class: if release_tag(&plan.version).as_ref() == Ok(tag) {
                TagClass::Release
            } else {
                TagClass::Commit
            },
            outcome: TagOutcome::Kept,
            digest: Some(digest),
            reason: None,
        });
        report.tags = kept.collect();
        report.release = Some(ReleaseReport::of_plan(plan));
    }

    /// The engine that builds is known.
    pub fn engine(&self, engine: EngineSummary) {
        self.entries().report.engine = Some(engine);
    }

    /// The image is in the registry, whole.
    pub fn image(&self, digest: Digest, facts: &ImageFacts) {
        let mut entries = self.entries();
        entries.report.digest = Some(digest);
        entries.report.manifests.clone_from(&facts.platforms);
        entries.report.size = Some(facts.size);
    }

    /// The manifest or index of the image that was published.
    pub fn manifest(&self, manifest: &Manifest) {
        self.entries().manifest = Some(manifest.clone());
    }

    /// Returns the manifest or index of the image that was published, if that is known.
    pub fn published_manifest(&self) -> Option<Manifest> {
        self.entries().manifest.clone()
    }

    /// Returns the platforms of the image, as far as they are known.
    pub(super) fn platforms(&self) -> Vec<Platform> {
        self.entries().report.platforms()
    }

    /// The gate has judged.
    pub fn gate(&self, policy: &GatePolicy, decision: GateDecision) {
        let mut entries = self.entries();
        entries.report.gate = Some(GateReport::new(policy, &decision));
        entries.decision = Some(decision);
    }

    /// Returns what the gate has judged, with all findings.
    pub fn gate_decision(&self) -> Option<GateDecision> {
        self.entries().decision.clone()
    }

    /// The image has a signature, which was verified.
    pub(super) fn signed(&self, signature: Signature) {
        self.entries().report.signature = Some(signature);
    }

    /// A file for deployments is written.
    pub fn deploy_file(&self, file: DeployFileReport) {
        self.entries().report.deploy_files.push(file);
    }

    /// A reader should know this too.
    pub fn note(&self, note: Note) {
        self.entries().report.notes.push(note);
    }

    /// The entries of the tags.
    pub fn tags(&self) -> TagEntries<'_> {
        TagEntries {
            ledger: self,
            target: None,
        }
    }

    /// The entries of the tags in a further target, by its number in the plan.
    pub fn tags_of(&self, target: usize) -> TagEntries<'_> {
        TagEntries {
            ledger: self,
            target: Some(target),
        }
    }

    /// A further target has the whole image, by its number in the plan; so many bytes were sent.
    pub fn copied(&self, target: usize, bytes: u64) {
        if let Some(target) = self.entries().report.targets.get_mut(target) {
            target.status = TargetStatus::Verified;
            target.bytes = bytes;
        }
    }

    /// A further target has the tags, by its number in the plan.
    pub fn tagged(&self, target: usize) {
        if let Some(target) = self.entries().report.targets.get_mut(target) {
            target.status = TargetStatus::of_tags(&target.tags);
        }
    }

    /// A git tag is where it belongs.
    pub fn git_tag(&self, tag: &str, outcome: TagOutcome) {
        self.update_release(|release| {
            for known in release.git_tags.iter_mut().filter(|known| known.tag == tag) {
                known.outcome = outcome;
            }
        });
    }

    /// The release is published, and is the latest or not.
    pub fn release(&self, outcome: ReleaseOutcome, url: &str, is_latest: bool) {
        self.update_release(|release| {
            release.outcome = Some(outcome);
            release.url = Some(url.to_owned());
            release.is_latest = is_latest;
        });
    }

    /// A greater version's release is the latest.
    pub fn not_latest(&self) {
        self.update_release(|release| release.is_latest = false);
    }

    /// A draft of the release has this file, whole.
    pub(super) fn release_file(&self, name: &str) {
        self.update_release(|release| {
            if !release.files.iter().any(|known| known == name) {
                release.files.push(name.to_owned());
            }
        });
    }

    /// A workflow that comes after the release was started.
    pub(super) fn started(&self, workflow: &WorkflowFile) {
        self.update_release(|release| release.workflows.push(workflow.clone()));
    }

    fn update_release(&self, update: impl FnOnce(&mut ReleaseReport)) {
        if let Some(release) = &mut self.entries().report.release {
            update(release);
        }
    }

    /// Every wanted tag points to the image, or is held, and the release is there.
    pub fn published(&self) {
        let mut entries = self.entries();
        entries.close_stage();
        let released = entries
            .report
            .release
            .as_ref()
            .is_some_and(ReleaseReport::is_written);
        let in_targets = entries.report.targets.iter().flat_map(|target| &target.tags);
        let has_put = in_targets.chain(&entries.report.tags).any(TagReport::is_put);
        entries.report.status = if released || has_put {
            Status::Published
        } else if entries.report.tags.is_empty() && entries.report.engine.is_some() {
            Status::Pushed
        } else {
            Status::AlreadyPublished
        };
    }

    /// The run ends after its plan.
    pub fn dry_run(&self) {
        let mut entries = self.entries();
        entries.close_stage();
        entries.report.status = Status::DryRun;
    }

    /// What is true so far.
    pub fn report(&self) -> Report {
        let mut now = self.entries();
        now.close_stage();
        now.report.clone()
    }
}

impl Entries {
    fn close_stage(&mut self) {
        if let Some((stage, since)) = self.running.take() {
            let milliseconds = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.report.stages.push(StageReport { stage, milliseconds });
        }
    }
}
