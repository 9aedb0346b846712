//! Branches that hold one change of one file, and the pull requests that propose them.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;

use super::GithubForge;
use super::api::Call;
use super::failure::Purpose;
use super::releases::in_path;
use crate::ports::{FileChange, ForgeError, ProposeChange, PullRequest};
use tagship_domain::facts::CommitId;

/// Source: GitHub REST API, "Get a reference".
#[derive(Deserialize)]
struct Reference {
    object: Named,
}

/// What has an id.
#[derive(Deserialize)]
struct Named {
    sha: String,
}

/// Source: GitHub REST API, "Get a commit object".
#[derive(Deserialize)]
struct CommitObject {
    tree: Named,
    #[serde(default)]
    parents: Vec<Named>,
    #[serde(default)]
    message: String,
}

/// Source: GitHub REST API, "List pull requests".
#[derive(Deserialize)]
struct Pull {
    number: u64,
    #[serde(default)]
    title: String,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    html_url: String,
}

impl From<Pull> for PullRequest {
    fn from(pull: Pull) -> Self {
        Self {
            number: pull.number,
            title: pull.title,
            text: pull.body.unwrap_or_default(),
            url: pull.html_url,
        }
    }
}

impl GithubForge {
    async fn commit_object(&self, commit: &CommitId) -> Result<CommitObject, ForgeError> {
        let call = Call::get(format!("/git/commits/{commit}"));
        self.api.read(&self.api.send(&call, Purpose::Read).await?)
    }

    fn id(&self, text: &str) -> Result<CommitId, ForgeError> {
        CommitId::parse(text).ok_or_else(|| self.api.not_understood(&"an object has no id"))
    }
}

#[async_trait]
impl ProposeChange for GithubForge {
    async fn branch(&self, branch: &str) -> Result<Option<CommitId>, ForgeError> {
        let found = self
            .api
            .find(format!("/git/ref/heads/{}", in_path(branch)))
            .await?;
        let Some(answer) = found else { return Ok(None) };
        let reference: Reference = self.api.read(&answer)?;
        self.id(&reference.object.sha).map(Some)
    }

    /// Objects that nothing points to do no harm, so that both may be made twice.
    async fn commit_file(
        &self,
        change: &FileChange<'_>,
        current: Option<&CommitId>,
    ) -> Result<CommitId, ForgeError> {
        let parent = change.parent;
        let base = self.commit_object(parent).await?;
        let entry = json!({
            "path": change.path, "mode": "100644", "type": "blob", "content": change.content,
        });
        let again = |route: &str, body| Call {
            is_repeatable: true,
            ..Call::post(route, body)
        };
        let tree = again(
            "/git/trees",
            json!({ "base_tree": base.tree.sha, "tree": [entry] }),
        );
        let tree: Named = self.api.read(&self.api.send(&tree, Purpose::Propose).await?)?;
        if let Some(current) = current {
            let known = self.commit_object(current).await?;
            let is_same = known.tree.sha == tree.sha
                && known.message.trim_end() == change.message
                && known
                    .parents
                    .iter()
                    .map(|one| one.sha.as_str())
                    .eq([parent.as_str()]);
            if is_same {
                return Ok(current.clone());
            }
        }
        let commit = json!({ "message": change.message, "tree": tree.sha, "parents": [parent] });
        let commit = again("/git/commits", commit);
        let made: Named = self.api.read(&self.api.send(&commit, Purpose::Propose).await?)?;
        self.id(&made.sha)
    }

    async fn create_branch(&self, branch: &str, commit: &CommitId) -> Result<(), ForgeError> {
        let body = json!({ "ref": format!("refs/heads/{branch}"), "sha": commit });
        let call = Call::post("/git/refs", body);
        self.api.send(&call, Purpose::Propose).await.map(drop)
    }

    async fn move_branch(&self, branch: &str, commit: &CommitId) -> Result<(), ForgeError> {
        let body = json!({ "sha": commit, "force": true });
        let call = Call::patch(format!("/git/refs/heads/{}", in_path(branch)), body);
        self.api.send(&call, Purpose::Propose).await.map(drop)
    }

    /// Of open ones there is at most one from a branch to another.
    async fn pull_request(&self, branch: &str, base: &str) -> Result<Option<PullRequest>, ForgeError> {
        let owner = self.api.repository.split('/').next().unwrap_or_default();
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("state", "open")
            .append_pair("head", &format!("{owner}:{branch}"))
            .append_pair("base", base)
            .finish();
        let answer = self
            .api
            .send(&Call::get(format!("/pulls?{query}")), Purpose::Propose)
            .await?;
        let found: Vec<Pull> = self.api.read(&answer)?;
        Ok(found.into_iter().next().map(PullRequest::from))
    }

    async fn open_pull_request(
        &self,
        (branch, base): (&str, &str),
        title: &str,
        text: &str,
    ) -> Result<PullRequest, ForgeError> {
        let body = json!({ "title": title, "head": branch, "base": base, "body": text });
        let answer = self
            .api
            .send(&Call::post("/pulls", body), Purpose::Propose)
            .await?;
        Ok(self.api.read::<Pull>(&answer)?.into())
    }

    async fn change_pull_request(&self, number: u64, title: &str, text: &str) -> Result<(), ForgeError> {
        let call = Call::patch(
            format!("/pulls/{number}"),
            json!({ "title": title, "body": text }),
        );
        self.api.send(&call, Purpose::Propose).await.map(drop)
    }
}
