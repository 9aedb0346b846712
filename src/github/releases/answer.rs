//! Releases as GitHub's API has them, and whose they are.

use std::sync::atomic::Ordering;

use serde::Deserialize;

use super::GithubForge;
use crate::ports::{ForgeRelease, ReleaseAsset};

/// The account whose token GitHub gives a job.
///
/// Source: GitHub docs, "`GITHUB_TOKEN`": what it does is done by the app GitHub Actions, and starts no workflow run.
const JOBS_ACCOUNT: &str = "github-actions[bot]";

/// Source: GitHub REST API, "Releases" and "Release assets".
#[derive(Deserialize)]
pub(super) struct Release {
    pub(super) id: u64,
    pub(super) tag_name: String,
    pub(super) draft: bool,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    html_url: String,
    #[serde(default)]
    upload_url: String,
    #[serde(default)]
    assets: Vec<Asset>,
    #[serde(default)]
    pub(super) author: Option<Account>,
}

#[derive(Deserialize)]
pub(super) struct Account {
    /// Of who published a release.
    #[serde(default)]
    login: String,
    /// Of who put a git tag.
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Asset {
    id: u64,
    name: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    digest: Option<String>,
}

impl From<Release> for ForgeRelease {
    fn from(release: Release) -> Self {
        let assets = release.assets.into_iter().map(|asset| ReleaseAsset {
            id: asset.id,
            name: asset.name,
            is_complete: asset.state == "uploaded",
            digest: asset.digest,
        });
        Self {
            id: release.id,
            is_draft: release.draft,
            text: release.body.unwrap_or_default(),
            url: release.html_url,
            // It is a template: `…/assets{?name,label}`.
            upload_url: release
                .upload_url
                .split('{')
                .next()
                .unwrap_or_default()
                .to_owned(),
            assets: assets.collect(),
        }
    }
}

impl GithubForge {
    /// Remembers that the job's own account made something.
    pub(super) fn note_account(&self, account: Option<&Account>) {
        let is_the_jobs = |account: &Account| account.login == JOBS_ACCOUNT || account.name == JOBS_ACCOUNT;
        if account.is_some_and(is_the_jobs) {
            self.is_the_jobs.store(true, Ordering::Relaxed);
        }
    }
}
