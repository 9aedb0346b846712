//! What ECR and its neighbours do: each service has the state in its hands, or less.

pub(crate) mod account_settings;
pub(crate) mod creation;
pub(crate) mod follow_up;
pub(crate) mod lifecycle;
pub(crate) mod login_tokens;
pub(crate) mod oidc;
pub(crate) mod permissions;
pub(crate) mod pull_through;
pub(crate) mod pushes;
pub(crate) mod replication;
pub(crate) mod scanning;
pub(crate) mod signing;
pub(crate) mod sigv4;
pub(crate) mod storage_grants;
