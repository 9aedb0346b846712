//! Comments on pull requests, which are issues to the API.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;

use super::GithubForge;
use super::api::Call;
use super::failure::Purpose;
use crate::limits;
use crate::ports::{Comment, ForgeError, WriteComments};

/// Source: GitHub REST API, "List issue comments".
#[derive(Deserialize)]
struct IssueComment {
    id: u64,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    author_association: String,
    #[serde(default)]
    user: Option<Author>,
}

#[derive(Deserialize)]
struct Author {
    #[serde(default, rename = "type")]
    kind: String,
}

impl From<IssueComment> for Comment {
    fn from(comment: IssueComment) -> Self {
        let is_program = comment.user.is_some_and(|user| user.kind == "Bot");
        let may_write = ["OWNER", "MEMBER", "COLLABORATOR"].contains(&comment.author_association.as_str());
        Self {
            id: comment.id,
            text: comment.body.unwrap_or_default(),
            is_trusted: is_program || may_write,
        }
    }
}

#[async_trait]
impl WriteComments for GithubForge {
    async fn comments(&self, pull_request: u64) -> Result<Vec<Comment>, ForgeError> {
        let mut comments = Vec::new();
        for page in 1..=limits::GITHUB_PAGES {
            let route = format!("/issues/{pull_request}/comments?per_page=100&page={page}");
            let answer = self.api.send(&Call::get(route), Purpose::Comment).await?;
            let found: Vec<IssueComment> = self.api.read(&answer)?;
            comments.extend(found.into_iter().map(Comment::from));
            if !answer.has_more {
                return Ok(comments);
            }
        }
        Err(self.api.not_understood(&"the list of comments does not end"))
    }

    async fn comment(&self, pull_request: u64, text: &str) -> Result<(), ForgeError> {
        let call = Call::post(
            format!("/issues/{pull_request}/comments"),
            json!({ "body": text }),
        );
        self.api.send(&call, Purpose::Comment).await.map(drop)
    }

    async fn change_comment(&self, id: u64, text: &str) -> Result<(), ForgeError> {
        let call = Call::patch(format!("/issues/comments/{id}"), json!({ "body": text }));
        self.api.send(&call, Purpose::Comment).await.map(drop)
    }
}
