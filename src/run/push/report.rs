//! What a push did, or would do.

use std::fmt::Write as _;

use indicatif::HumanBytes;
use semver::Version;
use serde::Serialize;

use super::PushRequest;
use super::content::PushContent;
use super::file::ContentKind;
use crate::pipeline::PlannedRepository;
use crate::report::{Report, made_text};
use crate::run::promotion_report::TagLine;
use tagship_domain::plan::PromotionPlan;
use tagship_domain::reference::{Digest, ImageName};
use tagship_domain::repositories::RepositoryPlan;

/// What `tagship push` prints with `--json`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct PushReport {
    /// The source as the user names it.
    source: String,
    /// What it is.
    kind: ContentKind,
    /// The repository.
    image: ImageName,
    pub(super) status: PushStatus,
    /// The digest; absent in a plan where layers are compressed on the way.
    pub(super) digest: Option<Digest>,
    /// The commit that the image says it was built from.
    revision: Option<String>,
    /// The version that it says it has.
    version: Option<Version>,
    dry_run: bool,
    /// The repository, where it is missing and is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<RepositoryPlan>,
    /// Bytes that were sent, or that are missing; absent where they are not known.
    pub(super) bytes: Option<u64>,
    tags: Vec<TagLine>,
}

/// What became of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum PushStatus {
    Planned,
    Pushed,
    AlreadyPushed,
}

impl PushReport {
    pub(super) fn planned(
        request: &PushRequest,
        content: &PushContent,
        plan: &PromotionPlan,
        made: Option<&PlannedRepository>,
    ) -> Self {
        Self {
            source: request.name.clone(),
            kind: content.kind,
            image: plan.image.clone(),
            status: PushStatus::Planned,
            digest: plan.digest,
            revision: content.facts.revision.clone(),
            version: plan.version.clone(),
            dry_run: request.dry_run,
            repository: made.map(|made| made.plan.clone()),
            bytes: None,
            tags: plan.tags.iter().map(TagLine::planned).collect(),
        }
    }

    /// Notes what happened.
    pub(super) fn done(&mut self, report: &Report) {
        self.status = PushStatus::Pushed;
        for line in &mut self.tags {
            line.done(report);
        }
    }

    /// For a terminal. Ends with a line break.
    pub(super) fn text(&self) -> String {
        let status = match self.status {
            PushStatus::Planned => "to be pushed",
            PushStatus::Pushed => "pushed",
            PushStatus::AlreadyPushed => "pushed already",
        };
        let image = match self.digest {
            Some(digest) => self.image.at(digest).to_string(),
            None => self.image.to_string(),
        };
        let bytes = self.bytes.map(|bytes| format!(", {}", HumanBytes(bytes)));
        let mut text = format!(
            "{image}\n{} `{}`: {status}{}\n",
            self.kind,
            self.source.escape_debug(),
            bytes.unwrap_or_default()
        );
        text += &made_text(self.repository.as_ref().filter(|_| self.dry_run));
        for line in &self.tags {
            let _ = writeln!(text, "{line}");
        }
        text
    }
}
