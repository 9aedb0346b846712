//! Lifecycle policies at work: each is applied once in every 24 hours of the emulator's clock.
//!
//! Nothing happens by itself in between: what is due is applied when the server starts, when the clock is
//! set, and once an hour. Source: ECR user guide, "Automate the cleanup of images by using lifecycle policies".

use std::sync::{Arc, Weak};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio_util::task::AbortOnDropHandle;

use crate::refusal::Refusal;
use crate::state::EmulatorState;
use crate::state::store::{Deletion, ImageDetail, ImageStatus, Owner, Registry, StorageClass};
use tagship_domain::lifecycle::{Action, Effect, Image, InvalidPolicy, LifecyclePolicy, Storage};
use tagship_domain::reference::{AccountId, Digest, Reference, Region, RepositoryName};

/// The name of the document with a repository's policy.
pub(crate) const POLICY: &str = "lifecycle-policy";

/// How often a policy is applied, and how long what refers to a missing image is kept.
const PERIOD: SignedDuration = SignedDuration::from_hours(24);

/// How often the server looks for what is due, by the machine's clock.
const LOOKS: Duration = Duration::from_hours(1);

/// A repository's policy.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredPolicy {
    pub(crate) text: String,
    put_at: Timestamp,
    pub(crate) evaluated_at: Option<Timestamp>,
}

impl StoredPolicy {
    /// A policy that is put now, and so applied in a day.
    pub(crate) fn new(text: String, now: Timestamp) -> Self {
        Self {
            text,
            put_at: now,
            evaluated_at: None,
        }
    }

    fn is_due(&self, now: Timestamp) -> bool {
        now.duration_since(self.evaluated_at.unwrap_or(self.put_at)) >= PERIOD
    }
}

/// Which policies to apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PolicySelection {
    Due,
    All,
}

/// What a policy did to an image.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PolicyEffect {
    registry_id: AccountId,
    region: Region,
    repository_name: RepositoryName,
    image_digest: Digest,
    /// `EXPIRE` or `TRANSITION`.
    action: &'static str,
    rule_priority: u32,
}

/// The action's name in the API. Source: ECR API reference, `LifecyclePolicyRuleAction`.
pub(crate) fn action_type(action: Action) -> &'static str {
    match action {
        Action::Expire => "EXPIRE",
        Action::Archive => "TRANSITION",
    }
}

/// Reads a policy; the refusal is that of the API.
pub(crate) fn read_policy(text: &str) -> Result<LifecyclePolicy, Refusal> {
    LifecyclePolicy::parse(text).map_err(|invalid: InvalidPolicy| {
        let problem = invalid.first();
        Refusal::parameter(
            "LifecyclePolicyText",
            format_args!("Lifecycle policy validation failure: {problem}"),
        )
    })
}

/// What policies look at of a repository's images.
pub(crate) fn images(
    registry: &Registry,
    repository: &RepositoryName,
    now: Timestamp,
) -> Result<Vec<Image>, Refusal> {
    let images = registry.images(repository)?;
    Ok(images.into_iter().map(|image| looked_at(image, now)).collect())
}

fn looked_at(image: ImageDetail, now: Timestamp) -> Image {
    let storage = match image.storage.status(now) {
        ImageStatus::Active => Storage::Standard {
            restored_at: image.storage.activated_at(now),
        },
        // What is being restored is as new as can be.
        ImageStatus::Activating => Storage::Standard {
            restored_at: Some(now),
        },
        ImageStatus::Archived => Storage::Archive {
            archived_at: image.storage.archived_at.unwrap_or(image.pushed_at),
        },
    };
    Image {
        digest: image.digest,
        tags: image.tags,
        pushed_at: image.pushed_at,
        pulled_at: image.pulled_at,
        storage,
        children: image.children,
    }
}

/// Applies the policies of all registries. Blocks.
pub(crate) fn apply(state: &EmulatorState, which: PolicySelection) -> Result<Vec<PolicyEffect>, Refusal> {
    let now = state.clock.now();
    let mut outcomes = Vec::new();
    for (registry, repository, policy) in state.registry.all_documents::<StoredPolicy>(POLICY)? {
        if which == PolicySelection::Due && !policy.is_due(now) {
            continue;
        }
        let effects = match apply_one(&registry, &repository, &policy, now) {
            // It was removed meanwhile.
            Err(Refusal::RepositoryNotFound { .. }) => continue,
            effects => effects?,
        };
        outcomes.extend(effects.into_iter().map(|effect| PolicyEffect {
            registry_id: registry.account().clone(),
            region: registry.region().clone(),
            repository_name: repository.clone(),
            image_digest: effect.digest,
            action: action_type(effect.action),
            rule_priority: effect.priority,
        }));
    }
    Ok(outcomes)
}

/// The same where it does not block the caller; what fails is logged, because no request waits for it.
pub(crate) async fn apply_due(state: &Arc<EmulatorState>) {
    let state = Arc::clone(state);
    let done = tokio::task::spawn_blocking(move || apply(&state, PolicySelection::Due)).await;
    match done {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::error!(%error, "lifecycle policies could not be applied"),
        Err(error) => tracing::error!(%error, "lifecycle policies could not be applied"),
    }
}

/// Applies what is due once an hour, as long as the emulator is there and the handle is kept.
pub(crate) fn keep_applying(state: &Arc<EmulatorState>) -> AbortOnDropHandle<()> {
    let state: Weak<EmulatorState> = Arc::downgrade(state);
    AbortOnDropHandle::new(tokio::spawn(async move {
        loop {
            tokio::time::sleep(LOOKS).await;
            let Some(state) = state.upgrade() else { break };
            apply_due(&state).await;
        }
    }))
}

fn apply_one(
    registry: &Registry,
    repository: &RepositoryName,
    policy: &StoredPolicy,
    now: Timestamp,
) -> Result<Vec<Effect>, Refusal> {
    let marked = read_policy(&policy.text)?.evaluate(&images(registry, repository, now)?, now);
    let mut effects = Vec::new();
    for effect in marked {
        let done = match effect.action {
            Action::Expire => expire(registry, repository, effect.digest)?,
            Action::Archive => {
                match registry.move_image(repository, effect.digest, StorageClass::Archive, now) {
                    // An image that changed meanwhile is left to the next time.
                    Err(Refusal::Modelled { .. }) => false,
                    moved => moved.map(|_| true)?,
                }
            }
        };
        if done {
            effects.push(effect);
        }
    }
    expire_orphans(registry, repository, now)?;
    registry.change_document(
        Owner::Repository(repository),
        POLICY,
        |stored: Option<StoredPolicy>| {
            Ok(stored.map(|stored| StoredPolicy {
                evaluated_at: Some(now),
                ..stored
            }))
        },
    )?;
    Ok(effects)
}

/// Removes an image and what refers to it; whether it was removed.
fn expire(registry: &Registry, repository: &RepositoryName, digest: Digest) -> Result<bool, Refusal> {
    let referrers = registry.referrers(repository, &digest)?;
    let deletion = registry.delete_image(repository, &Reference::Digest(digest))?;
    let done = matches!(deletion, Deletion::Done { .. });
    if done {
        for referrer in referrers {
            expire(registry, repository, referrer)?;
        }
    }
    Ok(done)
}

/// Removes what refers to an image that is gone. What was pushed within a day may be ahead of its subject.
///
/// Source: ECR user guide, "Lifecycle policy evaluation rules": reference artifacts follow within 24 hours.
fn expire_orphans(registry: &Registry, repository: &RepositoryName, now: Timestamp) -> Result<(), Refusal> {
    let images = registry.images(repository)?;
    let is_there = |digest: Digest| images.iter().any(|image| image.digest == digest);
    for image in &images {
        let is_orphan = image.subject.is_some_and(|subject| !is_there(subject));
        if is_orphan && now.duration_since(image.pushed_at) >= PERIOD {
            expire(registry, repository, image.digest)?;
        }
    }
    Ok(())
}
