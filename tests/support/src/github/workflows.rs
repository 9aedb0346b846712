//! Workflows that are started by hand.
//!
//! Source: `actions/workflows`, "Create a workflow dispatch event": 204, or 200 with the run's id; 404 for a workflow that is not
//! known, 422 for a reference or inputs that the workflow does not take.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::git::Bare;
use super::{Answer, refused};

/// The most inputs of a run.
const MOST_INPUTS: usize = 25;

/// The workflows of the default branch, and what they were started with.
#[derive(Default)]
pub(super) struct Workflows {
    /// The inputs that each knows; absent where it is not started by hand.
    known: BTreeMap<String, Option<Vec<String>>>,
    started: Vec<(String, Value)>,
    pub(super) is_refused: bool,
    /// Whether an answer says which run it is.
    pub(super) says_run: bool,
}

impl Workflows {
    pub(super) fn add(&mut self, file: &str, inputs: Option<&[&str]>) {
        let inputs = inputs.map(|inputs| inputs.iter().map(|input| (*input).to_owned()).collect());
        self.known.insert(file.to_owned(), inputs);
    }

    pub(super) fn started(&self) -> Vec<(String, Value)> {
        self.started.clone()
    }

    pub(super) fn start(&mut self, file: &str, body: &Value, repository: &Bare) -> Answer {
        if self.is_refused {
            return refused(403, "Resource not accessible by integration");
        }
        let Some(known) = self.known.get(file) else {
            return refused(404, "Not Found");
        };
        let Some(known) = known else {
            return refused(422, "Workflow does not have 'workflow_dispatch' trigger");
        };
        let git_ref = body["ref"].as_str().unwrap_or_default();
        if repository.reference(git_ref).is_none() {
            return refused(422, &format!("No ref found for: {git_ref}"));
        }
        let inputs = body["inputs"].as_object().cloned().unwrap_or_default();
        let unknown: Vec<&String> = inputs.keys().filter(|name| !known.contains(name)).collect();
        if !unknown.is_empty() {
            return refused(422, &format!("Unexpected inputs provided: {unknown:?}"));
        }
        if inputs.len() > MOST_INPUTS || !inputs.values().all(Value::is_string) {
            return refused(422, "Invalid request");
        }
        self.started.push((file.to_owned(), body.clone()));
        if self.says_run {
            (200, json!({ "workflow_run_id": self.started.len() }))
        } else {
            (204, Value::Null)
        }
    }
}
