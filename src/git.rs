//! The checkout, read with gix.

use std::borrow::Cow;

use crate::error::{Diagnose, Kind};

/// What can go wrong with the checkout.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is no repository.
    #[error("`{path}` is not in a git repository")]
    NoRepository {
        /// Where it was looked for.
        path: String,
    },
}

impl Diagnose for GitError {
    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        Some("check the repository out first: `uses: actions/checkout`".into())
    }
}
