//! What is taken of a webhook payload.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::Base;
use crate::facts::CommitId;

/// What is taken of a webhook payload, the file at `GITHUB_EVENT_PATH`.
///
/// The text is hostile: a field of another type than GitHub's counts as absent.
/// Source: GitHub docs, "Webhook events and payloads".
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Payload {
    /// The pull request's number.
    pub number: Option<u64>,
    /// The full reference of the branch that a pushed tag was made from.
    pub base_ref: Option<String>,
    /// The branch that the pull request goes to.
    pub pull_request_base: Option<String>,
    /// The pull request's last commit.
    pub pull_request_head: Option<String>,
    /// The repository's default branch.
    pub default_branch: Option<String>,
    /// The git tag of the release.
    pub release_tag: Option<String>,
    head_commit: Option<(String, Timestamp)>,
    before: Option<String>,
    pull_request_base_commit: Option<String>,
    merge_group_base_commit: Option<String>,
    repository: Option<String>,
    has_pull_request: bool,
    pull_request_repository: Option<String>,
    workflow_run_repository: Option<String>,
    is_comment_on_pull_request: bool,
}

/// Why a payload cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// It is longer than any of GitHub's.
    #[error("is longer than {most} bytes")]
    TooLong {
        /// How long it may be.
        most: usize,
    },
    /// It is no JSON object.
    #[error("is not a JSON object: {0}")]
    NotJson(String),
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Fields {
    #[serde(deserialize_with = "lenient")]
    number: Option<u64>,
    #[serde(deserialize_with = "lenient")]
    base_ref: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pull_request: Option<PullRequest>,
    #[serde(deserialize_with = "lenient")]
    repository: Option<Repository>,
    #[serde(deserialize_with = "lenient")]
    release: Option<Release>,
    #[serde(deserialize_with = "lenient")]
    head_commit: Option<Commit>,
    #[serde(deserialize_with = "lenient")]
    before: Option<String>,
    #[serde(deserialize_with = "lenient")]
    merge_group: Option<MergeGroup>,
    #[serde(deserialize_with = "lenient")]
    workflow_run: Option<WorkflowRun>,
    #[serde(deserialize_with = "lenient")]
    issue: Option<Issue>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WorkflowRun {
    #[serde(deserialize_with = "lenient")]
    head_repository: Option<Repository>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Issue {
    #[serde(deserialize_with = "lenient")]
    pull_request: Option<Value>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct MergeGroup {
    #[serde(deserialize_with = "lenient")]
    base_sha: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct PullRequest {
    #[serde(deserialize_with = "lenient")]
    base: Option<Branch>,
    #[serde(deserialize_with = "lenient")]
    head: Option<Branch>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Branch {
    #[serde(rename = "ref", deserialize_with = "lenient")]
    name: Option<String>,
    #[serde(deserialize_with = "lenient")]
    sha: Option<String>,
    #[serde(deserialize_with = "lenient")]
    repo: Option<Repository>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Repository {
    #[serde(deserialize_with = "lenient")]
    default_branch: Option<String>,
    #[serde(deserialize_with = "lenient")]
    full_name: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Release {
    #[serde(deserialize_with = "lenient")]
    tag_name: Option<String>,
}

#[derive(Deserialize)]
struct Commit {
    id: String,
    timestamp: Timestamp,
}

/// A value of the right type, or absent.
pub(super) fn lenient<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: serde::de::DeserializeOwned,
    D: Deserializer<'de>,
{
    Ok(T::deserialize(Value::deserialize(deserializer)?).ok())
}

impl Payload {
    /// The most bytes of a payload; GitHub caps them at 25 MB. Source: GitHub docs, "Webhook events and payloads".
    pub const MAX_BYTES: usize = 26 * 1024 * 1024;

    /// Reads a payload.
    pub fn parse(json: &[u8]) -> Result<Self, PayloadError> {
        if json.len() > Self::MAX_BYTES {
            return Err(PayloadError::TooLong {
                most: Self::MAX_BYTES,
            });
        }
        let fields: Fields =
            serde_json::from_slice(json).map_err(|error| PayloadError::NotJson(error.to_string()))?;
        let has_pull_request = fields.pull_request.is_some();
        let pull_request = fields.pull_request.unwrap_or_default();
        let base = pull_request.base.unwrap_or_default();
        let head = pull_request.head.unwrap_or_default();
        let repository = fields.repository.unwrap_or_default();
        let full_name = |repository: Option<Repository>| repository?.full_name;
        Ok(Self {
            number: fields.number,
            base_ref: fields.base_ref,
            pull_request_base: base.name,
            pull_request_head: head.sha,
            default_branch: repository.default_branch,
            repository: repository.full_name.or_else(|| full_name(base.repo)),
            has_pull_request,
            pull_request_repository: full_name(head.repo),
            workflow_run_repository: full_name(fields.workflow_run.and_then(|run| run.head_repository)),
            is_comment_on_pull_request: fields.issue.is_some_and(|issue| issue.pull_request.is_some()),
            release_tag: fields.release.and_then(|release| release.tag_name),
            head_commit: fields.head_commit.map(|commit| (commit.id, commit.timestamp)),
            before: fields.before,
            pull_request_base_commit: base.sha,
            merge_group_base_commit: fields.merge_group.and_then(|group| group.base_sha),
        })
    }

    /// What the event's commit is compared with. A reference that is new had no commit before: only zeros.
    pub fn base(&self) -> Option<Base> {
        let commit = |hex: &Option<String>| {
            let hex = hex.as_deref()?;
            CommitId::parse(hex).filter(|_| hex.bytes().any(|digit| digit != b'0'))
        };
        let of_pull_request = commit(&self.pull_request_base_commit).map(Base::MergeBase);
        of_pull_request.or_else(|| {
            let before = commit(&self.merge_group_base_commit).or_else(|| commit(&self.before));
            before.map(Base::Commit)
        })
    }

    /// Whether the event is about a commit of another repository than the one that the workflow runs in: a pull
    /// request from a fork, a run that one started, or a comment on a pull request, which names no repository.
    ///
    /// What the payload does not say counts as another; so does a fork that was deleted, which is `null`.
    pub fn is_about_another_repository(&self, event_name: &str) -> bool {
        let head = match event_name {
            "workflow_run" => &self.workflow_run_repository,
            "issue_comment" => return self.is_comment_on_pull_request,
            name if name.starts_with("pull_request") => &self.pull_request_repository,
            _ => return false,
        };
        head.is_none() || *head != self.repository
    }

    /// Whether the payload holds a pull request.
    pub fn has_pull_request(&self) -> bool {
        self.has_pull_request
    }

    /// The time of the commit `sha`, if the payload is about it.
    pub fn commit_time(&self, sha: &str) -> Option<Timestamp> {
        self.head_commit
            .as_ref()
            .filter(|(id, _)| id == sha)
            .map(|(_, time)| *time)
    }
}
