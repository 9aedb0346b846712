//! Why what is declared could not be put.

use std::borrow::Cow;

use crate::ports::RegistryError;
use tagship_domain::error::{Diagnose, FailureKind};
use tagship_domain::repositories::Obstacle;

/// Why a repository is not as declared although it was to be.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The registry does not do it.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// Another run made the repository meanwhile, with what cannot be changed.
    #[error("{0}")]
    Obstacle(Obstacle),
    /// Another run made the repository meanwhile, and another removed it.
    #[error("the repository was made and removed by others meanwhile")]
    Gone,
    /// ECR makes no repository by a template.
    #[error("creation template `{prefix}` made no repository")]
    Template {
        /// The template's prefix.
        prefix: String,
        /// What the push came to.
        source: RegistryError,
    },
    /// The upstream registry of a cache cannot be used.
    #[error("the upstream of cache rule `{prefix}` cannot be used: {problem}")]
    Upstream {
        /// The rule's prefix.
        prefix: String,
        /// Why, as the registry says it; cleaned.
        problem: String,
    },
}

impl ApplyError {
    /// Whether no other repository could do better.
    pub(crate) const fn is_about_credentials(&self) -> bool {
        matches!(
            self,
            Self::Registry(RegistryError::Login { .. } | RegistryError::Unauthorized { .. })
        )
    }
}

impl Diagnose for ApplyError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Registry(error) | Self::Template { source: error, .. } => error.kind(),
            Self::Obstacle(_) => FailureKind::Drift,
            Self::Gone | Self::Upstream { .. } => FailureKind::Operation,
        }
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Template {
                source: RegistryError::RepositoryMissing { .. },
                ..
            } => Some(
                "check its `role`: ECR assumes it to make the repository, and it needs `ecr:CreateRepository`, with tags \
                 `ecr:TagResource`, and with a key the use of that key"
                    .into(),
            ),
            Self::Registry(error) | Self::Template { source: error, .. } => error.hint(),
            Self::Obstacle(obstacle) => Some(obstacle.hint().into()),
            Self::Gone => Some("run again".into()),
            Self::Upstream { .. } => {
                Some("the rule is there; check the secret or the role that it names".into())
            }
        }
    }
}
