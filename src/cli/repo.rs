//! The flags of `tagship repo`.

use clap::{Args, Subcommand};

use super::help;
use super::registry_arguments::{RegistryArguments, RepoArgumentError, repository_name};
use super::repo_cost::CostArguments;
use crate::inputs::Environment;
use crate::run::{DeleteRequest, ImportRequest, PreviewBy, RegistryRequest};
use crate::ui::Ui;
use tagship_domain::reference::RepositoryName;

/// What is done with the repositories of a registry.
#[derive(Debug, Subcommand)]
pub(super) enum RepoCommand {
    /// Show how repositories differ from what `tagship.yaml` declares, and write nothing
    #[command(after_help = help::REPO_PLAN, after_long_help = help::REPO_PLAN)]
    Plan(PlanArguments),
    /// Make repositories and put their settings, as `tagship.yaml` declares them
    #[command(after_help = help::REPO_APPLY, after_long_help = help::REPO_APPLY)]
    Apply(ApplyArguments),
    /// List repositories: settings, images, bytes, last push and pull, findings, drift
    #[command(after_help = help::REPO_LIST, after_long_help = help::REPO_LIST)]
    List(ListArguments),
    /// Print the declaration of repositories that are there
    #[command(after_help = help::REPO_IMPORT, after_long_help = help::REPO_IMPORT)]
    Import(ImportArguments),
    /// Remove a repository
    #[command(after_help = help::REPO_DELETE, after_long_help = help::REPO_DELETE)]
    Delete(DeleteArguments),
    /// Show what repositories cost a month, what lifecycle policies would save, and what the same costs elsewhere
    #[command(after_help = help::REPO_COST, after_long_help = help::REPO_COST)]
    Cost(Box<CostArguments>),
}

/// What is done with lifecycle policies.
#[derive(Debug, Subcommand)]
pub(super) enum LifecycleCommand {
    /// Show which images lifecycle policies would delete or archive, and why; nothing is written
    #[command(after_help = help::LIFECYCLE_PREVIEW, after_long_help = help::LIFECYCLE_PREVIEW)]
    Preview(PreviewArguments),
}

/// The flags of `tagship repo plan`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct PlanArguments {
    /// The repositories [default: all that are declared by name]
    #[arg(value_name = "REPOSITORY", value_parser = repository_name)]
    names: Vec<RepositoryName>,
    /// End with exit code 12 where anything differs
    #[arg(long)]
    exit_code: bool,
    /// Print Markdown, for a pull request or a job's summary
    #[arg(long)]
    markdown: bool,
    /// Take lifecycle policies although they would delete what is protected
    #[arg(long)]
    allow_protected: bool,
    /// Remove repositories that nothing declares and that hold no image; those that hold images stay
    #[arg(long, conflicts_with = "names")]
    prune: bool,
    #[command(flatten)]
    registry: RegistryArguments,
}

/// The flags of `tagship lifecycle preview`.
#[derive(Debug, Args)]
pub(super) struct PreviewArguments {
    /// Ask ECR itself, and show where it differs from the evaluator of this program; the repository's last preview is replaced
    #[arg(long)]
    by_ecr: bool,
    #[command(flatten)]
    others: CheckArguments,
}

/// The flags of `tagship repo apply`.
#[derive(Debug, Args)]
pub(super) struct ApplyArguments {
    /// Remove repositories that nothing declares and that hold no image; those that hold images stay
    #[arg(long, conflicts_with = "names")]
    prune: bool,
    #[command(flatten)]
    others: CheckArguments,
}

/// The flags of what judges lifecycle policies.
#[derive(Debug, Args)]
struct CheckArguments {
    /// The repositories [default: all that are declared by name]
    #[arg(value_name = "REPOSITORY", value_parser = repository_name)]
    names: Vec<RepositoryName>,
    /// Take lifecycle policies although they would delete what is protected
    #[arg(long)]
    allow_protected: bool,
    #[command(flatten)]
    registry: RegistryArguments,
}

/// The flags of `tagship repo list`.
#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// The repositories [default: all of the registry]
    #[arg(value_name = "REPOSITORY", value_parser = repository_name)]
    names: Vec<RepositoryName>,
    /// End with exit code 12 where a repository is not as declared
    #[arg(long)]
    exit_code: bool,
    /// Print Markdown, for a job's summary
    #[arg(long)]
    markdown: bool,
    #[command(flatten)]
    registry: RegistryArguments,
}

/// The flags of `tagship repo import`.
#[derive(Debug, Args)]
pub(super) struct ImportArguments {
    /// The repositories [default: all of the registry]
    #[arg(value_name = "REPOSITORY", value_parser = repository_name)]
    names: Vec<RepositoryName>,
    /// Print the registry's own settings too
    #[arg(long)]
    registry_settings: bool,
    #[command(flatten)]
    registry: RegistryArguments,
}

/// The flags of `tagship repo delete`.
#[derive(Debug, Args)]
pub(super) struct DeleteArguments {
    /// The repository
    #[arg(value_name = "REPOSITORY", value_parser = repository_name)]
    name: RepositoryName,
    /// Remove it with all its images; its name has to be typed once more
    #[arg(long)]
    force: bool,
    /// The repository's name once more, where no terminal can ask for it
    #[arg(long, value_name = "REPOSITORY", requires = "force")]
    confirm: Option<String>,
    #[command(flatten)]
    registry: RegistryArguments,
}

impl PlanArguments {
    /// What is asked for.
    pub(super) fn into_request(
        self,
        environment: &Environment,
    ) -> Result<RegistryRequest, RepoArgumentError> {
        Ok(RegistryRequest {
            settings: self.registry.into_settings(environment)?,
            names: self.names,
            fails_on_drift: self.exit_code,
            is_markdown: self.markdown,
            allows_protected: self.allow_protected,
            removes_undeclared: self.prune,
        })
    }
}

impl PreviewArguments {
    /// What is asked for, and who says what goes.
    pub(super) fn into_request(
        self,
        environment: &Environment,
    ) -> Result<(RegistryRequest, PreviewBy), RepoArgumentError> {
        let by = if self.by_ecr {
            PreviewBy::Registry
        } else {
            PreviewBy::Evaluator
        };
        Ok((self.others.into_request(environment)?, by))
    }
}

impl ApplyArguments {
    /// What is asked for.
    pub(super) fn into_request(
        self,
        environment: &Environment,
    ) -> Result<RegistryRequest, RepoArgumentError> {
        Ok(RegistryRequest {
            removes_undeclared: self.prune,
            ..self.others.into_request(environment)?
        })
    }
}

impl CheckArguments {
    fn into_request(self, environment: &Environment) -> Result<RegistryRequest, RepoArgumentError> {
        Ok(RegistryRequest {
            settings: self.registry.into_settings(environment)?,
            names: self.names,
            fails_on_drift: false,
            is_markdown: false,
            allows_protected: self.allow_protected,
            removes_undeclared: false,
        })
    }
}

impl ListArguments {
    /// What is asked for.
    pub(super) fn into_request(
        self,
        environment: &Environment,
    ) -> Result<RegistryRequest, RepoArgumentError> {
        Ok(RegistryRequest {
            settings: self.registry.into_settings(environment)?,
            names: self.names,
            fails_on_drift: self.exit_code,
            is_markdown: self.markdown,
            allows_protected: false,
            removes_undeclared: false,
        })
    }
}

impl ImportArguments {
    /// What is asked for.
    pub(super) fn into_request(self, environment: &Environment) -> Result<ImportRequest, RepoArgumentError> {
        Ok(ImportRequest {
            settings: self.registry.into_settings(environment)?,
            names: self.names,
            with_settings: self.registry_settings,
        })
    }
}

impl DeleteArguments {
    /// What is asked for, once the repository's name is typed where that is needed.
    pub(super) fn into_request(
        self,
        ui: &Ui,
        environment: &Environment,
    ) -> Result<DeleteRequest, RepoArgumentError> {
        let settings = self.registry.into_settings(environment)?;
        if self.force {
            let question = format!(
                "type the name of repository `{}` to remove it with all its images: ",
                self.name
            );
            let typed = match self.confirm {
                None if ui.can_ask() => ui.ask(&question),
                typed => typed,
            };
            if typed.as_deref() != Some(self.name.as_str()) {
                return Err(RepoArgumentError::Unconfirmed(self.name));
            }
        }
        Ok(DeleteRequest {
            settings,
            name: self.name,
            with_images: self.force,
        })
    }
}
