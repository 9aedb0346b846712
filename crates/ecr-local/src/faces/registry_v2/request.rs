//! A request whose sender and registry are known, and what its answers are made of.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, header};

use super::error::{OciError, no_such_repository};
use super::route::Endpoint;
use crate::faces::backend::Addresses;
use crate::faces::base_url::{BaseUrl, Peer};
use crate::refusal::Refusal;
use crate::services::creation;
use crate::services::permissions::{self, Sender};
use crate::services::pushes::Pushes;
use crate::state::EmulatorState;
use crate::state::iam::Principal;
use crate::state::store::{Alias, Registry};
use tagship_domain::reference::RepositoryName;

pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
pub(super) const UPLOAD_ID: HeaderName = HeaderName::from_static("docker-upload-uuid");

/// A request whose sender and registry are known.
pub(super) struct DataPlaneRequest<'a> {
    pub(super) state: &'a Arc<EmulatorState>,
    pub(super) pushes: &'a Pushes,
    pub(super) addresses: &'a Addresses,
    pub(super) base: &'a BaseUrl,
    pub(super) parts: &'a Parts,
    /// Absent where the sender has not logged in, which only public registries allow.
    pub(super) principal: Option<Principal>,
    /// The registry that is meant.
    pub(super) registry: Registry,
    /// The repository as clients name it: with the alias before it in public registries.
    pub(super) named: RepositoryName,
}

impl DataPlaneRequest<'_> {
    /// Checks the sender's permission for what the request wants.
    pub(super) fn permit(&self, repository: &RepositoryName, endpoint: &Endpoint) -> Result<(), OciError> {
        if self.registry.is_public() && endpoint.only_reads() {
            return Ok(());
        }
        let is_head = self.parts.method == axum::http::Method::HEAD;
        self.permit_all(repository, endpoint.actions(is_head))
    }

    /// Where the request comes from.
    pub(super) fn source(&self) -> Option<IpAddr> {
        let peer = self.parts.extensions.get::<Peer>();
        peer.map(|Peer(address)| address.ip())
    }

    /// Checks the sender's permissions for some of the API's operations on a repository.
    pub(super) fn permit_all(
        &self,
        repository: &RepositoryName,
        operations: &[&str],
    ) -> Result<(), OciError> {
        let sender = Sender {
            principal: self.principal()?,
            source: self.source(),
        };
        self.look_up(|registry| {
            let resource = registry.arn(repository.as_str());
            operations.iter().try_for_each(|operation| {
                let action = registry.action(operation);
                permissions::permit(&self.state.iam, registry, sender, &action, &resource)
            })
        })
    }

    /// What is malformed: ECR does not support it, where the specification has a code for it.
    pub(super) fn invalid(&self, specified: &'static str, refusal: Refusal) -> OciError {
        if self.state.quirks.strict_oci {
            OciError::new(400, specified, refusal.to_string())
        } else {
            refusal.into()
        }
    }

    /// Who has logged in.
    pub(super) fn principal(&self) -> Result<&Principal, OciError> {
        let denied = || Refusal::AccessDenied("Not Authorized".to_owned()).into();
        self.principal.as_ref().ok_or_else(denied)
    }

    /// The repository's address.
    pub(super) fn address(&self) -> String {
        format!("{}/v2/{}", self.base, self.named)
    }

    /// Checks that the repository is there, or makes it as a template for pushes says.
    pub(super) async fn prepare_push(&self, repository: &RepositoryName) -> Result<(), OciError> {
        creation::before_push(self.state, &self.registry, repository)
            .await
            .map_err(|refusal| self.refused(refusal))
    }

    /// Works on the registry's state, where it may block.
    pub(super) async fn with_registry<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Registry) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, OciError> {
        let registry = self.registry.clone();
        let done = tokio::task::spawn_blocking(move || work(&registry))
            .await
            .map_err(Refusal::from)?;
        done.map_err(|refusal| self.refused(refusal))
    }

    /// Looks something up by its key. That is done at once: it reads a few pages, which takes less time than another
    /// thread needs to wake up.
    pub(super) fn look_up<T>(
        &self,
        look: impl FnOnce(&Registry) -> Result<T, Refusal>,
    ) -> Result<T, OciError> {
        look(&self.registry).map_err(|refusal| self.refused(refusal))
    }

    /// A refusal in the words of this interface.
    pub(super) fn refused(&self, refusal: Refusal) -> OciError {
        match refusal {
            // A public registry goes by its alias there.
            Refusal::RepositoryNotFound { repository, .. } if self.registry.is_public() => {
                no_such_repository(&repository, &Alias::of(self.registry.account()).to_string())
            }
            refusal => refusal.into(),
        }
    }

    /// The value of a query parameter.
    pub(super) fn query(&self, name: &str) -> Option<String> {
        let query = self.parts.uri.query()?;
        url::form_urlencoded::parse(query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// How many bytes the body has, if the request says it.
    pub(super) fn content_length(&self) -> Option<u64> {
        self.header(&header::CONTENT_LENGTH)?.parse().ok()
    }

    /// A header, if it is text.
    pub(super) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.parts.headers.get(name)?.to_str().ok()
    }
}

/// A header's value.
pub(super) fn value(text: &str) -> Result<HeaderValue, OciError> {
    HeaderValue::from_str(text).map_err(|error| Refusal::state(error).into())
}
