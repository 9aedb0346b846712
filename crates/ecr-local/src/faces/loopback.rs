//! Requests of clients on this machine, which alone may see and order what tests do.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;

use super::base_url::Peer;

/// A client on this machine.
pub(super) struct Loopback;

impl<S: Sync> FromRequestParts<S> for Loopback {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, StatusCode> {
        parts
            .extensions
            .get::<Peer>()
            .filter(|Peer(address)| address.ip().to_canonical().is_loopback())
            .map(|_| Self)
            .ok_or(StatusCode::NOT_FOUND)
    }
}
