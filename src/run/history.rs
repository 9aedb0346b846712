//! What lies around the commit, from the checkout and from GitHub.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use super::source::checkout;
use crate::git::GixCheckout;
use crate::github::GithubForge;
use crate::ports::ForgeError;
use crate::ports::{GitError, ReadForge as _, ReadHistory, Reporter, RunEvent};
use crate::settings::{GithubSettings, Settings};
use tagship_domain::facts::{CommitId, Descent, GitTags};

/// What lies around the commit, as the checkout has it, and GitHub where the clone is too short.
pub(super) struct History {
    checkout: GixCheckout,
    context: PathBuf,
    github: GithubSettings,
    reporter: Arc<dyn Reporter>,
    /// Whether there need not be a checkout.
    is_optional: bool,
}

impl History {
    pub(super) fn of(settings: &Settings, reporter: Arc<dyn Reporter>) -> Self {
        Self {
            checkout: checkout(settings),
            context: settings.build.context.clone(),
            github: settings.github.clone(),
            reporter,
            is_optional: false,
        }
    }

    /// What lies around the commits of a folder's checkout.
    pub(super) fn at(workspace: &Path, github: &GithubSettings, reporter: Arc<dyn Reporter>) -> Self {
        Self {
            checkout: GixCheckout::at(workspace),
            context: workspace.to_owned(),
            github: github.clone(),
            reporter,
            is_optional: false,
        }
    }

    /// The same where there may be no checkout: then git says nothing, and the registry's tags count.
    pub(super) fn optional_at(
        workspace: &Path,
        github: &GithubSettings,
        reporter: Arc<dyn Reporter>,
    ) -> Self {
        Self {
            is_optional: true,
            ..Self::at(workspace, github, reporter)
        }
    }

    async fn ask_github(&self, of: &CommitId, from: &CommitId) -> Result<Option<Descent>, ForgeError> {
        match GithubForge::of(&self.github)? {
            Some(forge) => forge.descent(of, from).await.map(Some),
            None => Ok(None),
        }
    }
}

#[async_trait]
impl ReadHistory for History {
    async fn git_tags(&self) -> Result<GitTags, GitError> {
        match tokio::task::block_in_place(|| self.checkout.git_tags(&self.context)) {
            Err(GitError::NoRepository { .. }) if self.is_optional => Ok(GitTags {
                names: Vec::new(),
                is_shallow: true,
            }),
            tags => tags,
        }
    }

    async fn descent(&self, of: &CommitId, from: &CommitId) -> Result<Descent, GitError> {
        let seen = match tokio::task::block_in_place(|| self.checkout.descent(&self.context, of, from)) {
            Err(GitError::NoRepository { .. }) if self.is_optional => Descent::Unknown { is_shallow: true },
            seen => seen?,
        };
        if !matches!(seen, Descent::Unknown { .. }) {
            return Ok(seen);
        }
        match self.ask_github(of, from).await {
            Ok(answer) => Ok(answer.unwrap_or(seen)),
            Err(error) => {
                let note = format!(
                    "whether commit {} comes after {}: {error}",
                    of.short(),
                    from.short()
                );
                self.reporter.event(RunEvent::Note(&note));
                Ok(seen)
            }
        }
    }
}
