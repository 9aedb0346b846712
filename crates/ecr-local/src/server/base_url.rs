use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use axum::http::uri::Authority;

use super::connection::Secure;
use crate::emulator::Emulator;
use crate::hosts::AwsHost;
use crate::store::Registry;
use tagship_domain::reference::RegistryHost;

/// The server's address as the client of a request reaches it: containers see another one than the host does.
#[derive(Debug, Clone)]
pub(crate) struct BaseUrl {
    host: String,
    is_secure: bool,
}

impl BaseUrl {
    /// The endpoint of AWS that the client means; only with TLS can it know that it got there.
    pub(crate) fn endpoint(&self) -> Option<AwsHost> {
        self.is_secure.then(|| AwsHost::parse(self.host_name())).flatten()
    }

    /// Where the client reaches a registry: `host:port`, or the name that AWS gives it where the client uses TLS.
    pub(crate) fn registry_host(&self, registry: &Registry) -> String {
        let name = RegistryHost::of(registry.account(), registry.region());
        self.beside(name.as_str()).unwrap_or_else(|| self.host.clone())
    }

    /// Where the client reaches another name of AWS, if it uses TLS: with the port that it uses.
    pub(crate) fn beside(&self, name: &str) -> Option<String> {
        let port = self.host.strip_prefix(self.host_name()).unwrap_or_default();
        self.is_secure.then(|| format!("{name}{port}"))
    }

    /// The address of the same.
    pub(crate) fn registry(&self, registry: &Registry) -> String {
        format!("{}://{}", self.scheme(), self.registry_host(registry))
    }

    fn scheme(&self) -> &'static str {
        if self.is_secure { "https" } else { "http" }
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
        let is_secure = parts.extensions.get::<Secure>().is_some();
        Ok(Self { host, is_secure })
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme(), self.host)
    }
}
