//! Tagship takes a commit to an immutable, verified, released container image in Amazon ECR.
//!
//! Publishing is a transaction: read, plan, build, push by digest, verify, tag, report. Until the manifest
//! was read back from the registry no tag exists, so a failed run burns no version.
//!
//! Data flows one way:
//! `action | cli | config` → `inputs` → [`settings`] → [`ports`] (read) → [`tagship_domain::facts`] → [`tagship_domain::plan`]
//! → `pipeline` (write) → `report` → `ui`.

pub mod action;
pub mod aws;
pub mod cli;
pub mod clock;
pub mod config;
pub mod engine;
pub mod git;
pub mod git_remote;
pub mod github;
pub mod inputs;
pub mod limits;
pub mod logins;
pub mod migration;
pub mod network;
pub mod pipeline;
pub mod ports;
mod random;
pub mod registry;
mod regular_file;
pub mod report;
pub mod run;
pub mod schema;
pub mod settings;
pub mod signing;
pub mod soci;
pub mod ui;
pub mod webhooks;
