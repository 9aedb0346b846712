//! Requests of clients on this machine, which alone may see and order what tests do.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, header};

use super::base_url::Peer;

/// A client on this machine that is no web page.
pub(super) struct Loopback;

impl<S: Sync> FromRequestParts<S> for Loopback {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, StatusCode> {
        let peer = parts.extensions.get::<Peer>();
        if !peer.is_some_and(|Peer(address)| address.ip().to_canonical().is_loopback()) {
            return Err(StatusCode::NOT_FOUND);
        }
        if is_of_web_page(&parts.headers) {
            return Err(StatusCode::FORBIDDEN);
        }
        Ok(Self)
    }
}

/// Whether a web page may have sent the request: a page names its origin, and reaches this machine by a name of its
/// own where that leads here ("DNS rebinding"). An address, or `localhost`, leads nowhere else.
fn is_of_web_page(headers: &HeaderMap) -> bool {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .and_then(|host| host.parse::<Authority>().ok());
    let is_own = host.as_ref().is_some_and(|host| {
        let name = host.host().to_ascii_lowercase();
        let address = name.trim_start_matches('[').trim_end_matches(']');
        name == "localhost" || name.ends_with(".localhost") || address.parse::<IpAddr>().is_ok()
    });
    !is_own || headers.contains_key(header::ORIGIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_may_lead_elsewhere_and_origins_are_of_web_pages() {
        for (host, origin, is_page) in [
            (Some("127.0.0.1:5510"), None, false),
            (Some("[::1]:5510"), None, false),
            (Some("LOCALHOST"), None, false),
            (Some("ecr.localhost:1"), None, false),
            (Some("evil.example:5510"), None, true),
            (Some("127.0.0.1.evil.example"), None, true),
            (Some("user@127.0.0.1.evil.example"), None, true),
            (None, None, true),
            (Some("127.0.0.1:5510"), Some("https://evil.example"), true),
            (Some("127.0.0.1:5510"), Some("null"), true),
        ] {
            let mut headers = HeaderMap::new();
            let mut insert = |name, value: Option<&'static str>| {
                headers.extend(value.map(|value| (name, value.parse().unwrap())));
            };
            insert(header::HOST, host);
            insert(header::ORIGIN, origin);
            assert_eq!(is_of_web_page(&headers), is_page, "{host:?} {origin:?}");
        }
    }
}
