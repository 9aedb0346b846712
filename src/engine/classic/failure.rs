//! Why one reading of an archive did not come to its end.

use std::io;

use crate::ports::{BuildError, RegistryError};
use tagship_domain::error::cleaned;

/// Why one reading of an archive did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The engine did not give a stream.
    #[error(transparent)]
    Open(BuildError),
    /// The stream broke off.
    #[error("the image could not be read: {0}")]
    Read(#[from] io::Error),
    /// A file that is there for this push alone cannot be made or written.
    #[error("{}", temporary_failure(&.0.to_string()))]
    Temporary(io::Error),
    /// The stream is not what `docker save` gives.
    #[error("the engine's image archive {0}")]
    Malformed(String),
    /// The registry did not take it.
    #[error(transparent)]
    Push(#[from] RegistryError),
}

impl Failure {
    pub(super) fn malformed(problem: impl Into<String>) -> Self {
        Self::Malformed(problem.into())
    }

    /// Whether reading it again may succeed.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            // An engine that does not say that it is there is gone, and waiting for it again would take as long.
            Self::Read(error) => error.kind() != io::ErrorKind::TimedOut,
            Self::Push(error) => error.is_transient(),
            Self::Open(_) | Self::Malformed(_) | Self::Temporary(_) => false,
        }
    }

    pub(super) fn into_error(self) -> BuildError {
        match self {
            Self::Open(error) => error,
            Self::Push(error) => error.into(),
            Self::Temporary(error) => temporary_failure(&error.to_string()),
            Self::Read(error) => RegistryError::Source(error.to_string()).into(),
            Self::Malformed(_) => RegistryError::Source(self.to_string()).into(),
        }
    }
}

/// What it means that a file that is there for a run alone cannot be made or written.
pub(in crate::engine) fn temporary_failure(problem: &str) -> BuildError {
    BuildError::Temporary {
        folder: cleaned(&tempfile::env::temp_dir().display().to_string()),
        message: cleaned(problem),
    }
}
