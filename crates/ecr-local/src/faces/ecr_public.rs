//! ECR Public's API: registries that everybody pulls from, one for each account. What it shares with ECR is done by
//! ECR's own code; here stand its constraints, which are others, and what it alone has.
//!
//! Source: ECR Public API reference.

mod images;
mod policies;
mod registries;
mod repositories;
mod service;

pub(crate) use service::SERVICE;
