//! The report: what happened, and what is true in the registry now.

use semver::Version;
use serde::Serialize;

use crate::ports::EngineSummary;
use tagship_domain::comparison::Comparison;
use tagship_domain::content::Platform;
use tagship_domain::deploy::DeployForm;
use tagship_domain::facts::{PlatformManifest, Revision};
use tagship_domain::plan::{HoldReason, Note, TagAction};
use tagship_domain::reference::{Digest, ImageName, Tag};
use tagship_domain::signing::Signature;
use tagship_domain::tags::{DesiredTag, TagClass};

mod asff;
mod comment;
mod cost;
mod examination;
mod gate;
mod inspection;
mod inventory;
mod lifecycle;
mod links;
mod markdown;
mod outputs;
mod proposal;
mod prune;
mod registry_settings;
mod release;
mod repositories;
mod repository_list;
mod sarif;
mod stages;
mod surroundings;
mod text;

pub use asff::asff;
pub use comment::{comment, comment_marker};
pub use cost::CostReport;
pub use examination::{ExaminationFailed, examination_text};
pub use gate::{GateReport, gate_text};
pub use inspection::{ConfigReport, Inspection, ManifestReport, inspection_text};
pub use inventory::{ImageListing, ImageRow, listing_text};
pub use lifecycle::{PreviewReport, RepositoryPreview};
pub use markdown::summary;
pub use outputs::{OUTPUTS, Output, outputs};
pub use proposal::{ProposalOutcome, ProposalReport};
pub use prune::{PruneReport, PrunedRepository};
pub use registry_settings::{RepositoryFailure, SettingsPlan, SettingsReport, UnusableUpstream};
pub use release::{GitTagReport, ReleaseOutcome, ReleaseReport};
pub use repositories::{RegistryPlan, RegistryReport, RepositoryReport};
pub use repository_list::{ListedRegistry, RepositoryList};
pub use sarif::sarif;
pub use stages::StageReport;
pub use surroundings::{BuildSteps, LeftImage, Surroundings};
pub use text::{hold_warnings, made_text, plan_text, release_plan_text, report_text};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Every wanted tag points to this commit's image; this run put at least one of them.
    Published,
    /// Every wanted tag pointed to this commit's image before.
    AlreadyPublished,
    /// The image is in the registry by its digest, and was to get no tag.
    Pushed,
    /// The image was built, and is not published.
    Built,
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
            Self::Pushed => "pushed",
            Self::Built => "built",
            Self::DryRun => "dry-run",
            Self::Failed => "failed",
        }
    }
}

/// What happened to one tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
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
    #[serde(flatten)]
    pub reason: Option<HoldReason>,
}

impl TagReport {
    /// Whether this run put it.
    pub const fn is_put(&self) -> bool {
        matches!(self.outcome, TagOutcome::Created | TagOutcome::Moved)
    }

    /// Whether it was where it belongs before.
    pub const fn is_kept(&self) -> bool {
        matches!(self.outcome, TagOutcome::Kept)
    }
}

/// What happened in a further repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TargetReport {
    /// The repository.
    pub image: ImageName,
    /// How far it came.
    pub status: TargetStatus,
    /// Bytes of blobs that were sent.
    pub bytes: u64,
    /// Each wanted tag.
    pub tags: Vec<TagReport>,
}

/// How far a further repository came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetStatus {
    /// Nothing is known to be there.
    Pending,
    /// It has the whole image, which was read back, and not yet its tags.
    Verified,
    /// It has the image and its tags; this run put at least one of them.
    Published,
    /// It had the image and its tags before.
    AlreadyPublished,
}

impl TargetStatus {
    /// That of a repository that has its tags.
    pub fn of_tags(tags: &[TagReport]) -> Self {
        if tags.iter().any(TagReport::is_put) {
            Self::Published
        } else {
            Self::AlreadyPublished
        }
    }

    /// The status as JSON has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Verified => "verified",
            Self::Published => "published",
            Self::AlreadyPublished => "already-published",
        }
    }
}

impl TagReport {
    /// What is true of a tag before anything is written.
    pub fn planned(wanted: &DesiredTag, action: &TagAction) -> Self {
        let (outcome, digest) = match action {
            TagAction::Keep { digest } => (TagOutcome::Kept, Some(*digest)),
            TagAction::Move { from } => (TagOutcome::Pending, Some(*from)),
            TagAction::Hold { at, .. } => (TagOutcome::Held, *at),
            TagAction::Conflict(conflict) => (TagOutcome::Pending, conflict.existing),
            TagAction::Create | TagAction::Unchecked => (TagOutcome::Pending, None),
        };
        Self {
            tag: wanted.tag.clone(),
            class: wanted.class,
            outcome,
            digest,
            reason: action.reason().cloned(),
        }
    }
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
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// How it ended.
    pub status: Status,
    /// Where the image is.
    pub image: Option<ImageName>,
    /// The commit, marked when the working tree differs from it.
    pub revision: Option<Revision>,
    /// The version, if the commit has one.
    pub version: Option<Version>,
    /// The digest that the tags point to.
    pub digest: Option<Digest>,
    /// What the engine knows an image as that is not published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_id: Option<Digest>,
    /// The names that it has in the engine.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Each wanted tag.
    pub tags: Vec<TagReport>,
    /// What happened in each further repository.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<TargetReport>,
    /// What became of the release, if one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseReport>,
    /// The pull request that proposes the next version, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposal: Option<ProposalReport>,
    /// The files for deployments that were written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deploy_files: Vec<DeployFileReport>,
    /// One manifest for each platform.
    pub manifests: Vec<PlatformManifest>,
    /// Bytes of the config and the layers, compressed.
    pub size: Option<u64>,
    /// What built it, if it was built.
    pub engine: Option<EngineSummary>,
    /// What the scan gate says, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate: Option<GateReport>,
    /// What is different in the image of a pull request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
    /// The signature that the image has, if one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
    /// How long each part took.
    pub stages: Vec<StageReport>,
    /// What a reader should know.
    pub notes: Vec<Note>,
    /// What people see beside it.
    #[serde(skip)]
    pub surroundings: Surroundings,
}

/// A file for deployments that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeployFileReport {
    /// What it is.
    #[serde(rename = "type")]
    pub form: DeployForm,
    /// Where it is, from the workspace.
    pub path: String,
}

impl Report {
    /// The tags that point to this image.
    pub fn own_tags(&self) -> impl Iterator<Item = &TagReport> {
        self.tags
            .iter()
            .filter(|tag| tag.digest.is_some() && tag.digest == self.digest)
    }

    /// References by `digest` of every repository that has its tags; none where there are no further ones.
    fn in_targets(&self, digest: Option<Digest>) -> Vec<String> {
        if self.targets.is_empty() {
            return Vec::new();
        }
        let is_there = |target: &&TargetReport| {
            matches!(
                target.status,
                TargetStatus::Published | TargetStatus::AlreadyPublished
            )
        };
        let further = self.targets.iter().filter(is_there).map(|target| &target.image);
        let images = self.image.iter().chain(further).zip(digest.into_iter().cycle());
        images
            .map(|(image, digest)| image.at(digest).to_string())
            .collect()
    }

    /// The platforms of the image, as far as they are known.
    pub fn platforms(&self) -> Vec<Platform> {
        self.manifests.iter().map(|one| one.platform.clone()).collect()
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

#[cfg(test)]
mod tests;
