//! `/v2`: the registry that docker and its kind push to and pull from, with ECR's own ways.
//!
//! Source: OCI distribution spec 1.1; where ECR differs, its behaviour as it was observed.

mod answer;
mod blobs;
mod catalog;
mod error;
mod login;
mod manifests;
mod public;
mod removal;
mod request;
mod route;
mod storage;
mod tags;
mod translation;
mod uploads;

pub(super) use answer::{public_routes, routes};
pub(super) use storage::routes as storage_routes;
