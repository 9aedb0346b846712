//! ECR's API. Each file has a family of operations, with the constraints on their inputs.
//!
//! Source: ECR API reference.

mod authorization;
mod deletion;
mod images;
mod listing;
mod pull_time;
mod referrers;
mod repositories;
mod scanning;
mod scans;
mod signing;
mod storage_class;

pub(crate) use authorization::{TokenProblem, USER, open_token};

use crate::local::json_api::Service;

/// The API.
pub(crate) static SERVICE: Service = Service {
    target: "AmazonEC2ContainerRegistry_V20150921.",
    name: "ecr",
    operations: &[
        authorization::OPERATIONS,
        deletion::OPERATIONS,
        images::OPERATIONS,
        listing::OPERATIONS,
        pull_time::OPERATIONS,
        referrers::OPERATIONS,
        repositories::OPERATIONS,
        scanning::OPERATIONS,
        scans::OPERATIONS,
        signing::OPERATIONS,
        storage_class::OPERATIONS,
    ],
};
