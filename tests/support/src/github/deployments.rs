//! Deployments, and how they stand.
//!
//! Source: `deployments/deployments`, "Create a deployment", and `deployments/statuses`, "Create a deployment status".

use serde_json::{Value, json};

use super::git::Bare;
use super::statuses::Statuses;
use super::{Answer, refused};

/// What a deployment may be. Source: "Create a deployment status", `state`.
const STATES: [&str; 7] = [
    "error",
    "failure",
    "inactive",
    "in_progress",
    "queued",
    "pending",
    "success",
];

/// Deployments with their statuses, in their order.
#[derive(Default)]
pub(super) struct Deployments {
    made: Vec<(Value, Vec<Value>)>,
    pub(super) is_refused: bool,
}

impl Deployments {
    pub(super) fn made(&self) -> Vec<(Value, Vec<Value>)> {
        self.made.clone()
    }

    pub(super) fn make(&mut self, body: &Value, repository: &Bare, statuses: &Statuses) -> Answer {
        if self.is_refused {
            return refused(403, "Resource not accessible by integration");
        }
        let git_ref = body["ref"].as_str().unwrap_or_default();
        let Some(commit) = repository.commit(git_ref).filter(|_| !git_ref.is_empty()) else {
            return refused(422, &format!("No ref found for: {git_ref}"));
        };
        let commit = commit["sha"].as_str().unwrap_or_default();
        let is_behind = repository
            .compared(&format!("{commit}...refs/heads/main"))
            .is_some_and(|compared| compared["status"] == "ahead");
        if body.get("auto_merge") != Some(&json!(false)) && is_behind {
            return (202, json!({ "message": "Auto-merged main into the ref" }));
        }
        if body.get("required_contexts").is_none() && !statuses.are_all_well(commit) {
            return refused(
                409,
                &format!("Conflict: Commit status checks failed for {git_ref}."),
            );
        }
        self.made.push((body.clone(), Vec::new()));
        (201, json!({ "id": self.made.len(), "sha": commit }))
    }

    pub(super) fn set(&mut self, id: &str, body: &Value) -> Answer {
        let number = id.parse::<usize>().ok().and_then(|id| id.checked_sub(1));
        let Some((_, statuses)) = number.and_then(|number| self.made.get_mut(number)) else {
            return refused(404, "Not Found");
        };
        let text = |field: &str| body[field].as_str().unwrap_or_default();
        let is_short = text("description").chars().count() <= 140;
        let is_page = |field: &str| body.get(field).is_none_or(|_| text(field).starts_with("http"));
        if !STATES.contains(&text("state")) || !is_short || !is_page("log_url") {
            return refused(422, "Validation Failed");
        }
        statuses.push(body.clone());
        (201, json!({ "id": statuses.len(), "state": body["state"] }))
    }
}
