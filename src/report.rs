//! The report: what happened, and what is true in the registry now.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use semver::Version;
use serde::Serialize;

use crate::ports::{EngineSummary, Stage};
use tagship_domain::facts::{ImageFacts, PlatformManifest};
use tagship_domain::plan::{Plan, TagAction};
use tagship_domain::reference::{Digest, ImageName, Tag};
use tagship_domain::tags::TagClass;

mod markdown;
mod outputs;
mod text;

pub use markdown::summary;
pub use outputs::{OUTPUTS, Output, outputs};
pub use text::{plan_text, report_text};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Every wanted tag points to this commit's image; this run put at least one of them.
    Published,
    /// Every wanted tag pointed to this commit's image before.
    AlreadyPublished,
    /// Nothing was written, because none was to be.
    DryRun,
    /// It did not come to its end.
    #[default]
    Failed,
}

impl Status {
    /// The status as outputs and JSON have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::AlreadyPublished => "already-published",
            Self::DryRun => "dry-run",
            Self::Failed => "failed",
        }
    }
}

/// What happened to one tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TagReport {
    /// The tag.
    pub tag: Tag,
    /// What it promises.
    pub class: TagClass,
    /// What happened to it.
    pub outcome: TagOutcome,
    /// Where it points now, if that is known.
    pub digest: Option<Digest>,
    /// Why it was held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What happened to a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TagOutcome {
    /// Nothing yet.
    Pending,
    /// It was put.
    Created,
    /// It pointed to this image already.
    Kept,
    /// It left another image for this one.
    Moved,
    /// It must not point to this image: it stays at another one, or was not put.
    Held,
}

impl TagOutcome {
    /// The outcome in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Created => "created",
            Self::Kept => "kept",
            Self::Moved => "moved",
            Self::Held => "held",
        }
    }
}

/// What happened. Serialised it is the output `json` and what `--json` prints.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// How it ended.
    pub status: Status,
    /// Where the image is.
    pub image: Option<ImageName>,
    /// The commit, marked when the working tree differs from it.
    pub revision: String,
    /// The version, if the commit has one.
    pub version: Option<Version>,
    /// The digest that the tags point to.
    pub digest: Option<Digest>,
    /// Each wanted tag.
    pub tags: Vec<TagReport>,
    /// One manifest for each platform.
    pub manifests: Vec<PlatformManifest>,
    /// Bytes of the config and the layers, compressed.
    pub size: Option<u64>,
    /// What built it, if it was built.
    pub engine: Option<EngineSummary>,
    /// How long each part took.
    pub stages: Vec<StageReport>,
    /// What a reader should know.
    pub notes: Vec<String>,
}

/// How long one part of the transaction took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StageReport {
    /// The part.
    pub stage: Stage,
    /// Milliseconds.
    pub milliseconds: u64,
}

impl Report {
    /// The tags that point to this image.
    pub fn own_tags(&self) -> impl Iterator<Item = &TagReport> {
        self.tags
            .iter()
            .filter(|tag| tag.digest.is_some() && tag.digest == self.digest)
    }

    /// How long each part took, for people.
    fn durations(&self) -> String {
        let stages = self.stages.iter().map(|stage| {
            let duration = Duration::from_millis(stage.milliseconds);
            format!("{} {}", stage.stage.as_str(), human_duration(duration))
        });
        stages.collect::<Vec<_>>().join(", ")
    }

    /// The tag that a person would name the image by: the release tag, else the first one.
    pub fn principal_tag(&self) -> Option<&Tag> {
        let mut own = self.own_tags();
        let first = own.next()?;
        let release = std::iter::once(first)
            .chain(own)
            .find(|tag| tag.class == TagClass::Release);
        Some(&release.unwrap_or(first).tag)
    }
}

/// The report while it is written. What it says is true at every moment, so that a run that is broken off can tell.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    report: Report,
    running: Option<(Stage, Instant)>,
}

impl Ledger {
    fn entries(&self) -> MutexGuard<'_, Entries> {
        // Every entry is written whole; one that panicked elsewhere leaves nothing half-done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A part of the transaction begins, and the one before ends.
    pub fn enter(&self, stage: Stage) {
        let mut entries = self.entries();
        entries.close_stage();
        entries.running = Some((stage, Instant::now()));
    }

    /// The plan is made.
    pub fn planned(&self, plan: &Plan) {
        let mut entries = self.entries();
        let report = &mut entries.report;
        report.image = Some(plan.image.clone());
        report.revision.clone_from(&plan.revision);
        report.version.clone_from(&plan.version);
        report.notes.extend(plan.notes.iter().cloned());
        report.tags = plan
            .tags
            .iter()
            .map(|planned| {
                let (outcome, digest) = match &planned.action {
                    TagAction::Keep { digest } => (TagOutcome::Kept, Some(*digest)),
                    TagAction::Move { from } => (TagOutcome::Pending, Some(*from)),
                    TagAction::Hold { at, .. } => (TagOutcome::Held, *at),
                    TagAction::Conflict(conflict) => (TagOutcome::Pending, conflict.existing),
                    TagAction::Create | TagAction::Unchecked => (TagOutcome::Pending, None),
                };
                TagReport {
                    tag: planned.wanted.tag.clone(),
                    class: planned.wanted.class,
                    outcome,
                    digest,
                    reason: planned.action.reason().map(str::to_owned),
                }
            })
            .collect();
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

    /// A tag points to `digest` now.
    pub fn tag(&self, tag: &Tag, outcome: TagOutcome, digest: Digest) {
        self.update(tag, outcome, Some(digest), None);
    }

    /// A tag is held at an image, or out of the registry, for this reason.
    pub fn held(&self, tag: &Tag, at: Option<Digest>, reason: &str) {
        self.update(tag, TagOutcome::Held, at, Some(reason));
    }

    fn update(&self, tag: &Tag, outcome: TagOutcome, digest: Option<Digest>, reason: Option<&str>) {
        let mut entries = self.entries();
        for known in entries.report.tags.iter_mut().filter(|known| known.tag == *tag) {
            known.outcome = outcome;
            known.digest = digest;
            known.reason = reason.map(str::to_owned);
        }
    }

    /// A reader should know this.
    pub fn note(&self, note: impl Into<String>) {
        self.entries().report.notes.push(note.into());
    }

    /// Every wanted tag points to the image, or is held.
    pub fn published(&self) {
        let mut entries = self.entries();
        entries.close_stage();
        let put = |tag: &TagReport| matches!(tag.outcome, TagOutcome::Created | TagOutcome::Moved);
        entries.report.status = if entries.report.tags.iter().any(put) {
            Status::Published
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
        let mut entries = self.entries();
        entries.close_stage();
        entries.report.clone()
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

/// A duration for people: `350 ms`, `4.2 s`, `3 min 5 s`.
fn human_duration(duration: Duration) -> String {
    match duration.as_millis() {
        milliseconds @ 0..1000 => format!("{milliseconds} ms"),
        milliseconds @ 1000..60_000 => format!("{}.{} s", milliseconds / 1000, milliseconds % 1000 / 100),
        milliseconds => format!("{} min {} s", milliseconds / 60_000, milliseconds % 60_000 / 1000),
    }
}

#[cfg(test)]
mod tests;
