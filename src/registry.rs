//! The registry: content by [`oci_registry`], settings and tags by ECR's API where there is one.

mod bases;
mod measuring;
mod repository;
mod unmade;

use std::sync::Arc;

use oci_registry::Client;

use crate::network::{self, NetworkError};
use crate::ports::{RegistryError, RegistryLogin, Reporter, RunEvent};
use tagship_domain::reference::ImageName;

pub use bases::{BaseRegistries, FoundLogins};
pub use measuring::MeasuringRepository;
pub use repository::Repository;
pub use unmade::UnmadeRepository;

/// Returns the one pool of connections that a run shares.
pub fn http_client() -> Result<reqwest::Client, NetworkError> {
    network::client(|builder| {
        oci_registry::configured(builder, concat!("tagship/", env!("CARGO_PKG_VERSION")))
    })
}

/// Returns a client of `image`'s repository that reports what it repeats.
pub fn client(
    image: ImageName,
    http: reqwest::Client,
    login: Arc<dyn RegistryLogin>,
    reporter: Arc<dyn Reporter>,
) -> Result<Client, RegistryError> {
    // ECR Public has an issuer of tokens, as other registries have.
    let is_public = image.registry.is_public_ecr();
    let client = Client::new(image, http, login)?;
    let client = if is_public { client.negotiating() } else { client };
    Ok(client.on_retry(move |retry| {
        reporter.event(RunEvent::Retry {
            what: &retry.what,
            reason: retry.reason,
            delay: retry.delay,
        });
    }))
}
