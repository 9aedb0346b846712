//! Replication: ECR itself copies what is pushed to other registries.

use std::borrow::Cow;

use async_trait::async_trait;

use super::RegistryError;
use tagship_domain::error::{Diagnose, FailureKind, listed};
use tagship_domain::reference::{Digest, RepositoryName};

/// Watches how ECR copies images to other registries.
#[async_trait]
pub trait WatchReplication: Send + Sync {
    /// Returns where the repository's images are copied to, as account and region; never empty. Writes nothing.
    async fn destinations(&self) -> Result<Vec<String>, ReplicationError>;

    /// Waits until an image is in all of them.
    async fn wait(&self, digest: Digest, destinations: &[String]) -> Result<(), ReplicationError>;
}

/// Why an image is not in all registries that it is to be in.
#[derive(Debug, thiserror::Error)]
pub enum ReplicationError {
    /// No rule of the registry means the repository.
    #[error("no replication rule of the registry is for `{0}`, so that ECR never copies its images")]
    NoRule(RepositoryName),
    /// ECR does not copy the image.
    #[error("ECR has not begun to copy {digest} to {}", listed(to))]
    NotBegun {
        /// The image.
        digest: Digest,
        /// Where to.
        to: Vec<String>,
    },
    /// ECR could not copy the image.
    #[error("ECR could not copy {digest} to {}", listed(to))]
    Failed {
        /// The image.
        digest: Digest,
        /// Where to, with the reason.
        to: Vec<String>,
    },
    /// It takes too long.
    #[error("ECR has not copied {digest} to {} within {minutes} minutes", listed(to))]
    Late {
        /// The image.
        digest: Digest,
        /// Where it is not.
        to: Vec<String>,
        /// How long it was waited for.
        minutes: u64,
    },
    /// The registry does not say it.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl Diagnose for ReplicationError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::NoRule(_) => FailureKind::Usage,
            Self::NotBegun { .. } | Self::Failed { .. } | Self::Late { .. } => FailureKind::Operation,
            Self::Registry(error) => error.kind(),
        }
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::NoRule(_) => Some(
                "declare a rule under `registry-settings: replication:` and put it with `tagship repo apply`, or leave \
                 `wait-for-replication` out"
                    .into(),
            ),
            Self::NotBegun { .. } => Some(
                "ECR copies images when they are pushed, by the rules of that moment: copy this one with `tagship copy`".into(),
            ),
            Self::Failed { .. } => Some(
                "the image is published here; the policy of the other registry has to allow `ecr:ReplicateImage` to this one: mend \
                 it there, then run again"
                    .into(),
            ),
            Self::Late { .. } => {
                Some("the image is published here; run again, which waits again and pushes nothing".into())
            }
            Self::Registry(error) => error.hint(),
        }
    }
}
