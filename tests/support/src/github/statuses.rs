//! The statuses of commits.
//!
//! Source: `commits/statuses`, "Create a commit status".

use serde_json::{Value, json};

use super::git::Bare;
use super::{Answer, refused};

/// What was said of commits, in its order: the commit, and what it was given.
#[derive(Default)]
pub(super) struct Statuses {
    sent: Vec<(String, Value)>,
    pub(super) is_refused: bool,
}

impl Statuses {
    pub(super) fn sent(&self) -> Vec<(String, Value)> {
        self.sent.clone()
    }

    /// Whether the last status of each context of a commit is a success.
    pub(super) fn are_all_well(&self, commit: &str) -> bool {
        let of_commit = self.sent.iter().filter(|(of, _)| of == commit);
        let last = of_commit
            .map(|(_, status)| (status["context"].to_string(), status["state"] == "success"))
            .collect::<std::collections::BTreeMap<_, _>>();
        last.values().all(|is_well| *is_well)
    }

    pub(super) fn take(&mut self, commit: &str, body: &Value, repository: &Bare) -> Answer {
        if self.is_refused {
            return refused(403, "Resource not accessible by integration");
        }
        if repository.commit(commit).is_none() {
            return refused(422, &format!("No commit found for SHA: {commit}"));
        }
        let is_state = |state: &str| ["error", "failure", "pending", "success"].contains(&state);
        let description = body["description"].as_str().unwrap_or_default();
        let address = body.get("target_url");
        let has_legal_address = address.is_none_or(|address| {
            address
                .as_str()
                .is_some_and(|address| address.starts_with("http"))
        });
        if !body["state"].as_str().is_some_and(is_state)
            || description.chars().count() > 140
            || !has_legal_address
        {
            return refused(422, "Validation Failed");
        }
        self.sent.push((commit.to_owned(), body.clone()));
        (
            201,
            json!({ "id": self.sent.len(), "state": body["state"], "context": body["context"] }),
        )
    }
}
