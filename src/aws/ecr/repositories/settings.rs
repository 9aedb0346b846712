//! The settings of a whole registry, read and changed.

mod reading;
mod replication;
mod templates;
mod writing;

use async_trait::async_trait;

use super::{Paced, RegistryRepositories};
use crate::aws::ecr::answer::Call;
use crate::aws::failure::ApiFailure;
use crate::ports::{ReadRegistrySettings, RegistryError, WriteRegistrySettings};
use tagship_domain::reference::RepositoryName;
use tagship_domain::registry_settings::{ActualRegistry, RegistryPut, TemplatePrefix, WantedSettings};

/// The most pages that are read: no list of a registry's settings is longer than a page's 1000.
const MAX_PAGES: usize = 20;

/// What making a template or a cache needs beside the action of that name. Source: ECR user guide, "IAM permissions for creating
/// repository creation templates".
const BESIDE: [&str; 4] = [
    "ecr:CreateRepository ",
    "ecr:PutLifecyclePolicy",
    "ecr:SetRepositoryPolicy",
    "iam:PassRole",
];

/// One call about the registry itself, for the errors it may come to.
struct OfRegistry<'a> {
    paced: Paced<'a>,
    all: RepositoryName,
}

impl<'a> OfRegistry<'a> {
    fn new(paced: Paced<'a>) -> Self {
        Self {
            paced,
            all: RepositoryName::all(),
        }
    }

    fn call(&self, action: &'static str, operation: &'static str) -> Call<'_> {
        Call {
            registry: self.paced.registry,
            repository: &self.all,
            action,
            operation,
        }
    }

    /// Why a call failed. One that makes a template or a cache needs permissions beside its own, which the answer names.
    fn failed(&self, call: &Call<'_>, failure: ApiFailure) -> RegistryError {
        let named = BESIDE.iter().find(|action| failure.message.contains(*action));
        match named.filter(|_| failure.is_access_denied()) {
            Some(action) => RegistryError::not_permitted(action.trim_end(), &self.all, &failure.message),
            None => call.failed(failure),
        }
    }
}

#[async_trait]
impl ReadRegistrySettings for RegistryRepositories {
    async fn settings(&self, wanted: &WantedSettings) -> Result<ActualRegistry, RegistryError> {
        let region = self.region();
        reading::settings(&OfRegistry::new(self.paced()), wanted, region).await
    }

    async fn upstream_problem(&self, prefix: &TemplatePrefix) -> Result<Option<String>, RegistryError> {
        reading::upstream_problem(&OfRegistry::new(self.paced()), prefix).await
    }
}

#[async_trait]
impl WriteRegistrySettings for RegistryRepositories {
    async fn put(&self, put: &RegistryPut) -> Result<(), RegistryError> {
        writing::put(&OfRegistry::new(self.paced()), put).await
    }
}
