//! What became of the release, and how it is shown.

use serde::Serialize;

use super::TagOutcome;
use tagship_domain::facts::CommitId;
use tagship_domain::release::{GitTagAction, ReleaseAction, ReleasePlan, WorkflowFile};
use tagship_domain::untrusted::Untrusted;

/// What became of the release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ReleaseReport {
    /// The commit.
    pub commit: CommitId,
    /// The git tag of the version, then those that move.
    pub git_tags: Vec<GitTagReport>,
    /// What became of the release under the git tag, if there is to be one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<ReleaseOutcome>,
    /// The release's page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Whether this run made it the latest release.
    pub is_latest: bool,
    /// The files that this run gave it, or found in its draft.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// The workflows that this run started.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub workflows: Vec<WorkflowFile>,
}

/// What became of a git tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GitTagReport {
    /// Its name.
    pub tag: String,
    /// What became of it.
    pub outcome: TagOutcome,
}

/// What became of the release under a git tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReleaseOutcome {
    /// Nothing yet.
    Pending,
    /// This run published it.
    Published,
    /// It was published before.
    Kept,
}

impl ReleaseOutcome {
    /// The outcome in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Published => "published",
            Self::Kept => "kept",
        }
    }
}

impl ReleaseReport {
    /// What is true before anything is written.
    pub fn of_plan(plan: &ReleasePlan) -> Self {
        let own = std::iter::once((&plan.tag, &plan.git_tag));
        let moving = plan.moving.iter().map(|moving| (&moving.tag, &moving.action));
        let git_tags = own.chain(moving).map(|(tag, action)| GitTagReport {
            tag: tag.clone(),
            outcome: match action {
                GitTagAction::Keep => TagOutcome::Kept,
                GitTagAction::Hold { .. } => TagOutcome::Held,
                _ => TagOutcome::Pending,
            },
        });
        Self {
            commit: plan.commit.clone(),
            git_tags: git_tags.collect(),
            outcome: plan.release.map(|release| match release {
                ReleaseAction::Keep => ReleaseOutcome::Kept,
                _ => ReleaseOutcome::Pending,
            }),
            url: plan.url.clone(),
            is_latest: false,
            files: Vec::new(),
            workflows: Vec::new(),
        }
    }

    /// The git tag of the version.
    pub fn git_tag(&self) -> Option<&str> {
        self.git_tags.first().map(|tag| tag.tag.as_str())
    }

    /// Whether this run put the version's git tag or published the release.
    pub fn is_new(&self) -> bool {
        let own = self.git_tags.first();
        self.outcome == Some(ReleaseOutcome::Published)
            || own.is_some_and(|own| own.outcome == TagOutcome::Created)
    }

    /// Whether this run wrote anything.
    pub fn is_written(&self) -> bool {
        let is_put = |tag: &GitTagReport| matches!(tag.outcome, TagOutcome::Created | TagOutcome::Moved);
        self.outcome == Some(ReleaseOutcome::Published) || self.git_tags.iter().any(is_put)
    }

    /// One row for each git tag and for the release: what became of it, its name, more.
    pub(super) fn rows(&self) -> Vec<[String; 3]> {
        let git_tags = self.git_tags.iter().map(|tag| {
            let name = format!("git tag {}", Untrusted::new(&tag.tag));
            [tag.outcome.as_str().to_owned(), name, String::new()]
        });
        let release = self.outcome.map(|outcome| {
            let latest = if self.is_latest {
                "release, the latest"
            } else {
                "release"
            };
            let url = self.url.as_deref().map(|url| Untrusted::new(url).to_string());
            [
                outcome.as_str().to_owned(),
                latest.to_owned(),
                url.unwrap_or_default(),
            ]
        });
        let workflows = self.workflows.iter();
        let workflows =
            workflows.map(|file| ["started".to_owned(), format!("workflow {file}"), String::new()]);
        git_tags.chain(release).chain(workflows).collect()
    }
}

/// One row for each git tag and for the release: what will happen, its name, more.
pub(super) fn planned_rows(plan: &ReleasePlan) -> Vec<[String; 3]> {
    let own = std::iter::once((&plan.tag, &plan.git_tag));
    let moving = plan.moving.iter().map(|moving| (&moving.tag, &moving.action));
    let git_tags = own.chain(moving).map(|(tag, action)| {
        let detail = match action {
            GitTagAction::Create | GitTagAction::Keep => String::new(),
            GitTagAction::Move { from } => format!("from commit {}", from.short()),
            GitTagAction::Hold { greater } => format!("`{}` is greater", Untrusted::new(greater)),
            GitTagAction::Conflict(conflict) => format!("points to commit {}", conflict.existing.short()),
            GitTagAction::Unchecked => "GitHub was not asked".to_owned(),
        };
        let name = format!("git tag {}", Untrusted::new(tag));
        [action.name().to_owned(), name, detail]
    });
    let release = plan.release.map(|release| {
        let detail = match (plan.is_prerelease, plan.is_latest) {
            (true, _) => "a pre-release",
            (false, true) => "the latest",
            (false, false) => "not the latest",
        };
        [
            release.as_str().to_owned(),
            "release".to_owned(),
            detail.to_owned(),
        ]
    });
    let is_new =
        !matches!(plan.git_tag, GitTagAction::Keep) || plan.release.is_some_and(ReleaseAction::is_open);
    let workflows = plan.workflows.iter().filter(|_| is_new);
    let workflows = workflows.map(|file| ["start".to_owned(), format!("workflow {file}"), String::new()]);
    git_tags.chain(release).chain(workflows).collect()
}
