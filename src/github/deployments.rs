//! Deployments, for what deploys to hear of.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::GithubForge;
use super::api::Call;
use super::failure::Purpose;
use crate::ports::{AskForDeployment, ForgeError};
use tagship_domain::notice::Deployment;

#[derive(Deserialize)]
struct Made {
    id: u64,
}

#[async_trait]
impl AskForDeployment for GithubForge {
    /// Source: GitHub REST API, "Create a deployment" and "Create a deployment status".
    ///
    /// Nothing is merged into the commit that was built, and no other check has to be a success before: what was published
    /// is what is deployed.
    async fn ask_for_deployment(&self, deployment: &Deployment) -> Result<(), ForgeError> {
        let body = json!({
            "ref": deployment.commit,
            "environment": deployment.environment,
            "description": deployment.description,
            "payload": deployment.payload,
            "auto_merge": false,
            "required_contexts": [],
        });
        let made = self
            .api
            .send(&Call::post("/deployments", body), Purpose::HandOver)
            .await?;
        let Made { id } = self.api.read(&made)?;
        // Of several statuses the last counts, so that it may be sent twice.
        let call = Call {
            is_repeatable: true,
            ..Call::post(format!("/deployments/{id}/statuses"), status(deployment))
        };
        self.api.send(&call, Purpose::HandOver).await.map(drop)
    }
}

/// The first status: what deploys has not begun.
fn status(deployment: &Deployment) -> Value {
    let mut status = json!({ "state": "queued", "description": deployment.description });
    if let Some(page) = &deployment.page {
        status["log_url"] = json!(page);
    }
    status
}
