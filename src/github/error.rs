use std::borrow::Cow;
use std::error::Error as _;

use tagship_domain::error::{Diagnose, Kind, cleaned};

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
    #[error("GitHub does not tell about `{repository}`: {message}")]
    Failed {
        /// `owner/name`.
        repository: String,
        /// What happened.
        message: String,
    },
}

impl ForgeError {
    /// octocrab's own error prints as `GitHub`, which says nothing.
    pub(super) fn of(repository: String, error: &octocrab::Error) -> Self {
        let message = match error {
            octocrab::Error::GitHub { source, .. } => {
                format!("{} ({})", cleaned(&source.message), source.status_code)
            }
            other => {
                let mut cause: &(dyn std::error::Error + 'static) = other;
                while let Some(source) = cause.source() {
                    cause = source;
                }
                cleaned(&cause.to_string())
            }
        };
        Self::Failed { repository, message }
    }
}

/// Whether the same question may be answered later.
pub(super) fn is_transient(error: &octocrab::Error) -> bool {
    match error {
        octocrab::Error::GitHub { source, .. } => {
            source.status_code.is_server_error() || source.status_code.as_u16() == 429
        }
        octocrab::Error::Hyper { .. } | octocrab::Error::Service { .. } => error.source().is_some(),
        _ => false,
    }
}

impl Diagnose for ForgeError {
    fn kind(&self) -> Kind {
        match self {
            Self::InvalidRepository { .. } => Kind::Usage,
            Self::Failed { .. } => Kind::Operation,
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
