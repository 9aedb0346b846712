use std::error::Error as _;

use crate::ports::ForgeError;
use tagship_domain::error::{cleaned, innermost};

/// Returns what octocrab's error says inside: it prints as `GitHub` alone.
pub(super) fn failed(repository: String, error: &octocrab::Error) -> ForgeError {
    let message = match error {
        octocrab::Error::GitHub { source, .. } => {
            format!("{} ({})", cleaned(&source.message), source.status_code)
        }
        other => innermost(other),
    };
    ForgeError::Failed { repository, message }
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
