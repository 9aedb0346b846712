use std::path::PathBuf;

use async_trait::async_trait;

use crate::domain::facts::{CommitId, Descent, GitTags};
use crate::git::{GitError, GixCheckout};
use crate::ports::ReadHistory;
use crate::settings::Settings;

/// What lies around the commit, as the checkout tells it.
pub(super) struct History {
    checkout: GixCheckout,
    context: PathBuf,
}

impl History {
    pub(super) fn of(settings: &Settings) -> Self {
        Self {
            checkout: GixCheckout::at(&settings.workspace),
            context: settings.build.context.clone(),
        }
    }
}

#[async_trait]
impl ReadHistory for History {
    async fn git_tags(&self) -> Result<GitTags, GitError> {
        tokio::task::block_in_place(|| self.checkout.git_tags(&self.context))
    }

    async fn descent(&self, of: &CommitId, from: &CommitId) -> Result<Descent, GitError> {
        tokio::task::block_in_place(|| self.checkout.descent(&self.context, of, from))
    }
}
