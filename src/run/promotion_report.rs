//! What a promotion did, or would do.

use std::fmt::{self, Write as _};

use indicatif::HumanBytes;
use oci_registry::CopyReport;
use semver::Version;
use serde::Serialize;

use crate::pipeline::PlannedRepository;
use crate::report::{Report, Status, TagOutcome, made_text};
use tagship_domain::error::cleaned;
use tagship_domain::plan::{PromotedTag, PromotionPlan, TagAction};
use tagship_domain::reference::{Digest, ImageName, Tag};
use tagship_domain::repositories::RepositoryPlan;

/// What `tagship promote` prints with `--json`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct PromotionReport {
    /// Where the image comes from.
    pub(super) image: ImageName,
    /// Its digest.
    pub(super) digest: Digest,
    /// The commit that it says it was built from.
    pub(super) revision: Option<String>,
    /// The version that it says it has.
    pub(super) version: Option<Version>,
    /// Whether nothing was written, because none was to be.
    pub(super) dry_run: bool,
    /// What happened in each repository.
    pub(super) targets: Vec<PromotionTarget>,
}

/// What happened in one repository.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct PromotionTarget {
    image: ImageName,
    status: &'static str,
    /// The repository, where it is made or changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<RepositoryPlan>,
    /// Bytes of blobs that are missing there, or that were sent.
    bytes: u64,
    tags: Vec<TagLine>,
}

/// What happened to one tag.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct TagLine {
    tag: Tag,
    /// What is planned, or what happened.
    outcome: &'static str,
    /// Whether the tag goes back to an earlier image.
    rollback: bool,
    /// The image that it leaves.
    from: Option<Digest>,
}

impl TagLine {
    pub(super) fn planned(tag: &PromotedTag) -> Self {
        Self {
            tag: tag.wanted.tag.clone(),
            outcome: tag.action.name(),
            rollback: tag.rollback,
            from: match &tag.action {
                TagAction::Move { from } => Some(*from),
                _ => None,
            },
        }
    }

    /// Notes what happened.
    pub(super) fn done(&mut self, report: &Report) {
        let known = report.tags.iter().find(|known| known.tag == self.tag);
        if let Some(known) = known {
            self.outcome = known.outcome.as_str();
            if known.outcome == TagOutcome::Kept {
                self.from = None;
            }
        }
    }
}

impl fmt::Display for TagLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  {:<8} {}", self.outcome, self.tag)?;
        if let Some(from) = self.from {
            write!(f, " from {}", from.short())?;
        }
        f.write_str(if self.rollback { ", a rollback" } else { "" })
    }
}

impl PromotionTarget {
    pub(super) fn planned(plan: &PromotionPlan, bytes: u64, put: Option<&PlannedRepository>) -> Self {
        Self {
            image: plan.image.clone(),
            status: "planned",
            repository: put.map(|put| put.plan.clone()),
            bytes,
            tags: plan.tags.iter().map(TagLine::planned).collect(),
        }
    }

    /// Notes what happened.
    pub(super) fn done(&mut self, report: &Report, copied: CopyReport) {
        self.status = match report.status {
            Status::AlreadyPublished => "already-promoted",
            _ => "promoted",
        };
        self.bytes = copied.bytes;
        for line in &mut self.tags {
            line.done(report);
        }
    }
}

impl PromotionReport {
    /// For a terminal. Ends with a line break.
    pub(super) fn text(&self) -> String {
        let version = self.version.as_ref().map(|version| format!("version {version}"));
        let revision = self.revision.as_deref().map(|revision| {
            let digits: String = cleaned(revision).chars().take(12).collect();
            format!("commit {digits}")
        });
        let facts: Vec<String> = version.into_iter().chain(revision).collect();
        let facts = if facts.is_empty() {
            String::new()
        } else {
            format!(" ({})", facts.join(", "))
        };
        let mut text = format!("{}{facts}\n", self.image.at(self.digest));
        for target in &self.targets {
            let moved = match target.bytes {
                0 => String::new(),
                bytes => format!(", {} to send", HumanBytes(bytes)),
            };
            let moved = if self.dry_run {
                moved
            } else {
                moved.replace(" to send", " sent")
            };
            let _ = writeln!(text, "{}: {}{moved}", target.image, target.status);
            text += &made_text(target.repository.as_ref().filter(|_| self.dry_run));
            for line in &target.tags {
                let _ = writeln!(text, "{line}");
            }
        }
        text
    }
}
