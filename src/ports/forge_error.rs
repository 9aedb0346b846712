//! The error of the seam to GitHub.

use std::borrow::Cow;

use tagship_domain::error::{Diagnose, FailureKind};

/// What can go wrong with GitHub's API.
#[derive(Debug, thiserror::Error)]
pub enum ForgeError {
    /// The repository is not `owner/name`.
    #[error("`{repository}` is not a GitHub repository of the form `owner/name`")]
    InvalidRepository {
        /// What was given.
        repository: String,
    },
    /// The API refused or failed.
    #[error("GitHub could not be asked about `{repository}`: {message}")]
    Failed {
        /// `owner/name`.
        repository: String,
        /// What happened.
        message: String,
    },
}

impl Diagnose for ForgeError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::InvalidRepository { .. } => FailureKind::Usage,
            Self::Failed { .. } => FailureKind::Operation,
        }
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::InvalidRepository { .. } => None,
            Self::Failed { .. } => {
                Some("check that `github-token` may read the repository's `contents`".into())
            }
        }
    }
}
