//! What an operation works with: the call, and what it may use.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::faces::backend::Addresses;
use crate::faces::base_url::BaseUrl;
use crate::refusal::Refusal;
use crate::services::permissions::{self, Sender};
use crate::services::pushes::Pushes;
use crate::state::EmulatorState;
use crate::state::iam::{Principal, ResourcePolicy};
use crate::state::store::{Alias, Registry, Repository};
use tagship_domain::reference::RepositoryName;

/// Who calls, through which address, and which registry is meant.
pub(crate) struct Context<'a> {
    pub(crate) state: &'a Arc<EmulatorState>,
    pub(crate) pushes: &'a Pushes,
    pub(crate) addresses: &'a Addresses,
    pub(crate) principal: &'a Principal,
    /// Where the request comes from.
    pub(crate) source: Option<IpAddr>,
    pub(crate) base: &'a BaseUrl,
    /// Of the account that the request names, in the region that it is signed for.
    pub(crate) registry: Registry,
}

impl Context<'_> {
    /// The time at the emulator.
    pub(crate) fn now(&self) -> Timestamp {
        self.state.clock.now()
    }

    /// Checks the caller's permission for `action`, such as `ecr:PutImage`, on a resource of the registry.
    pub(crate) fn permit(&self, action: &str, resource: &str) -> Result<(), Refusal> {
        permissions::permit(&self.state.iam, &self.registry, self.sender(), action, resource)
    }

    /// Whether the caller could not do `action` on the repository any more if it had this policy.
    pub(crate) fn is_locked_out(
        &self,
        policy: ResourcePolicy,
        action: &str,
        repository: &Repository,
    ) -> bool {
        permissions::is_locked_out(
            &self.state.iam,
            &self.registry,
            self.sender(),
            action,
            repository,
            policy,
        )
    }

    /// Who calls, as permissions are decided.
    pub(crate) fn sender(&self) -> Sender<'_> {
        Sender {
            principal: self.principal,
            source: self.source,
        }
    }

    /// Where the registry is, as whoever asks reaches it.
    pub(crate) fn registry_uri(&self) -> String {
        if self.registry.is_public() {
            let host = self.base.public_host(self.addresses);
            return format!("{host}/{}", Alias::of(self.registry.account()));
        }
        self.base.registry_host(&self.registry)
    }

    /// An address that images are pushed to and pulled from, through the server that was asked.
    pub(crate) fn repository_uri(&self, name: &RepositoryName) -> String {
        format!("{}/{name}", self.registry_uri())
    }
}

/// Reads an operation's input.
pub(crate) fn read<T: DeserializeOwned>(document: Value) -> Result<T, Refusal> {
    serde_json::from_value(document).map_err(|error| Refusal::Serialization(error.to_string()))
}

/// Reads a repository's name.
pub(crate) fn repository_name(text: &str) -> Result<RepositoryName, Refusal> {
    RepositoryName::parse(text).map_err(|invalid| Refusal::parameter("repositoryName", invalid))
}

/// The size of a page. Source: ECR API reference, `maxResults`.
pub(crate) fn page_size(max_results: Option<usize>) -> usize {
    max_results.unwrap_or(100)
}

/// `answer` with the token for the next page, if there is one.
pub(crate) fn with_token(mut answer: Value, next: Option<String>) -> Value {
    if let (Some(next), Some(fields)) = (next, answer.as_object_mut()) {
        fields.insert("nextToken".to_owned(), next.into());
    }
    answer
}

/// A time as the API has it: seconds since 1970, with milliseconds.
#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds since 1970 fit into 53 bits for the next 280,000 years"
)]
pub(crate) fn epoch_seconds(time: Timestamp) -> f64 {
    time.as_millisecond() as f64 / 1000.0
}
