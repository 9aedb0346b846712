//! ECR's API. Each file has a family of operations, with the constraints on their inputs.
//!
//! Source: ECR API reference.

mod account_settings;
mod authorization;
mod creation_templates;
mod deletion;
mod images;
mod layers;
mod listing;
mod replication;
mod replication_backfills;
mod repositories;

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
        listing::OPERATIONS,
        replication::OPERATIONS,
        replication_backfills::OPERATIONS,
        repositories::OPERATIONS,
    ],
};
