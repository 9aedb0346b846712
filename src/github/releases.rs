//! Git tags and releases.

mod answer;

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use self::answer::{Account, Release};
use super::GithubForge;
use super::api::Call;
use super::failure::Purpose;
use crate::limits;
use crate::ports::{
    ForgeError, ForgeRelease, ListedTag, NewAsset, ReadReleases, ReadTags, ReleaseDraft, WriteReleases,
    WriteTags,
};
use tagship_domain::facts::CommitId;
use tagship_domain::release::{WorkflowFile, WorkflowInputs};

/// How many tag objects are followed, of tags that point to tags.
const MAX_TAG_OBJECTS: usize = 5;

/// The commit that no repository has.
const NO_COMMIT: &str = "0000000000000000000000000000000000000000";

/// Source: GitHub REST API, "Git references" and "Git tags".
#[derive(Deserialize)]
struct Reference {
    #[serde(default, rename = "ref")]
    name: String,
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    #[serde(rename = "type")]
    kind: String,
    sha: String,
}

#[async_trait]
impl ReadTags for GithubForge {
    async fn git_tags(&self, prefix: &str) -> Result<Vec<ListedTag>, ForgeError> {
        let mut tags = Vec::new();
        for page in 1..=limits::GITHUB_PAGES {
            let route = format!(
                "/git/matching-refs/tags/{}?per_page=100&page={page}",
                in_path(prefix)
            );
            let answer = self.api.send(&Call::get(route), Purpose::Read).await?;
            let references: Vec<Reference> = self.api.read(&answer)?;
            for Reference { name, object } in references {
                let (Some(name), Some(id)) = (name.strip_prefix("refs/tags/"), CommitId::parse(&object.sha))
                else {
                    continue;
                };
                tags.push(ListedTag {
                    name: name.to_owned(),
                    object: id,
                    is_commit: object.kind == "commit",
                });
            }
            if !answer.has_more {
                return Ok(tags);
            }
        }
        Err(self.api.not_understood(&"the list of git tags does not end"))
    }

    async fn tag_commit(&self, tag: &str) -> Result<Option<CommitId>, ForgeError> {
        let Some(answer) = self.api.find(format!("/git/ref/tags/{}", in_path(tag))).await? else {
            return Ok(None);
        };
        let mut object = self.api.read::<Reference>(&answer)?.object;
        for _ in 0..MAX_TAG_OBJECTS {
            if object.kind != "tag" {
                break;
            }
            let id =
                CommitId::parse(&object.sha).ok_or_else(|| self.api.not_understood(&"a tag has no id"))?;
            let answer = self
                .api
                .send(&Call::get(format!("/git/tags/{id}")), Purpose::Read)
                .await?;
            object = self.api.read::<Reference>(&answer)?.object;
        }
        let commit = CommitId::parse(&object.sha);
        commit
            .map(Some)
            .ok_or_else(|| self.api.not_understood(&"a git tag points to no commit"))
    }
}

#[async_trait]
impl ReadReleases for GithubForge {
    async fn release(&self, tag: &str) -> Result<Option<ForgeRelease>, ForgeError> {
        if let Some(answer) = self
            .api
            .find(format!("/releases/tags/{}", in_one_part(tag)))
            .await?
        {
            return Ok(Some(self.api.read::<Release>(&answer)?.into()));
        }
        // A draft is not found by its tag.
        let mut drafts = Vec::new();
        for page in 1..=limits::GITHUB_PAGES {
            let route = format!("/releases?per_page=100&page={page}");
            let answer = self.api.send(&Call::get(route), Purpose::Read).await?;
            let releases: Vec<Release> = self.api.read(&answer)?;
            drafts.extend(
                releases
                    .into_iter()
                    .filter(|release| release.draft && release.tag_name == tag),
            );
            if !answer.has_more {
                break;
            }
        }
        // The first of several, so that all runs go on with the same.
        Ok(drafts
            .into_iter()
            .min_by_key(|draft| draft.id)
            .map(ForgeRelease::from))
    }
}

#[async_trait]
impl WriteTags for GithubForge {
    /// Asks for a git tag on a commit that cannot be: whoever may put tags learns that there is no such commit.
    async fn check_write(&self) -> Result<(), ForgeError> {
        let body = json!({ "ref": "refs/tags/tagship-may-write", "sha": NO_COMMIT });
        let call = Call {
            is_repeatable: true,
            ..Call::post("/git/refs", body)
        };
        match self.api.send(&call, Purpose::Write("a git tag")).await {
            Err(refused @ ForgeError::NotPermitted { .. }) => Err(refused),
            // What else is in the way the real request says.
            _ => Ok(()),
        }
    }

    async fn create_tag(
        &self,
        tag: &str,
        commit: &CommitId,
        message: Option<&str>,
    ) -> Result<(), ForgeError> {
        let purpose = Purpose::Write(tag);
        let mut object = commit.clone();
        if let Some(message) = message {
            // An object that nothing points to does no harm, so that this may be tried twice.
            let body = json!({ "tag": tag, "message": message, "object": commit, "type": "commit" });
            let call = Call {
                is_repeatable: true,
                ..Call::post("/git/tags", body)
            };
            let answer = self.api.send(&call, purpose).await?;
            let made: Made = self.api.read(&answer)?;
            self.note_account(made.tagger.as_ref());
            let id = CommitId::parse(&made.sha);
            object = id.ok_or_else(|| self.api.not_understood(&"the tag object has no id"))?;
        }
        let body = json!({ "ref": format!("refs/tags/{tag}"), "sha": object });
        self.api
            .send(&Call::post("/git/refs", body), purpose)
            .await
            .map(drop)
    }

    async fn move_tag(&self, tag: &str, commit: &CommitId) -> Result<(), ForgeError> {
        let body = json!({ "sha": commit, "force": true });
        let call = Call::patch(format!("/git/refs/tags/{}", in_path(tag)), body);
        self.api.send(&call, Purpose::Write(tag)).await.map(drop)
    }

    fn is_the_jobs(&self) -> bool {
        self.is_the_jobs.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl WriteReleases for GithubForge {
    /// The git tag is there, so that no `target_commitish` is sent: with one GitHub asks for more rights.
    async fn draft(&self, draft: &ReleaseDraft<'_>) -> Result<ForgeRelease, ForgeError> {
        let ReleaseDraft {
            tag,
            text,
            is_prerelease,
        } = draft;
        let body = json!({
            "tag_name": tag, "name": tag, "body": text, "draft": true, "prerelease": is_prerelease,
        });
        let answer = self
            .api
            .send(&Call::post("/releases", body), Purpose::Write(tag))
            .await?;
        let release: Release = self.api.read(&answer)?;
        self.note_account(release.author.as_ref());
        Ok(release.into())
    }

    async fn rewrite(&self, release: u64, text: &str) -> Result<(), ForgeError> {
        let call = Call::patch(format!("/releases/{release}"), json!({ "body": text }));
        self.api
            .send(&call, Purpose::Write("the release"))
            .await
            .map(drop)
    }

    async fn upload(&self, release: &ForgeRelease, asset: &NewAsset) -> Result<(), ForgeError> {
        let address = Url::parse(&release.upload_url);
        let mut address = address.map_err(|error| self.api.not_understood(&error))?;
        address.query_pairs_mut().clear().append_pair("name", &asset.name);
        let content = (asset.media_type, asset.content.as_slice());
        self.api
            .upload(&address, content, Purpose::Write(&asset.name))
            .await
            .map(drop)
    }

    async fn remove_asset(&self, asset: u64) -> Result<(), ForgeError> {
        let call = Call {
            method: http::Method::DELETE,
            ..Call::get(format!("/releases/assets/{asset}"))
        };
        self.api.send(&call, Purpose::Write("the file")).await.map(drop)
    }

    async fn publish(
        &self,
        release: u64,
        is_latest: bool,
        is_prerelease: bool,
    ) -> Result<String, ForgeError> {
        // `make_latest` is text: `true`, `false` or `legacy`.
        let body = json!({
            "draft": false, "prerelease": is_prerelease, "make_latest": is_latest.to_string(),
        });
        let call = Call::patch(format!("/releases/{release}"), body);
        let answer = self.api.send(&call, Purpose::Write("the release")).await?;
        let release: Release = self.api.read(&answer)?;
        self.note_account(release.author.as_ref());
        Ok(ForgeRelease::from(release).url)
    }

    /// Source: GitHub REST API, "Create a workflow dispatch event".
    async fn start_workflow(
        &self,
        workflow: &WorkflowFile,
        tag: &str,
        inputs: &WorkflowInputs,
    ) -> Result<(), ForgeError> {
        let route = format!("/actions/workflows/{workflow}/dispatches");
        let call = Call::post(route, json!({ "ref": tag, "inputs": inputs }));
        let purpose = Purpose::StartWorkflow(workflow.as_str());
        self.api.send(&call, purpose).await.map(drop)
    }

    async fn make_latest(&self, release: u64) -> Result<(), ForgeError> {
        let call = Call::patch(format!("/releases/{release}"), json!({ "make_latest": "true" }));
        self.api
            .send(&call, Purpose::Write("the release"))
            .await
            .map(drop)
    }
}

#[derive(Deserialize)]
struct Made {
    sha: String,
    #[serde(default)]
    tagger: Option<Account>,
}

/// A git tag's name as the rest of a path: its `/` are those of the path.
pub(super) fn in_path(tag: &str) -> String {
    tag.split('/').map(in_one_part).collect::<Vec<_>>().join("/")
}

/// A git tag's name as one part of a path.
fn in_one_part(tag: &str) -> String {
    url::form_urlencoded::byte_serialize(tag.as_bytes()).collect()
}
