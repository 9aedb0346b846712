use std::path::PathBuf;

use async_trait::async_trait;

use crate::domain::facts::{CommitId, Descent, GitTags};
use crate::domain::version::TagPrefix;
use crate::git::{GitError, GixCheckout};
use crate::ports::ReadHistory;
use crate::settings::Settings;

/// What lies around the commit, as the checkout tells it.
pub(super) struct History {
    checkout: GixCheckout,
    context: PathBuf,
    prefix: TagPrefix,
}

impl History {
    pub(super) fn of(settings: &Settings) -> Self {
        Self {
            checkout: GixCheckout::at(&settings.workspace),
            context: settings.build.context.clone(),
            prefix: settings.tag_prefix.clone(),
        }
    }
}

#[async_trait]
impl ReadHistory for History {
    async fn git_tags(&self) -> Result<GitTags, GitError> {
        let mut tags = tokio::task::block_in_place(|| self.checkout.git_tags(&self.context))?;
        // Those of other images say nothing of this one's versions.
        let own = tags.names.iter().filter_map(|name| self.prefix.rest(name));
        tags.names = own.map(str::to_owned).collect();
        Ok(tags)
    }

    async fn descent(&self, of: &CommitId, from: &CommitId) -> Result<Descent, GitError> {
        tokio::task::block_in_place(|| self.checkout.descent(&self.context, of, from))
    }
}
