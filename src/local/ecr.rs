//! ECR's API. Each file has a family of operations, with the constraints on their inputs.
//!
//! Source: ECR API reference.

mod account_settings;
mod authorization;
mod creation_templates;
mod deletion;
mod images;
mod layers;
mod lifecycle;
mod lifecycle_preview;
mod listing;
mod pull_through;
mod pull_time;
mod referrers;
mod registry_policy;
mod replication;
mod replication_backfills;
mod repositories;
mod repository_policy;
mod resource_tags;
mod scanning;
mod scans;
mod signing;
mod storage_class;

pub(crate) use account_settings::{BLOB_MOUNTING, ENABLED};
pub(crate) use authorization::{TokenProblem, USER, open_token};

use crate::local::json_api::Service;

/// The API.
pub(crate) static SERVICE: Service = Service {
    target: "AmazonEC2ContainerRegistry_V20150921.",
    name: "ecr",
    operations: &[
        account_settings::OPERATIONS,
        authorization::OPERATIONS,
        creation_templates::OPERATIONS,
        deletion::OPERATIONS,
        images::OPERATIONS,
        layers::OPERATIONS,
        lifecycle::OPERATIONS,
        lifecycle_preview::OPERATIONS,
        listing::OPERATIONS,
        pull_through::OPERATIONS,
        pull_time::OPERATIONS,
        referrers::OPERATIONS,
        registry_policy::OPERATIONS,
        replication::OPERATIONS,
        replication_backfills::OPERATIONS,
        repositories::OPERATIONS,
        repository_policy::OPERATIONS,
        resource_tags::OPERATIONS,
        scanning::OPERATIONS,
        scans::OPERATIONS,
        signing::OPERATIONS,
        storage_class::OPERATIONS,
    ],
};
