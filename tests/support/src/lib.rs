//! What the integration tests stand on: engines, checkouts, the embedded ECR, clients and a runner.
//!
//! They fail by panicking, as tests do.

#![expect(
    clippy::disallowed_methods,
    clippy::new_without_default,
    clippy::return_self_not_must_use,
    clippy::unwrap_used,
    missing_debug_implementations,
    reason = "tests read their set-up from the environment, take names from the time, and fail by panicking"
)]

pub mod action;
pub mod checkout;
pub mod clients;
pub mod daemon;
pub mod elsewhere;
pub mod engines;
pub mod fake;
pub mod git_server;
pub mod github;
pub mod history;
pub mod iam;
pub mod images;
pub mod local;
pub mod page;
pub mod process;
pub mod proxy;
pub mod public;
pub mod recorder;
pub mod relay;
pub mod runner;
pub mod schema;
pub mod shipping;
pub mod unique;
