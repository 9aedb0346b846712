//! GitHub: what a checkout does not know.

use crate::error::{Diagnose, Kind};

/// What can go wrong with GitHub's API.
#[derive(Debug, thiserror::Error)]
pub enum ForgeError {
    /// The API refused or failed.
    #[error("GitHub does not tell about `{repository}`: {message}")]
    Failed {
        /// `owner/name`.
        repository: String,
        /// What happened.
        message: String,
    },
}

impl Diagnose for ForgeError {
    fn kind(&self) -> Kind {
        Kind::Operation
    }
}
