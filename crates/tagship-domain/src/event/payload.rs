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
    #[error("is no JSON object: {0}")]
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
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Repository {
    #[serde(deserialize_with = "lenient")]
    default_branch: Option<String>,
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
        let pull_request = fields.pull_request.unwrap_or_default();
        let base = pull_request.base.unwrap_or_default();
        Ok(Self {
            number: fields.number,
            base_ref: fields.base_ref,
            pull_request_base: base.name,
            pull_request_head: pull_request.head.and_then(|head| head.sha),
            default_branch: fields.repository.and_then(|repository| repository.default_branch),
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

    /// The time of the commit `sha`, if the payload is about it.
    pub fn commit_time(&self, sha: &str) -> Option<Timestamp> {
        self.head_commit
            .as_ref()
            .filter(|(id, _)| id == sha)
            .map(|(_, time)| *time)
    }
}
