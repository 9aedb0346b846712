//! The pull through cache: images of an upstream registry, copied here when they are pulled first.
//!
//! Only registries of this emulator can be upstream; all others are out of its reach.
//! Source: ECR user guide, "Sync an upstream registry with an Amazon ECR private registry".

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;
use crate::services::creation::{self, ROOT, Scenario};
use crate::services::permissions::{self, Sender};
use crate::state::EmulatorState;
use crate::state::store::{Owner, Registry, Source};
use tagship_domain::reference::{Reference, RegistryHost, RepositoryName};

/// The name of the document with a rule: this and the rule's prefix.
pub(crate) const RULE: &str = "pull-through-cache/";

/// The name of the document with the time a tag was last looked for upstream: this and the tag.
const CHECKED: &str = "upstream-checked/";

/// How long a tag that is cached is not looked for upstream again.
/// Source: ECR user guide, "Considerations for using pull through cache rules".
const CHECK_LIFE: SignedDuration = SignedDuration::from_hours(24);

/// A kind of upstream registry. Source: ECR API reference, `CreatePullThroughCacheRule`, `upstreamRegistry`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Upstream {
    Ecr,
    EcrPublic,
    Quay,
    K8s,
    DockerHub,
    GithubContainerRegistry,
    AzureContainerRegistry,
    GitlabContainerRegistry,
    Chainguard,
}

impl Upstream {
    /// The registry that has this host. Source: as above, `upstreamRegistryUrl`.
    pub(crate) fn of(host: &str) -> Option<Self> {
        let is_custom = |suffix| {
            host.strip_suffix(suffix)
                .is_some_and(|name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric()))
        };
        Some(match host {
            "public.ecr.aws" => Self::EcrPublic,
            "quay.io" => Self::Quay,
            "registry.k8s.io" => Self::K8s,
            "registry-1.docker.io" => Self::DockerHub,
            "ghcr.io" => Self::GithubContainerRegistry,
            "registry.gitlab.com" => Self::GitlabContainerRegistry,
            "cgr.dev" => Self::Chainguard,
            _ if is_custom(".azurecr.io") => Self::AzureContainerRegistry,
            _ if is_ecr(host) => Self::Ecr,
            _ => return None,
        })
    }

    /// Whether a rule must name a secret with the upstream's login; others may not.
    pub(crate) fn needs_secret(self) -> bool {
        match self {
            Self::Ecr | Self::EcrPublic | Self::Quay | Self::K8s => false,
            Self::DockerHub
            | Self::GithubContainerRegistry
            | Self::AzureContainerRegistry
            | Self::GitlabContainerRegistry
            | Self::Chainguard => true,
        }
    }
}

fn is_ecr(host: &str) -> bool {
    RegistryHost::parse(host).is_ok_and(|host| host.account().is_some())
}

/// A rule, as the API has it but for the times.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CacheRule {
    /// Without a `/` at its end.
    pub(crate) ecr_repository_prefix: String,
    pub(crate) upstream_registry_url: String,
    pub(crate) upstream_registry: Upstream,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) credential_arn: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) custom_role_arn: Option<String>,
    /// Without a `/` at its end.
    pub(crate) upstream_repository_prefix: String,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

impl CacheRule {
    /// What follows the rule's prefix in a repository's name.
    fn rest<'a>(&self, repository: &'a RepositoryName) -> Option<&'a str> {
        let name = repository.as_str();
        if self.ecr_repository_prefix == ROOT {
            return Some(name);
        }
        name.strip_prefix(&self.ecr_repository_prefix)?.strip_prefix('/')
    }

    /// The rule with the longest prefix of a repository's name, and the repository upstream.
    fn of(registry: &Registry, repository: &RepositoryName) -> Result<Option<(Self, String)>, Refusal> {
        let rules: Vec<(String, Self)> = registry.documents(Owner::Registry, RULE)?;
        let fitting = rules.into_iter().filter_map(|(_, rule)| {
            let rest = rule.rest(repository)?;
            Some((rest.len(), rest, rule))
        });
        let closest = fitting.min_by_key(|(rest_length, _, _)| *rest_length);
        Ok(closest.map(|(_, rest, rule)| {
            let upstream = match rule.upstream_repository_prefix.as_str() {
                ROOT => rest.to_owned(),
                prefix => format!("{prefix}/{rest}"),
            };
            (rule, upstream)
        }))
    }

    /// The upstream registry, if it is one of this emulator that lets the rule's registry read `repository`,
    /// which may be a pattern.
    ///
    /// In its own account a registry reads without a role.
    /// Source: ECR user guide, "Setting up permissions for cross-account ECR to ECR PTC".
    pub(crate) fn upstream(
        &self,
        state: &EmulatorState,
        registry: &Registry,
        repository: &str,
    ) -> Result<Registry, Refusal> {
        let host = RegistryHost::parse(&self.upstream_registry_url)
            .map_err(|_elsewhere| self.unreachable("the emulator does not reach it"))?;
        let (Some(account), Some(region)) = (host.account(), host.region()) else {
            return Err(self.unreachable("the emulator does not reach it"));
        };
        let upstream = state.registry_at(account.clone(), region.clone());
        let Some(role) = &self.custom_role_arn else {
            return if upstream.account() == registry.account() {
                Ok(upstream)
            } else {
                Err(self.unreachable("the rule has no role"))
            };
        };
        let role = state
            .iam
            .acting_as(role)
            .ok_or_else(|| self.unreachable("there is no such role"))?;
        let sender = Sender::inside(&role);
        for action in ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"] {
            permissions::permit(&state.iam, &upstream, sender, action, &upstream.arn(repository))
                .map_err(|refusal| self.unreachable(&refusal.to_string()))?;
        }
        Ok(upstream)
    }

    fn unreachable(&self, problem: &str) -> Refusal {
        Refusal::modelled(
            UNABLE_TO_GET_IMAGE,
            format!(
                "Unable to get the image from the upstream registry '{}': {problem}",
                self.upstream_registry_url
            ),
        )
    }
}

/// The exception for an image that the upstream registry does not give.
pub(crate) const UNABLE_TO_GET_IMAGE: &str = "UnableToGetUpstreamImageException";

/// Copies an image that is to be pulled from upstream, if a rule is for its repository and it is not cached, or
/// is a tag that was not looked for within a day. What is cached serves where upstream does not. Blocks.
pub(crate) fn fetch(
    state: &EmulatorState,
    registry: &Registry,
    sender: Sender<'_>,
    repository: &RepositoryName,
    reference: &Reference,
) -> Result<(), Refusal> {
    let Some((rule, upstream)) = CacheRule::of(registry, repository)? else {
        return Ok(());
    };
    let is_cached = match registry.image(repository, reference) {
        Err(Refusal::RepositoryNotFound { .. }) => false,
        found => found?.is_some(),
    };
    let checked = format!("{CHECKED}{reference}");
    let now = state.clock.now();
    if is_cached {
        let last: Option<Timestamp> = registry.document(Owner::Repository(repository), &checked)?;
        let is_fresh = last.is_some_and(|last| now.duration_since(last) < CHECK_LIFE);
        if is_fresh || matches!(reference, Reference::Digest(_)) {
            return Ok(());
        }
    }
    match import(state, registry, sender, (repository, reference), &rule, &upstream) {
        Ok(()) => registry.put_document(Owner::Repository(repository), &checked, now),
        Err(refusal @ Refusal::State(_)) => Err(refusal),
        Err(_) if is_cached => Ok(()),
        Err(refusal) => Err(refusal),
    }
}

/// Who pulls must be permitted to import, and to make the repository if it is missing.
///
/// Source: ECR user guide, "IAM permissions required to sync an upstream registry with an Amazon ECR private
/// registry".
fn import(
    state: &EmulatorState,
    registry: &Registry,
    sender: Sender<'_>,
    (repository, reference): (&RepositoryName, &Reference),
    rule: &CacheRule,
    upstream: &str,
) -> Result<(), Refusal> {
    let resource = registry.arn(repository.as_str());
    let permit = |action| permissions::permit(&state.iam, registry, sender, action, &resource);
    permit("ecr:BatchImportUpstreamImage")?;
    if matches!(
        registry.repository(repository),
        Err(Refusal::RepositoryNotFound { .. })
    ) {
        permit("ecr:CreateRepository")?;
    }
    let source = rule.upstream(state, registry, upstream)?;
    let name = RepositoryName::parse(upstream).map_err(|invalid| rule.unreachable(&invalid.to_string()))?;
    let image = match source.image(&name, reference) {
        Err(Refusal::RepositoryNotFound { .. }) => None,
        found => found?,
    };
    let image = image.ok_or_else(|| rule.unreachable("the image is not there"))?;
    creation::repository(state, registry, repository, Scenario::PullThroughCache)?;
    let tag = match reference {
        Reference::Tag(tag) => Some(tag),
        Reference::Digest(_) => None,
    };
    let source = Source {
        registry: &source,
        repository: &name,
        digest: image.digest,
    };
    registry.copy_image(source, repository, tag, state.clock.now())
}
