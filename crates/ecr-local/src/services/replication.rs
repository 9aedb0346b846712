//! Replication: images that are pushed to a registry are copied to others, of any account and region here.
//!
//! Copies are made within the push. Source: ECR user guide, "Private image replication in Amazon ECR".

mod backfills;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;
use crate::services::creation::{self, Scenario};
use crate::services::permissions::registry_lets;
use crate::state::EmulatorState;
use crate::state::store::{ImagePush, Owner, Registry, Source};
use tagship_domain::reference::{AccountId, Digest, Reference, Region, RepositoryName, Tag};

pub(crate) use backfills::{Backfill, BackfillResult, BackfillStatus};

/// The name of the document with a registry's configuration.
pub(crate) const CONFIGURATION: &str = "replication-configuration";

/// The name of the document with how an image was replicated: this and the digest.
const STATUS: &str = "replication/";

/// What a registry replicates. `D` is a destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Configuration<D = Destination> {
    pub(crate) rules: Vec<ReplicationRule<D>>,
}

/// Where the images of some repositories are copied to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReplicationRule<D = Destination> {
    pub(crate) destinations: Vec<D>,
    /// All repositories where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) repository_filters: Option<Vec<RepositoryFilter>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) delete_replication: Option<DeleteReplication>,
}

/// A registry to copy to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Destination {
    pub(crate) region: Region,
    pub(crate) registry_id: AccountId,
}

/// Repositories whose names begin with `filter`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RepositoryFilter {
    filter: String,
    filter_type: FilterType,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum FilterType {
    PrefixMatch,
}

/// Whether deletions are replicated too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeleteReplication {
    enabled: bool,
}

impl<D> ReplicationRule<D> {
    fn is_for(&self, repository: &RepositoryName) -> bool {
        self.repository_filters.as_ref().is_none_or(|filters| {
            filters
                .iter()
                .any(|filter| repository.as_str().starts_with(&filter.filter))
        })
    }

    fn replicates_deletions(&self) -> bool {
        self.delete_replication.is_some_and(|setting| setting.enabled)
    }
}

impl Configuration {
    /// A registry's configuration; no rules at first.
    pub(crate) fn of(registry: &Registry) -> Result<Self, Refusal> {
        let known = registry.document(Owner::Registry, CONFIGURATION)?;
        Ok(known.unwrap_or(Self { rules: Vec::new() }))
    }

    /// Where a repository's images go by the rules that are `wanted`, each place once.
    pub(crate) fn destinations(
        &self,
        repository: &RepositoryName,
        wanted: impl Fn(&ReplicationRule) -> bool,
    ) -> Vec<Destination> {
        let rules = self.rules.iter();
        let mut destinations: Vec<Destination> = rules
            .filter(|rule| rule.is_for(repository) && wanted(rule))
            .flat_map(|rule| rule.destinations.clone())
            .collect();
        destinations.sort();
        destinations.dedup();
        destinations
    }
}

/// How an image was replicated to one destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CopyOutcome {
    pub(crate) destination: Destination,
    /// The code of what went wrong.
    pub(crate) failure: Option<String>,
    at: Timestamp,
}

impl CopyOutcome {
    /// The status now: what was done may be reported later. Source: ECR API reference, `ImageReplicationStatus`.
    pub(crate) fn status(&self, state: &EmulatorState) -> &'static str {
        match &self.failure {
            _ if !state.has_replicated(self.at) => "IN_PROGRESS",
            None => "COMPLETE",
            Some(_) => "FAILED",
        }
    }
}

/// How an image was replicated to each destination.
pub(crate) fn outcomes(
    registry: &Registry,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<Vec<CopyOutcome>, Refusal> {
    let known = registry.document(Owner::Repository(repository), &format!("{STATUS}{digest}"))?;
    Ok(known.unwrap_or_default())
}

/// Copies a pushed image to where the registry's rules say. What is copied is not copied on from there.
pub(crate) fn pushed(state: &EmulatorState, push: &ImagePush) -> Result<(), Refusal> {
    let (registry, repository) = (&push.registry, &push.repository);
    let destinations = Configuration::of(registry)?.destinations(repository, |_| true);
    if destinations.is_empty() {
        return Ok(());
    }
    let source = Source {
        registry,
        repository,
        digest: push.manifest.digest(),
    };
    let outcomes = destinations
        .into_iter()
        .map(|destination| copy(state, source, destination, push.tag.as_ref()))
        .collect::<Result<Vec<CopyOutcome>, Refusal>>()?;
    let name = format!("{STATUS}{}", source.digest);
    registry.put_document(Owner::Repository(repository), &name, outcomes)
}

/// Copies an image to one destination.
pub(crate) fn copy(
    state: &EmulatorState,
    source: Source<'_>,
    destination: Destination,
    tag: Option<&Tag>,
) -> Result<CopyOutcome, Refusal> {
    let now = state.clock.now();
    let target = state.registry_at(destination.registry_id.clone(), destination.region.clone());
    let copied = permit(source, &target)
        .and_then(|()| creation::repository(state, &target, source.repository, Scenario::Replication))
        .and_then(|_| target.copy_image(source, source.repository, tag, now));
    let failure = match copied {
        Ok(()) => None,
        Err(refusal @ Refusal::State(_)) => return Err(refusal),
        Err(refusal) => Some(refusal.code().trim_end_matches("Exception").to_owned()),
    };
    Ok(CopyOutcome {
        destination,
        failure,
        at: now,
    })
}

/// Checks that the policy of the target lets the source's account copy, and make the repository if it is missing.
///
/// Source: ECR user guide, "Cross-account replication policy requirements".
fn permit(source: Source<'_>, target: &Registry) -> Result<(), Refusal> {
    let (account, name) = (source.registry.account(), source.repository);
    let lets = |action| registry_lets(target, account, action, name);
    let may_create = || match target.repository(name) {
        Err(Refusal::RepositoryNotFound { .. }) => lets("ecr:CreateRepository"),
        found => found.map(|_| true),
    };
    if lets("ecr:ReplicateImage")? && may_create()? {
        return Ok(());
    }
    Err(Refusal::AccessDenied(format!(
        "{account} may not replicate to {}",
        target.arn(name.as_str())
    )))
}

/// Deletes from the destinations what was deleted, where a rule says so: a tag only if it points to that image.
pub(crate) fn deleted(
    state: &EmulatorState,
    registry: &Registry,
    repository: &RepositoryName,
    reference: &Reference,
    digest: Digest,
) -> Result<(), Refusal> {
    let destinations =
        Configuration::of(registry)?.destinations(repository, ReplicationRule::replicates_deletions);
    for destination in destinations {
        let target = state.registry_at(destination.registry_id, destination.region);
        if !registry_lets(&target, registry.account(), "ecr:ReplicateImage", repository)? {
            continue;
        }
        let held = match target.image(repository, reference) {
            Err(Refusal::RepositoryNotFound { .. }) => continue,
            held => held?,
        };
        if held.is_some_and(|held| held.digest == digest) {
            target.delete_image(repository, reference)?;
        }
    }
    Ok(())
}
