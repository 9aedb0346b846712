//! How commits stand.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::GithubForge;
use super::api::Call;
use super::failure::Purpose;
use crate::ports::{ForgeError, ShowCommitState};
use tagship_domain::facts::CommitId;
use tagship_domain::notice::CommitState;

#[async_trait]
impl ShowCommitState for GithubForge {
    /// Source: GitHub REST API, "Create a commit status". Of several with one context the last counts, so that it may be
    /// sent twice.
    async fn show_state(&self, commit: &CommitId, state: &CommitState) -> Result<(), ForgeError> {
        let call = Call {
            is_repeatable: true,
            ..Call::post(format!("/statuses/{commit}"), body(state))
        };
        self.api.send(&call, Purpose::ShowState).await.map(drop)
    }
}

/// What is sent: without `target_url` where the run has no page, because GitHub takes `null` for one that is not valid.
fn body(state: &CommitState) -> Value {
    let mut body = json!({
        "state": state.standing.as_str(),
        "context": state.context,
        "description": state.description,
    });
    if let Some(page) = &state.page {
        body["target_url"] = json!(page);
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use tagship_domain::notice::Standing;

    #[test]
    fn a_status_without_a_page_has_no_address() {
        let state = CommitState {
            standing: Standing::Error,
            context: "tagship/team/app".to_owned(),
            description: "Not published".to_owned(),
            page: None,
        };
        assert_eq!(
            body(&state),
            json!({"state": "error", "context": "tagship/team/app", "description": "Not published"})
        );
    }
}
