use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use axum::http::uri::Authority;

use crate::local::emulator::Emulator;

/// The server's address as the client of a request reaches it: containers see another one than the host does.
#[derive(Debug, Clone)]
pub(crate) struct BaseUrl {
    host: String,
}

impl BaseUrl {
    /// `host:port`.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The host without the port.
    pub(crate) fn host_name(&self) -> &str {
        match self.host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => &self.host,
        }
    }
}

impl FromRequestParts<Arc<Emulator>> for BaseUrl {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, emulator: &Arc<Emulator>) -> Result<Self, Infallible> {
        let host = parts
            .headers
            .get(header::HOST)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| text.parse::<Authority>().ok())
            // User information is no part of a host.
            .filter(|authority| !authority.as_str().contains('@'))
            .map_or_else(|| emulator.address.to_string(), |authority| authority.to_string());
        Ok(Self { host })
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.host)
    }
}
