//! Where a server says that it is one of ours, and up.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use super::backend::Backend;
use super::loopback::Loopback;
use crate::state::EmulatorState;
use crate::state::iam::AccessKey;
use tagship_domain::reference::{AccountId, Region};

/// Where a server says that it is one of ours, and up.
pub(crate) const HEALTH_PATH: &str = "/_local/health";

/// A live server's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Health {
    service: String,
    account: AccountId,
    region: Region,
    /// The administrator's access key id, which no other data folder has.
    access_key_id: String,
}

impl Health {
    /// What the server of a data folder answers.
    pub(crate) fn new(account: &AccountId, region: &Region, administrator: &AccessKey) -> Self {
        Self {
            service: "tagship-local-ecr".to_owned(),
            account: account.clone(),
            region: region.clone(),
            access_key_id: administrator.id.clone(),
        }
    }
}

/// The address that is always there.
pub(super) fn routes() -> Router<Backend> {
    Router::new().route(
        HEALTH_PATH,
        get(async |_: Loopback, State(state): State<Arc<EmulatorState>>| {
            let registry = &state.registry;
            Json(Health::new(
                registry.account(),
                registry.region(),
                &state.iam.administrator,
            ))
        }),
    )
}
