//! Replication, as ECR says how far it is.
//!
//! Source: ECR user guide, "Private image replication"; ECR API reference, `DescribeRegistry`, `DescribeImageReplicationStatus`.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_ecr::types::{ImageIdentifier, ReplicationRule, ReplicationStatus};
use tokio::time::{Instant, sleep};

use super::Ecr;
use super::answer::Call;
use crate::limits;
use crate::ports::{RegistryError, ReplicationError, WatchReplication};
use tagship_domain::error::cleaned;
use tagship_domain::reference::{Digest, RepositoryName};

/// The copies that ECR makes of one repository's images.
#[derive(Debug)]
pub struct Replication {
    ecr: Arc<Ecr>,
    repository: RepositoryName,
}

/// How far one copy is.
#[derive(Debug, PartialEq, Eq)]
enum CopyState {
    InProgress,
    Complete,
    Failed(String),
}

impl Replication {
    /// Returns the copies of a repository's images; contacts no server.
    pub const fn new(ecr: Arc<Ecr>, repository: RepositoryName) -> Self {
        Self { ecr, repository }
    }

    fn call(&self, action: &'static str, operation: &'static str) -> Call<'_> {
        Call {
            registry: &self.ecr.registry,
            repository: &self.repository,
            action,
            operation,
        }
    }

    /// How far the copies of an image are, by where they go.
    async fn progress(&self, digest: &Digest) -> Result<BTreeMap<String, CopyState>, RegistryError> {
        let call = self.call(
            "ecr:DescribeImageReplicationStatus",
            "reading whether the image is replicated",
        );
        let account = self.ecr.registry.account().map(ToString::to_string);
        let id = ImageIdentifier::builder()
            .image_digest(digest.to_string())
            .build();
        let in_region = self.ecr.home().await;
        let answer = in_region
            .client
            .call(|client: aws_sdk_ecr::Client| {
                let request = client
                    .describe_image_replication_status()
                    .set_registry_id(account.clone())
                    .repository_name(self.repository.as_str())
                    .image_id(id.clone());
                async move { request.send().await }
            })
            .await
            .map_err(|failure| call.failed(failure))?;
        let mut copies = BTreeMap::new();
        for copy in answer.replication_statuses() {
            let state = match copy.status() {
                Some(ReplicationStatus::Complete) => CopyState::Complete,
                Some(ReplicationStatus::Failed) => {
                    CopyState::Failed(cleaned(copy.failure_code().unwrap_or("no reason is given")))
                }
                // A state that is new is none of an end.
                _ => CopyState::InProgress,
            };
            copies.insert(place(copy.registry_id(), copy.region()), state);
        }
        Ok(copies)
    }
}

/// A registry, for people and to compare.
fn place(account: Option<&str>, region: Option<&str>) -> String {
    let known = |text: Option<&str>| cleaned(text.unwrap_or("?"));
    format!("{} in {}", known(account), known(region))
}

/// Whether a rule means a repository. Source: ECR API reference, `RepositoryFilter`: only prefixes, all without one.
fn is_for(rule: &ReplicationRule, repository: &RepositoryName) -> bool {
    let mut filters = rule.repository_filters().iter();
    rule.repository_filters().is_empty()
        || filters.any(|filter| repository.as_str().starts_with(filter.filter()))
}

#[async_trait]
impl WatchReplication for Replication {
    async fn destinations(&self) -> Result<Vec<String>, ReplicationError> {
        let call = self.call("ecr:DescribeRegistry", "reading where images are replicated to");
        let in_region = self.ecr.home().await;
        let answer = in_region
            .client
            .call(|client| async move { client.describe_registry().send().await })
            .await
            .map_err(|failure| call.failed(failure))?;
        let rules = answer
            .replication_configuration()
            .map_or(&[][..], |setting| setting.rules());
        let meant = rules.iter().filter(|rule| is_for(rule, &self.repository));
        let mut places: Vec<String> = meant
            .flat_map(ReplicationRule::destinations)
            .map(|destination| place(Some(destination.registry_id()), Some(destination.region())))
            .collect();
        places.sort_unstable();
        places.dedup();
        if places.is_empty() {
            return Err(ReplicationError::NoRule(self.repository.clone()));
        }
        Ok(places)
    }

    /// What fails is named at once; a copy that is not listed may still begin.
    async fn wait(&self, digest: Digest, destinations: &[String]) -> Result<(), ReplicationError> {
        let begun = Instant::now();
        let mut pause = limits::SCAN_FIRST_PAUSE;
        loop {
            let copies = self.progress(&digest).await?;
            let mut failed = Vec::new();
            let (mut unfinished, mut absent) = (Vec::new(), Vec::new());
            for to in destinations {
                match copies.get(to) {
                    Some(CopyState::Complete) => {}
                    Some(CopyState::Failed(reason)) => failed.push(format!("{to}: {reason}")),
                    Some(CopyState::InProgress) => unfinished.push(to.clone()),
                    None => absent.push(to.clone()),
                }
            }
            if !failed.is_empty() {
                return Err(ReplicationError::Failed { digest, to: failed });
            }
            if unfinished.is_empty() && absent.is_empty() {
                return Ok(());
            }
            let waited = begun.elapsed() + pause;
            if !absent.is_empty() && waited > limits::REPLICATION_BEGIN {
                return Err(ReplicationError::NotBegun { digest, to: absent });
            }
            if waited > limits::REPLICATION {
                return Err(ReplicationError::Late {
                    digest,
                    to: unfinished,
                    minutes: limits::REPLICATION.as_secs() / 60,
                });
            }
            sleep(pause).await;
            pause = pause.saturating_mul(2).min(limits::SCAN_LONGEST_PAUSE);
        }
    }
}
