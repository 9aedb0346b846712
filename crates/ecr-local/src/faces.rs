//! What clients speak to: each face parses a request, permits it, calls a service and words the answer.

mod addresses;
mod admin;
mod aws_api;
mod backend;
pub(crate) mod base_url;
pub(crate) mod breaker;
mod ecr;
mod ecr_public;
mod exchange;
pub(crate) mod health;
mod json_api;
mod loopback;
pub(crate) mod oidc;
mod registry_v2;
mod routers;
mod sts;

pub(crate) use addresses::Addresses;
pub(crate) use backend::Backend;
pub(crate) use routers::{all, public_registries, storage};
