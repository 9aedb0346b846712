//! Backfills: what was pushed before its registry replicated, copied to one destination.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Configuration, Destination, copy};
use crate::refusal::Refusal;
use crate::state::EmulatorState;
use crate::state::store::{Owner, Registry, Source};
use tagship_domain::reference::{Digest, RepositoryName, Tag};

/// The name of the document with a backfill: this and its id.
const BACKFILL: &str = "replication-backfill/";

/// A backfill.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Backfill {
    pub(crate) id: String,
    pub(crate) destination: Destination,
    pub(crate) started_at: Timestamp,
    stopped_at: Option<Timestamp>,
    /// What was copied, once it was.
    results: Option<Vec<BackfillResult>>,
    ended_at: Option<Timestamp>,
}

/// One image under one tag, copied or not.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct BackfillResult {
    pub(crate) repository: RepositoryName,
    pub(crate) digest: Digest,
    pub(crate) tag: Option<Tag>,
    /// The code of what went wrong.
    pub(crate) failure: Option<String>,
}

/// Where a backfill is. Source: ECR user guide, "Replication backfill".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum BackfillStatus {
    Preparing,
    Complete,
    Failed,
    Stopped,
}

impl Backfill {
    /// Begins a backfill to a destination. Blocks.
    pub(crate) fn start(
        state: &EmulatorState,
        registry: &Registry,
        destination: Destination,
    ) -> Result<Self, Refusal> {
        let backfill = Self {
            id: crate::random::uuid()?,
            destination,
            started_at: state.clock.now(),
            stopped_at: None,
            results: None,
            ended_at: None,
        };
        backfill.keep(registry)?;
        Ok(backfill)
    }

    /// All backfills of a registry, by their ids; those that are due are carried out first. Blocks.
    pub(crate) fn all(state: &EmulatorState, registry: &Registry) -> Result<Vec<Self>, Refusal> {
        let known: Vec<(String, Self)> = registry.documents(Owner::Registry, BACKFILL)?;
        known
            .into_iter()
            .map(|(_, backfill)| backfill.settled(state, registry))
            .collect()
    }

    fn keep(&self, registry: &Registry) -> Result<(), Refusal> {
        let name = format!("{BACKFILL}{}", self.id);
        registry.put_document(Owner::Registry, &name, self.clone())
    }

    /// The backfill as it is now, carried out if that is due.
    pub(crate) fn settled(mut self, state: &EmulatorState, registry: &Registry) -> Result<Self, Refusal> {
        if self.is_running() && state.has_replicated(self.started_at) {
            self.results = Some(self.copy_all(state, registry)?);
            let delay = SignedDuration::from_secs(state.quirks.replication_seconds.into());
            self.ended_at = self.started_at.checked_add(delay).ok();
            self.keep(registry)?;
        }
        Ok(self)
    }

    /// Ends the backfill before it has copied anything.
    pub(crate) fn stop(mut self, state: &EmulatorState, registry: &Registry) -> Result<Self, Refusal> {
        self.stopped_at = Some(state.clock.now());
        self.keep(registry)?;
        Ok(self)
    }

    fn copy_all(&self, state: &EmulatorState, registry: &Registry) -> Result<Vec<BackfillResult>, Refusal> {
        let configuration = Configuration::of(registry)?;
        let mut results = Vec::new();
        for repository in registry.repositories(None, usize::MAX)?.items {
            let destinations = configuration.destinations(&repository.name, |_| true);
            if !destinations.contains(&self.destination) {
                continue;
            }
            for image in registry.images(&repository.name)? {
                let source = Source {
                    registry,
                    repository: &repository.name,
                    digest: image.digest,
                };
                let tags = image.tags.iter().map(|tag| Tag::parse(tag).map(Some));
                let mut tags: Vec<Option<Tag>> = tags.collect::<Result<_, _>>().map_err(Refusal::state)?;
                if tags.is_empty() {
                    tags.push(None);
                }
                for tag in tags {
                    let outcome = copy(state, source, self.destination.clone(), tag.as_ref())?;
                    results.push(BackfillResult {
                        repository: repository.name.clone(),
                        digest: image.digest,
                        tag,
                        failure: outcome.failure,
                    });
                }
            }
        }
        Ok(results)
    }

    pub(crate) fn is_running(&self) -> bool {
        self.stopped_at.is_none() && self.results.is_none()
    }

    /// What was copied, and what was not.
    pub(crate) fn results(&self) -> &[BackfillResult] {
        self.results.as_deref().unwrap_or_default()
    }

    /// How many images under a tag there were, if it came to that, and the codes of those that failed.
    pub(crate) fn progress(&self) -> Option<(usize, Vec<&str>)> {
        let results = self.results.as_ref()?;
        let failures = results.iter().filter_map(|result| result.failure.as_deref());
        Some((results.len(), failures.collect()))
    }

    /// A backfill fails when half of it fails. Source: ECR user guide, "Replication backfill".
    pub(crate) fn status(&self) -> BackfillStatus {
        match self.progress() {
            _ if self.stopped_at.is_some() => BackfillStatus::Stopped,
            None => BackfillStatus::Preparing,
            Some((total, failures)) if !failures.is_empty() && failures.len() * 2 >= total => {
                BackfillStatus::Failed
            }
            Some(_) => BackfillStatus::Complete,
        }
    }

    pub(crate) fn ended_at(&self) -> Option<Timestamp> {
        self.stopped_at.or(self.ended_at)
    }
}
