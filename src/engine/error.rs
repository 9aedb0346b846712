use std::borrow::Cow;

use crate::error::{Diagnose, Kind};
use crate::registry::RegistryError;

/// What can go wrong with the engine and the build.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// No engine answers.
    #[error("no Docker Engine answers at `{host}`: {message}")]
    Unreachable {
        /// The engine's address.
        host: String,
        /// Why.
        message: String,
    },
    /// Pushing what was built failed.
    #[error(transparent)]
    Push(#[from] RegistryError),
}

impl Diagnose for BuildError {
    fn kind(&self) -> Kind {
        match self {
            Self::Unreachable { .. } => Kind::Operation,
            Self::Push(error) => error.kind(),
        }
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Unreachable { .. } => Some("start Docker, or name its address with `docker-host`".into()),
            Self::Push(error) => error.hint(),
        }
    }
}
