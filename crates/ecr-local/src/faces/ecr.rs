//! ECR's API. Each file has a family of operations, with the constraints on their inputs.
//!
//! Source: ECR API reference.

mod account_settings;
mod creation_templates;
pub(crate) mod deletion;
pub(crate) mod image_ids;
pub(crate) mod images;
pub(crate) mod layers;
mod lifecycle;
mod lifecycle_preview;
pub(crate) mod listing;
mod pull_through;
mod pull_time;
mod referrers;
mod registry_policy;
mod replication;
mod replication_backfills;
pub(crate) mod repositories;
pub(crate) mod repository_policy;
pub(crate) mod resource_tags;
mod scanning;
mod scans;
mod service;
mod signing;
mod storage_class;

pub(crate) use service::{SERVICE, registry_id};
