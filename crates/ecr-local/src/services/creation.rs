//! Repositories that ECR makes by itself, with the settings of creation templates.
//!
//! Source: ECR user guide, "Templates to control repositories created during a pull through cache, create on
//! push, or replication action".

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;
use crate::services::lifecycle::{POLICY as LIFECYCLE_POLICY, StoredPolicy};
use crate::services::permissions::{self, REPOSITORY_POLICY, Sender};
use crate::state::EmulatorState;
use crate::state::iam::Iam;
use crate::state::store::{Encryption, MutabilitySetting, NewRepository, Owner, Registry, Repository};
use tagship_domain::reference::{Digest, RepositoryName};

/// The name of the document with a template: this and the template's prefix.
pub(crate) const TEMPLATE: &str = "creation-template/";

/// The prefix of the template for what no other template is for.
pub(crate) const ROOT: &str = "ROOT";

/// Why a repository is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Scenario {
    Replication,
    PullThroughCache,
    CreateOnPush,
}

/// A creation template, as the API has it but for the times and the tags.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Template {
    /// Without a `/` at its end.
    pub(crate) prefix: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    pub(crate) encryption_configuration: Encryption,
    pub(crate) resource_tags: BTreeMap<String, String>,
    #[serde(flatten)]
    pub(crate) mutability: MutabilitySetting,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) repository_policy: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lifecycle_policy: Option<String>,
    pub(crate) applied_for: Vec<Scenario>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) custom_role_arn: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

impl Template {
    /// How closely the template fits a repository, if it does.
    fn fit(&self, name: &RepositoryName) -> Option<usize> {
        if self.prefix == ROOT {
            return Some(0);
        }
        let rest = name.as_str().strip_prefix(&self.prefix)?;
        rest.starts_with('/').then_some(self.prefix.len())
    }

    /// Whether the role that makes the repository may do so. ECR's own role can neither tag nor use KMS.
    ///
    /// Source: ECR user guide, "Creating a repository creation template"; containers-roadmap 2398.
    fn is_permitted(&self, state: &EmulatorState, registry: &Registry, name: &RepositoryName) -> bool {
        let Some(role) = &self.custom_role_arn else {
            return self.resource_tags.is_empty()
                && self.encryption_configuration.encryption_type == "AES256";
        };
        let Some(role) = state.iam.acting_as(role) else {
            return false;
        };
        let (sender, repository) = (Sender::inside(&role), registry.arn(name.as_str()));
        let may = |action| permissions::permit(&state.iam, registry, sender, action, &repository).is_ok();
        may("ecr:CreateRepository") && (self.resource_tags.is_empty() || may("ecr:TagResource"))
    }

    fn put_policies(self, registry: &Registry, name: &RepositoryName, now: Timestamp) -> Result<(), Refusal> {
        let owner = Owner::Repository(name);
        if let Some(policy) = self.repository_policy {
            registry.put_document(owner, REPOSITORY_POLICY, policy)?;
        }
        if let Some(policy) = self.lifecycle_policy {
            registry.put_document(owner, LIFECYCLE_POLICY, StoredPolicy::new(policy, now))?;
        }
        Ok(())
    }

    fn settings(&self, name: &RepositoryName) -> NewRepository {
        NewRepository {
            mutability: self.mutability.clone(),
            encryption: self.encryption_configuration.clone(),
            tags: self.resource_tags.clone(),
            ..NewRepository::named(name.clone())
        }
    }
}

/// Sees to it that the repository of a push is there, or may not be.
pub(crate) async fn before_push(
    state: &Arc<EmulatorState>,
    registry: &Registry,
    name: &RepositoryName,
) -> Result<(), Refusal> {
    match registry.repository(name) {
        Err(Refusal::RepositoryNotFound { .. }) => {}
        found => return found.map(drop),
    }
    let (state, registry, name) = (Arc::clone(state), registry.clone(), name.clone());
    let make = move || repository(&state, &registry, &name, Scenario::CreateOnPush);
    tokio::task::spawn_blocking(make).await?.map(drop)
}

/// The repository, which is made if it is missing and may be made: for a push only by a template, else also with
/// ECR's defaults. Blocks.
///
/// The template with the longest prefix counts, even where it is for other scenarios.
pub(crate) fn repository(
    state: &EmulatorState,
    registry: &Registry,
    name: &RepositoryName,
    scenario: Scenario,
) -> Result<Repository, Refusal> {
    let missing = match registry.repository(name) {
        Err(missing @ Refusal::RepositoryNotFound { .. }) => missing,
        found => return found,
    };
    let templates: Vec<(String, Template)> = registry.documents(Owner::Registry, TEMPLATE)?;
    let template = templates
        .into_iter()
        .filter_map(|(_, template)| Some((template.fit(name)?, template)))
        .max_by_key(|(fit, _)| *fit)
        .map(|(_, template)| template)
        .filter(|template| template.applied_for.contains(&scenario));
    let mut new = match &template {
        Some(template) if !template.is_permitted(state, registry, name) => {
            return Err(missing);
        }
        Some(template) => template.settings(name),
        None if scenario == Scenario::CreateOnPush => return Err(missing),
        None => NewRepository::named(name.clone()),
    };
    new.encryption = with_key(new.encryption, &state.iam, registry);
    new.is_cache = scenario == Scenario::PullThroughCache;
    let created = match registry.create_repository(new, state.clock.now()) {
        // Another request was faster.
        Err(Refusal::RepositoryAlreadyExists { .. }) => return registry.repository(name),
        created => created?,
    };
    if let Some(template) = template {
        template.put_policies(registry, name, created.created_at)?;
    }
    Ok(created)
}

/// The setting as the registry keeps it: with KMS and without a key, it is the account's own `aws/ecr` key in the
/// region.
///
/// Source: ECR API reference, `EncryptionConfiguration`, `kmsKey`.
pub(crate) fn with_key(encryption: Encryption, iam: &Iam, registry: &Registry) -> Encryption {
    let key = encryption.kms_key.filter(|key| !key.is_empty());
    let is_kms = encryption.encryption_type != "AES256";
    Encryption {
        kms_key: key.or_else(|| is_kms.then(|| default_key(iam, registry))),
        encryption_type: encryption.encryption_type,
    }
}

/// The resource name of the AWS managed key `aws/ecr`: it stays the same, as AWS's does.
fn default_key(iam: &Iam, registry: &Registry) -> String {
    let (region, account) = (registry.region(), registry.account());
    let secret = iam.seal.derive("aws/ecr", &format!("{account}/{region}"));
    let hex = Digest::of(secret.expose_secret().as_bytes()).hex();
    let part = |range| hex.get(range).unwrap_or_default();
    let id = [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-");
    format!("arn:{}:kms:{region}:{account}:key/{id}", region.partition())
}
