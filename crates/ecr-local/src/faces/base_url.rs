//! How a client reached the emulator: from where, by which name, and whether with TLS.

use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::header;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use secrecy::{ExposeSecret as _, SecretString};

use super::backend::Addresses;
use crate::hosts::{AwsHost, PUBLIC_REGISTRY};
use crate::state::store::Registry;
use tagship_domain::reference::RegistryHost;

/// Where storage is read from, before the grant.
pub(crate) const STORAGE_PATH: &str = "/storage/";

/// The mark of a request that came through TLS.
#[derive(Debug, Clone)]
pub(crate) struct Secure {
    /// The name that the client asked a certificate for; none if it knows an address only.
    pub(crate) server_name: Option<String>,
}

impl Secure {
    /// Whether a request is for the name that its connection has the certificate of.
    ///
    /// Source: RFC 9110, section 15.5.20.
    pub(crate) fn is_for<B>(&self, request: &axum::http::Request<B>) -> bool {
        let host = request
            .headers()
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        match (
            &self.server_name,
            host.and_then(|host| host.parse::<Authority>().ok()),
        ) {
            (Some(name), Some(host)) => host.host().eq_ignore_ascii_case(name),
            _ => true,
        }
    }
}

/// The address that a request came from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

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

    /// The host of all public registries.
    pub(crate) fn public_host(&self, addresses: &Addresses) -> String {
        match (self.beside(PUBLIC_REGISTRY), addresses.public_port) {
            (Some(host), _) => host,
            (None, Some(port)) => format!("{}:{port}", self.host_name()),
            (None, None) => PUBLIC_REGISTRY.to_owned(),
        }
    }

    /// An address that a blob can be read from without a login: at the second origin where there is one.
    pub(crate) fn storage(&self, addresses: &Addresses, grant: &SecretString) -> String {
        let origin = addresses.storage_port.map_or_else(
            || self.to_string(),
            |port| format!("http://{}:{port}", self.host_name()),
        );
        format!("{origin}{STORAGE_PATH}{}", grant.expose_secret())
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

impl<S: Sync> FromRequestParts<S> for BaseUrl
where
    Addresses: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let host = parts
            .headers
            .get(header::HOST)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| text.parse::<Authority>().ok())
            // User information is no part of a host.
            .filter(|authority| !authority.as_str().contains('@'))
            .map_or_else(
                || Addresses::from_ref(state).plain.to_string(),
                |authority| authority.to_string(),
            );
        let is_secure = parts.extensions.get::<Secure>().is_some();
        Ok(Self { host, is_secure })
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme(), self.host)
    }
}
