//! Comments on pull requests.
//!
//! Source: `issues/comments`, "List issue comments", "Create an issue comment" and "Update an issue comment": a pull request
//! is an issue, bodies have at most 65,536 characters, and comments come in the order of their numbers.

use serde_json::{Value, json};

use super::{Answer, refused};

/// The one pull request.
pub const PULL_REQUEST: u64 = 7;

/// Its comments, in their order.
#[derive(Default)]
pub(super) struct Comments {
    all: Vec<Value>,
    pub(super) is_refused: bool,
}

impl Comments {
    /// What a person wrote.
    pub(super) fn write(&mut self, text: &str, association: &str) {
        let comment = json!({
            "id": self.all.len() + 1,
            "body": text,
            "user": { "login": "eve", "type": "User" },
            "author_association": association,
        });
        self.all.push(comment);
    }

    pub(super) fn texts(&self) -> Vec<String> {
        let texts = self.all.iter().map(|comment| comment["body"].as_str());
        texts.map(|text| text.unwrap_or_default().to_owned()).collect()
    }

    pub(super) fn list(&self, number: &str) -> Answer {
        if number.parse() != Ok(PULL_REQUEST) {
            return refused(404, "Not Found");
        }
        (200, json!(self.all))
    }

    pub(super) fn make(&mut self, number: &str, body: &Value) -> Answer {
        if number.parse() != Ok(PULL_REQUEST) {
            return refused(404, "Not Found");
        }
        if let Some(refusal) = self.refusal(body) {
            return refusal;
        }
        self.all.push(json!({
            "id": self.all.len() + 1,
            "body": body["body"],
            "user": { "login": "github-actions[bot]", "type": "Bot" },
            "author_association": "NONE",
        }));
        (201, self.all[self.all.len() - 1].clone())
    }

    pub(super) fn change(&mut self, id: &str, body: &Value) -> Answer {
        if let Some(refusal) = self.refusal(body) {
            return refusal;
        }
        let place = id.parse::<usize>().ok().and_then(|id| id.checked_sub(1));
        let Some(comment) = place.and_then(|place| self.all.get_mut(place)) else {
            return refused(404, "Not Found");
        };
        comment["body"] = body["body"].clone();
        (200, comment.clone())
    }

    fn refusal(&self, body: &Value) -> Option<Answer> {
        if self.is_refused {
            return Some(refused(403, "Resource not accessible by integration"));
        }
        let text = body["body"].as_str().unwrap_or_default();
        let is_legal = (1..=65_536).contains(&text.chars().count());
        (!is_legal).then(|| refused(422, "Validation Failed"))
    }
}
