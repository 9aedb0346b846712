//! What clients speak to: each face parses a request, permits it, calls a service and words the answer.

mod admin;
mod authorization;
mod aws_api;
mod backend;
pub(crate) mod base_url;
mod ecr;
mod ecr_public;
pub(crate) mod exchange;
pub(crate) mod health;
mod json_api;
mod loopback;
pub(crate) mod oidc;
mod registry_v2;
mod sts;

use axum::Router;

pub(crate) use backend::{Addresses, Backend};

/// All faces, for the plain port and for the one with TLS. `admin` adds what tests order.
pub(crate) fn all(backend: Backend, admin: bool) -> Router {
    let mut router = aws_api::routes()
        .merge(registry_v2::routes())
        .merge(registry_v2::storage_routes())
        .merge(oidc::routes())
        .merge(health::routes());
    if admin {
        router = router.merge(admin::routes());
    }
    router.with_state(backend)
}

/// The public registries, at a port of their own.
pub(crate) fn public_registries(backend: Backend) -> Router {
    registry_v2::public_routes().with_state(backend)
}

/// The second origin, which blobs are read from.
pub(crate) fn storage(backend: Backend) -> Router {
    registry_v2::storage_routes().with_state(backend)
}
